import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EngineError } from "../../../gpu/inference/engine-error.ts";
import type { DubRequest } from "../../../gpu/inference/engine.ts";
import { createRealEngine } from "../../../gpu/inference/real-engine.ts";
import {
  childCommand,
  modelsForTests,
  quietLogger,
  realEngine,
  stagesRun,
} from "../../support/real-engine.ts";
import { dubAt16k, fixtureSound, whiteNoise } from "./sounds.ts";
import { characterErrorRate, wordErrorRate } from "./text-distance.ts";

const kennedy =
  "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country.";

let modelsDir: string;
let engine: ReturnType<typeof createRealEngine>;

beforeAll(async () => {
  modelsDir = await modelsForTests();
  engine = await realEngine();
}, 90_000);

/** A fragment in file pacing: this machine's speed is not what is tested. */
function fragment(pcm16k: Float32Array, change: Partial<DubRequest> = {}): DubRequest {
  return {
    streamId: "stream",
    fragmentId: "fragment",
    pcm16k,
    sourceLanguage: "en",
    targetLanguage: "pt",
    voiceProfile: "default",
    durationMs: pcm16k.length / 16,
    file: true,
    ...change,
  };
}

async function failureOf(run: Promise<unknown>): Promise<EngineError> {
  const error = await run.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error instanceof EngineError) return error;
  throw new Error(`not an engine error: ${String(error)}`);
}

test("a started engine says what it serves", () => {
  expect(engine.health()).toMatchObject({ state: "ready" });
  expect(engine.pairs()).toContainEqual(["en", "pt"]);
  expect(engine.pairs()).toContainEqual(["pt", "en"]);
  expect(engine.models).toMatchObject({ asr: "whisper-base-onnx", tts: "kokoro-82m-v1.0" });
  expect(engine.hasVoice("pm_alex", "pt-BR")).toBe(true);
  expect(engine.hasVoice("pm_alex", "en")).toBe(false);
});

test("what its stages cost is measured: a pass, a translation, and speech that is as long as speech is", async () => {
  const figures = await engine.measure?.();
  expect(figures?.passMs).toBeGreaterThan(10);
  expect(figures?.translateMs).toBeGreaterThan(0);
  expect(figures?.speakRtf).toBeGreaterThan(0);
  expect(figures?.msPerCharacter).toBeGreaterThan(40);
  expect(figures?.msPerCharacter).toBeLessThan(100);
}, 60_000);

describe("a speech of several utterances", () => {
  test("is understood, translated, and spoken at its own places", async () => {
    const pcm16k = await fixtureSound("speech/jfk.flac");
    const result = await engine.process(fragment(pcm16k));
    expect(wordErrorRate(result.transcript, kennedy)).toBeLessThanOrEqual(0.05);
    expect(result.translatedText.toLowerCase()).toContain("país");
    expect(result.audio.length).toBeGreaterThanOrEqual(pcm16k.length * 1.5);
    expect(result.dubbedDurationMs).toBe(Math.round(result.audio.length / 24));

    expect(result.utterances.length).toBeGreaterThanOrEqual(3);
    let freeFromMs = 0;
    for (const { startMs, dubStartMs, dubEndMs, tempo } of result.utterances) {
      expect(dubStartMs).toBeGreaterThanOrEqual(Math.max(startMs, freeFromMs));
      expect(dubStartMs).toBeLessThan(startMs + 500);
      expect(tempo).toBeGreaterThanOrEqual(0.8);
      expect(tempo).toBeLessThanOrEqual(1.3);
      freeFromMs = dubEndMs;
    }
    const beforeSpeech = result.audio.subarray(0, result.utterances[0]!.dubStartMs * 24);
    expect(beforeSpeech.every((sample) => sample === 0)).toBe(true);
    expect(stagesRun).toContain("asr");

    // What was spoken is what was meant: recognised back, and translated home again.
    const dub = dubAt16k(result.audio);
    const back = await engine.process(
      fragment(dub, { sourceLanguage: "pt-BR", targetLanguage: "en" }),
    );
    expect(characterErrorRate(back.transcript, result.translatedText)).toBeLessThanOrEqual(0.15);
    expect(back.translatedText.toLowerCase()).toMatch(/country/);
    expect(back.models.translation).toBe("bergamot-pt-en");
  }, 90_000);
});

test("a short sentence becomes Portuguese, in the voice that was asked for", async () => {
  const pcm16k = await fixtureSound("speech/LJ001-0008.flac");
  const result = await engine.process(fragment(pcm16k, { voiceProfile: "pm_alex" }));
  expect(result.transcript.toLowerCase()).toContain("never been surpassed");
  expect(result.translatedText).toMatch(/nunca foi (superad|ultrapassad)[oa]/i);
  expect(result.status).toBe("success");
  expect(result.audio).toHaveLength(Math.round((result.originalDurationMs * 24_000) / 1000));
  expect(result.audio.some((sample) => Math.abs(sample) > 0.1)).toBe(true);
}, 60_000);

describe("a clause spoken at a wished tempo", () => {
  const text =
    "The morning train was late again, so we walked along the river and talked about the weather.";
  test.each([0.9, 1, 1.2, 1.3])(
    "of %d is as long as that says, and is understood",
    async (tempo) => {
      const request = { text, voiceProfile: "default", language: "en-US", tempo };
      const spoken = await engine.speak(request);
      const length = spoken.audio.length / 24;
      expect(Math.abs(length / (spoken.naturalMs / tempo) - 1)).toBeLessThan(0.02);
      expect(Math.abs(spoken.tempo / tempo - 1)).toBeLessThan(0.02);
      expect(spoken.model).toBe("kokoro-82m-v1.0");
      const heard = await engine.process(fragment(dubAt16k(spoken.audio)));
      expect(characterErrorRate(heard.transcript, text)).toBeLessThanOrEqual(0.05);
    },
    60_000,
  );

  test("has the natural length that it tells, whatever its tempo", async () => {
    const at = (tempo: number) =>
      engine.speak({ text, voiceProfile: "default", language: "en", tempo });
    const natural = (await at(1)).audio.length / 24;
    for (const tempo of [0.9, 1.2])
      expect(Math.abs((await at(tempo)).naturalMs / natural - 1)).toBeLessThan(0.08);
  }, 60_000);

  test("stops between its pieces when its caller leaves", async () => {
    const leaving = new AbortController();
    const request = {
      text: `${text} `.repeat(20),
      voiceProfile: "default",
      language: "en",
      tempo: 1,
    };
    const given = failureOf(engine.speak(request, { signal: leaving.signal }));
    leaving.abort();
    expect((await given).code).toBe("TIMEOUT");
    const next = { ...request, text: "Hello." };
    expect((await engine.speak(next, { timeoutMs: 20_000 })).audio.length).toBeGreaterThan(4800);
  }, 60_000);

  test("in a voice that there is not is refused, naming those there are", async () => {
    const request = { text, voiceProfile: "pf_dora", language: "en", tempo: 1 };
    const error = await failureOf(engine.speak(request));
    expect(error).toMatchObject({ code: "INVALID_VOICE_PROFILE", stage: "tts" });
    expect(error.message).toContain("af_heart");
  });
});

test("the stage of clauses translates by the same chain, with the session's terms", async () => {
  const request = {
    text: "May scored 3.5 points in the second half.",
    source: "en",
    target: "pt",
    keepTerms: ["May"],
  };
  const answer = await engine.translate(request);
  expect(answer).toMatchObject({ model: "bergamot-en-pt", fellBackFrom: [], warnings: [] });
  expect(answer.text).toContain("May");
  expect(answer.text).toContain("3,5");
  expect((await failureOf(engine.translate({ ...request, target: "sw" }))).code).toBe(
    "UNSUPPORTED_LANGUAGE",
  );
});

describe("what is no speech gives no words and silence", () => {
  test.each([
    ["digital silence", () => Promise.resolve(new Float32Array(5 * 16_000))],
    ["white noise", () => Promise.resolve(whiteNoise(5, 0.1))],
    ["music", () => fixtureSound("music.ogg", 20)],
  ])(
    "%s",
    async (_, sound) => {
      const result = await engine.process(fragment(await sound()));
      expect(result.transcript).toBe("");
      expect(result.translatedText).toBe("");
      expect(result.utterances).toEqual([]);
      expect(result.audio.every((sample) => sample === 0)).toBe(true);
      expect(result.status).toBe("success");
    },
    60_000,
  );

  test("a fragment whose sender heard none is answered without any work", async () => {
    stagesRun.length = 0;
    const request = fragment(new Float32Array(0), { speech: false, durationMs: 1000 });
    const result = await engine.process(request);
    expect(result.audio).toEqual(new Float32Array(24_000));
    expect(stagesRun).toEqual([]);
  });
});

describe("bad requests", () => {
  test("a pair that nothing serves is refused with the pairs that are", async () => {
    const request = fragment(new Float32Array(16_000), { targetLanguage: "sw" });
    const error = await failureOf(engine.process(request));
    expect(error).toMatchObject({
      code: "UNSUPPORTED_LANGUAGE",
      retryable: false,
      blame: "caller",
    });
    expect(error.metadata?.["pairs"]).toContainEqual(["en", "pt"]);
  });

  test("a voice that does not speak the language is refused", async () => {
    const request = fragment(new Float32Array(16_000), { voiceProfile: "af_heart" });
    expect((await failureOf(engine.process(request))).code).toBe("INVALID_VOICE_PROFILE");
  });

  test("a fragment whose deadline has passed is dropped", async () => {
    const request = fragment(whiteNoise(1, 0.1), { deadlineAtMs: performance.now() - 1 });
    expect(await failureOf(engine.process(request))).toMatchObject({
      code: "TIMEOUT",
      stage: "asr",
    });
  });
});

test("a child killed in the middle of its work costs that request, and the next one is served", async () => {
  const pcm16k = await fixtureSound("speech/LJ001-0008.flac");
  const cut = failureOf(engine.process(fragment(pcm16k)));
  const recogniser = engine.health().children.find((child) => child.task === "recognise");
  expect(recogniser?.queued).toBe(1);
  process.kill(recogniser?.pid ?? -1, "SIGKILL");
  expect(await cut).toMatchObject({
    code: "MODEL_ERROR",
    retryable: true,
    blame: "us",
    stage: "asr",
  });
  expect(engine.health()).toMatchObject({ state: "degraded" });

  const after = await engine.process(fragment(pcm16k));
  expect(after.transcript.toLowerCase()).toContain("never been surpassed");
  expect(engine.health()).toMatchObject({ state: "ready" });
}, 60_000);

test("a truncated weight file fails the start, by name and with the remedy", async () => {
  const broken = mkdtempSync(join(tmpdir(), "livedub-weights-"));
  try {
    for (const folder of ["vad", "tts", "mt"])
      symlinkSync(join(modelsDir, folder), join(broken, folder));
    const whisper = join("asr", "whisper-base-onnx");
    mkdirSync(join(broken, whisper), { recursive: true });
    symlinkSync(
      join(modelsDir, "asr", "whisper-tokenizer"),
      join(broken, "asr", "whisper-tokenizer"),
    );
    for (const file of readdirSync(join(modelsDir, whisper)))
      symlinkSync(join(modelsDir, whisper, file), join(broken, whisper, file));
    const encoder = join(broken, whisper, "encoder_model_int8.onnx");
    rmSync(encoder);
    const whole = await Bun.file(join(modelsDir, whisper, "encoder_model_int8.onnx")).bytes();
    writeFileSync(encoder, whole.subarray(0, whole.length / 3));

    await using damaged = createRealEngine({
      modelsDir: broken,
      logger: quietLogger,
      childCommand,
    });
    const error = await damaged.start().then(
      () => undefined,
      (cause: unknown) => cause as Error,
    );
    expect(error?.message).toContain(encoder);
    expect(error?.message).toContain("livedub-sts models pull");
    expect(damaged.health().state).toBe("failed");
  } finally {
    rmSync(broken, { recursive: true });
  }
}, 60_000);
