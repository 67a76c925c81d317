import { describe, expect, test } from "bun:test";
import { EngineError } from "../../../gpu/inference/engine-error.ts";
import {
  msPerCharacter,
  sayScript,
  ScriptedStagesEngine,
  type ScriptedWord,
  soundOf,
} from "../../support/scripted-stages.ts";
import { startSidecar } from "../../support/sidecar-server.ts";
import { StsClient } from "../../support/sts-client.ts";

const fragmentMs = 320;
const script = sayScript(
  "The keeper saved the first shot of the evening. Then they scored a goal from the corner.",
  640,
);
const scriptMs = 7040;

interface Sent {
  readonly delayMs?: number;
  readonly config?: Record<string, unknown>;
  readonly from?: number;
}

/** Sends a sound as our worker does: 320 ms at a time, each with its deadline, all at once. */
function sendAll(client: StsClient, sound: Float32Array, { delayMs, from = 0 }: Sent = {}): number {
  const samples = (fragmentMs * 16_000) / 1000;
  const count = Math.floor(sound.length / samples);
  for (let i = from; i < count; i++) {
    const piece = sound.subarray(i * samples, (i + 1) * samples);
    const isSilent = piece.every((sample) => sample === 0);
    client.send("fragment:data", {
      fragment_id: `f${i}`,
      stream_id: "match",
      sequence_number: i,
      timestamp: Date.now(),
      audio: {
        format: "pcm_s16le",
        sample_rate_hz: 16_000,
        channels: 1,
        duration_ms: fragmentMs,
        ...(isSilent ? { speech: false } : { data: bytesOf(piece) }),
        ...(delayMs !== undefined && { deadline_ms: delayMs + i * fragmentMs }),
      },
      metadata: { pts_ns: i * fragmentMs * 1e6 },
    });
  }
  return count;
}

function bytesOf(sound: Float32Array): Buffer {
  const pcm = Int16Array.from(sound, (sample) => Math.round(sample * 32_768));
  return Buffer.from(pcm.buffer);
}

async function session(engine: ScriptedStagesEngine, config: Record<string, unknown>) {
  const sidecar = await startSidecar({}, { engine });
  const client = await StsClient.connect(sidecar.url);
  const ready = await client.init({
    config: {
      source_language: "en",
      target_language: "pt",
      binary_audio: true,
      chunk_duration_ms: fragmentMs,
      dub_sample_rate_hz: 24_000,
      dub_channels: 1,
      ...config,
    },
  });
  return {
    client,
    ready,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await sidecar[Symbol.asyncDispose]();
    },
  };
}

/** The dub as it was answered, one value for each of its samples. */
function dubOf(answers: readonly { dubbed_audio?: { data: Buffer } }[]): Int16Array {
  const bytes = Buffer.concat(
    answers.map((answer) => answer.dubbed_audio?.data ?? Buffer.alloc(0)),
  );
  return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}

const clausesOf = (answers: readonly { clauses?: Record<string, unknown>[] }[]) =>
  answers.flatMap((answer) => answer.clauses ?? []);

describe("a session by clauses", () => {
  test("offers its extensions, and grants what the hold needs", async () => {
    await using file = await session(new ScriptedStagesEngine(script), { pacing: "file" });
    expect(file.ready.capabilities.extensions).toEqual(
      expect.arrayContaining(["deadline", "clauses", "tracks", "update"]),
    );
    await using live = await session(new ScriptedStagesEngine(script), { playout_delay_ms: 6000 });
    expect(live.ready.max_inflight).toBe(Math.ceil(6000 / fragmentMs) + 4);
  });

  test("dubs whole sentences across fragment borders, each at its own time", async () => {
    await using it = await session(new ScriptedStagesEngine(script), { pacing: "file" });
    const count = sendAll(it.client, soundOf(script, scriptMs));
    it.client.send("stream:end", { stream_id: "match" });
    await it.client.next("stream:complete");
    const answers = it.client.all("fragment:processed");
    expect(answers.map((answer) => answer.sequence_number)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
    expect(answers.every((answer) => answer.status === "success")).toBe(true);
    const clauses = clausesOf(answers);
    expect(clauses.map((clause) => clause["source_text"]).join(" ")).toBe(
      script.map((word) => word.text).join(" "),
    );
    expect(clauses[0]).toMatchObject({ status: "dubbed", start_ms: 640, languages: ["pt"] });
    const dub = dubOf(answers);
    expect(dub.length).toBe((count * fragmentMs * 24_000) / 1000);
    const said = clauses.map((clause) => (clause["translations"] as { pt: string }).pt);
    const saidSamples = dub.filter((sample) => sample !== 0).length;
    const naturalMs = said.join("").length * msPerCharacter;
    const placed = clauses.map((clause) => (clause["dub"] as { pt: DubPlace }).pt);
    const placedMs = placed.reduce((sum, { start_ms, end_ms }) => sum + end_ms - start_ms, 0);
    expect(saidSamples / 24).toBeGreaterThan(placedMs * 0.97);
    expect(saidSamples / 24).toBeGreaterThan(naturalMs / 1.31);
    for (const { start_ms, end_ms } of placed) {
      const within = dub.subarray(start_ms * 24 + 24, end_ms * 24 - 24 * 40);
      expect(within.every((sample) => sample !== 0)).toBe(true);
    }
  });

  test("live, each answer leaves when its words are settled, and in order", async () => {
    await using it = await session(new ScriptedStagesEngine(script), { playout_delay_ms: 6000 });
    const count = sendAll(it.client, soundOf(script, scriptMs), { delayMs: 6000 });
    const answers = await it.client.count("fragment:processed", count - 1);
    expect(answers.map((answer) => answer.sequence_number)).toEqual(
      answers.map((_: unknown, i: number) => i),
    );
    expect(clausesOf(answers).every((clause) => clause["status"] === "dubbed")).toBe(true);
    expect(it.client.all("transcript:partial").length).toBeGreaterThan(0);
    expect(answers.every((answer) => answer.held_ms >= 0)).toBe(true);
  });

  test("silence costs nothing and is answered at once", async () => {
    const engine = new ScriptedStagesEngine([]);
    await using it = await session(engine, { playout_delay_ms: 30_000 });
    sendAll(it.client, new Float32Array(16_000 * 10), { delayMs: 30_000 });
    const answers = await it.client.count("fragment:processed", 29);
    expect(engine.transcribed).toEqual([]);
    expect(dubOf(answers).every((sample) => sample === 0)).toBe(true);
  });

  test("words that miss their air time are answered as timed out, never played", async () => {
    const stuck = Promise.withResolvers<never>();
    stuck.promise.catch(() => {});
    const engine = new ScriptedStagesEngine(script, { transcribe: () => stuck.promise });
    await using it = await session(engine, { playout_delay_ms: 1000 });
    sendAll(it.client, soundOf(script, 1920), { delayMs: 600 });
    const answers = await it.client.count("fragment:processed", 4);
    const missed = answers.filter((answer) => answer.status === "failed");
    expect(missed.length).toBeGreaterThan(0);
    expect(missed[0].error).toMatchObject({ code: "TIMEOUT" });
    stuck.reject(new Error("over"));
  });

  test("one recognition feeds every language, each with its own track", async () => {
    const engine = new ScriptedStagesEngine(script);
    await using it = await session(engine, { pacing: "file", target_languages: ["es"] });
    sendAll(it.client, soundOf(script, scriptMs));
    it.client.send("stream:end", { stream_id: "match" });
    await it.client.next("stream:complete");
    const answers = it.client.all("fragment:processed");
    const texts = new Set(engine.translated.map((request) => request.target));
    expect([...texts].toSorted()).toEqual(["es", "pt"]);
    const spanish = answers.map((answer) => answer.tracks?.es?.dubbed_audio.data as Buffer);
    expect(spanish.every((data) => data.length === fragmentMs * 24 * 2)).toBe(true);
    expect(Buffer.concat(spanish).some((byte) => byte !== 0)).toBe(true);
    expect(
      answers
        .map((answer) => answer.tracks.es.translated_text)
        .filter((text: string) => text !== "")
        .join(" "),
    ).toContain("es:The keeper");
  });

  test("terms change from the next clause on, and wrong ones are refused by name", async () => {
    const engine = new ScriptedStagesEngine(script);
    await using it = await session(engine, { pacing: "file" });
    it.client.send("stream:update", {
      stream_id: "match",
      glossary: [{ source: "keeper", target: "goleiro" }],
      keep_terms: ["corner"],
      target_languages: ["es"],
    });
    expect(await it.client.next("stream:updated")).toEqual({
      stream_id: "match",
      voice_profile: "default",
      target_languages: ["pt", "es"],
      glossary_entries: 1,
      keep_terms: 1,
    });
    it.client.send("stream:update", { stream_id: "match", target_languages: ["xx"] });
    expect(await it.client.next("error")).toMatchObject({ code: "UNSUPPORTED_LANGUAGE" });
    sendAll(it.client, soundOf(script, scriptMs));
    it.client.send("stream:end", {});
    await it.client.next("stream:complete");
    expect(engine.translated[0]).toMatchObject({
      glossary: [{ source: "keeper", target: "goleiro" }],
      keepTerms: ["corner"],
    });
  });

  test("a child that dies costs a retry, and the session's track is kept", async () => {
    const died = new EngineError("MODEL_ERROR", {
      message: "the recognise process ended",
      retryable: true,
      blame: "us",
    });
    const failures = { transcribe: 1, speak: 1, translate: 1, detect: 1 };
    const once =
      (stage: keyof typeof failures) =>
      <Result>(_request: unknown, run: () => Result): Promise<Result> =>
        failures[stage]-- > 0 ? Promise.reject(died) : Promise.resolve(run());
    const engine = new ScriptedStagesEngine(script, {
      transcribe: once("transcribe"),
      speak: once("speak"),
      translate: once("translate"),
      detect: once("detect"),
    });
    await using it = await session(engine, { pacing: "file" });
    sendAll(it.client, soundOf(script, scriptMs));
    it.client.send("stream:end", {});
    await it.client.next("stream:complete");
    const clauses = clausesOf(it.client.all("fragment:processed"));
    expect(clauses.every((clause) => clause["status"] === "dubbed")).toBe(true);
    expect(clauses.map((clause) => clause["source_text"]).join(" ")).toBe(
      script.map((word: ScriptedWord) => word.text).join(" "),
    );
  });

  test("a clause that cannot be spoken is told as dropped with its reason, and the rest goes on", async () => {
    const engine = new ScriptedStagesEngine(script, {
      speak: (request, run) =>
        request.text.includes("keeper")
          ? Promise.reject(
              new EngineError("TTS_SYNTHESIS_FAILED", {
                message: "no voice today",
                retryable: false,
                blame: "us",
              }),
            )
          : Promise.resolve(run()),
    });
    await using it = await session(engine, { pacing: "file" });
    sendAll(it.client, soundOf(script, scriptMs));
    it.client.send("stream:end", {});
    await it.client.next("stream:complete");
    const clauses = clausesOf(it.client.all("fragment:processed"));
    expect(clauses[0]).toMatchObject({ status: "dropped", reason: "TTS_SYNTHESIS_FAILED" });
    expect(clauses.at(-1)).toMatchObject({ status: "dubbed" });
  });

  test("a client of a file with little credit is never left waiting", async () => {
    const engine = new ScriptedStagesEngine(script);
    await using it = await session(engine, { pacing: "file", chunk_duration_ms: 30_000 });
    const most = it.ready.max_inflight;
    const sound = soundOf(script, scriptMs);
    const count = Math.floor(scriptMs / fragmentMs);
    const samples = (fragmentMs * 16_000) / 1000;
    for (let i = 0; i < count; i++) {
      // One fragment more than are answered, as a client that obeys its credit sends.
      if (i >= most) await it.client.count("fragment:processed", i - most + 1);
      it.client.send("fragment:data", {
        fragment_id: `f${i}`,
        stream_id: "match",
        sequence_number: i,
        timestamp: 0,
        audio: {
          format: "pcm_s16le",
          sample_rate_hz: 16_000,
          channels: 1,
          duration_ms: fragmentMs,
          data: bytesOf(sound.subarray(i * samples, (i + 1) * samples)),
        },
        metadata: { pts_ns: i * fragmentMs * 1e6 },
      });
    }
    it.client.send("stream:end", {});
    await it.client.next("stream:complete");
    expect(it.client.all("fragment:processed").length).toBe(count);
  });

  test("a number that never comes costs only its own time", async () => {
    await using it = await session(new ScriptedStagesEngine(script), { playout_delay_ms: 1500 });
    const sound = soundOf(script, 2560);
    sendAll(it.client, sound.subarray(0, 2 * 5120), { delayMs: 1200 });
    sendAll(it.client, sound, { delayMs: 1200, from: 4 });
    const answers = await it.client.count("fragment:processed", 6);
    expect(answers.map((answer) => answer.sequence_number)).toEqual([0, 1, 4, 5, 6, 7]);
    expect(it.client.all("error").map((error) => error.code)).toContain("INVALID_SEQUENCE");
  });
});

interface DubPlace {
  readonly start_ms: number;
  readonly end_ms: number;
}
