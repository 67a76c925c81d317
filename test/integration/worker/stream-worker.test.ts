import { afterEach, expect, test } from "bun:test";
import { floatToPcm16 } from "../../../src/audio/pcm.ts";
import {
  binary,
  closeAll,
  dubOf,
  expectWhole,
  real,
  second,
  speech,
  startWorker,
} from "./running-worker.ts";
import { loudnessDetector } from "./sound-of-speech.ts";

afterEach(closeAll);

test("an echo engine replaces the original sample by sample; silence is never sent", async () => {
  const { link, server, fragments, hear, finish } = await startWorker({});
  const end = hear(speech);
  await finish(end);
  expectWhole(link, end);
  expect(server.fragments).toHaveLength(1);
  const replaced = link.regions.filter(({ kind }) => kind === "replace");
  expect(replaced).toHaveLength(1);
  expect(link.regions.filter(({ kind }) => kind === "original").length).toBeGreaterThanOrEqual(2);
  const { startSample, endSample } = replaced[0]!;
  expect(startSample).toBeLessThanOrEqual(second);
  expect(endSample).toBeGreaterThanOrEqual(2.5 * second);
  const sent = Buffer.concat(link.audio.map(({ pcm }) => pcm));
  expect(sent.equals(Buffer.from(floatToPcm16(speech.slice(startSample, endSample))))).toBe(true);
  expect(fragments).toMatchObject([{ outcome: "dubbed", startSample, endSample }]);
});

test("a dub comes in at the rate of the stream, with its texts and figures", async () => {
  const { worker, link, server, fragments, hear, finish } = await startWorker({
    ...real,
    ...binary,
    onFragment: (socket, one) => socket.emit("fragment:processed", dubOf(one, 1)),
  });
  const end = hear(speech);
  await finish(end);
  expectWhole(link, end);
  expect(server.fragments[0]!.audio).toMatchObject({ sample_rate_hz: 16_000, channels: 1 });
  expect(link.regions.map(({ kind }) => kind)).toContain("dub");
  const samples = link.audio.reduce((sum, { pcm }) => sum + pcm.length / 2, 0);
  expect(Math.abs(samples - second)).toBeLessThan(100);
  expect(fragments).toMatchObject([
    {
      outcome: "dubbed",
      transcript: "Good evening.",
      translatedText: "Boa noite.",
      tempo: 1.1,
      processingTimeMs: 7,
      stageTimings: { asr_ms: 3, translation_ms: 1, tts_ms: 3 },
      sequenceNumber: 0,
    },
  ]);
  expect(worker.status()).toMatchObject({
    sts: { state: "ready", engine: "real" },
    lastText: { source: "Good evening.", translated: "Boa noite." },
  });
});

test("a dub longer than its speech sounds on in the pause", async () => {
  const { link, hear, finish } = await startWorker({
    ...real,
    ...binary,
    onFragment: (socket, one) => socket.emit("fragment:processed", dubOf(one, 2.6)),
  });
  const end = hear(speech);
  await finish(end);
  expectWhole(link, end);
  const dubs = link.regions.filter(({ kind }) => kind === "dub");
  const heard = dubs.at(-1)!.endSample - dubs[0]!.startSample;
  expect(Math.abs(heard / second - 2.6)).toBeLessThan(0.05);
});

test("an empty transcript is no speech: the original plays, its silence is not mixed", async () => {
  const { link, fragments, hear, finish } = await startWorker({
    ...real,
    ...binary,
    onFragment: (socket, one) =>
      socket.emit("fragment:processed", dubOf(one, 1, { transcript: "", translated_text: "" })),
  });
  const end = hear(speech);
  await finish(end);
  expectWhole(link, end);
  expect(link.audio).toHaveLength(0);
  expect(new Set(link.regions.map(({ kind }) => kind))).toEqual(new Set(["original"]));
  expect(fragments).toMatchObject([{ outcome: "no-speech", reason: null }]);
});

test.each([
  [
    "failed",
    { status: "failed", dubbed_audio: null, error: { code: "TTS_SYNTHESIS_FAILED", message: "" } },
    "tts_synthesis_failed",
  ],
  ["partial without audio", { status: "partial", dubbed_audio: null }, "invalid_output"],
  [
    "audio that is none",
    {
      dubbed_audio: {
        format: "pcm_s16le",
        sample_rate_hz: 24_000,
        channels: 1,
        duration_ms: 1000,
        data_base64: "not base64!",
      },
    },
    "invalid_output",
  ],
] as const)("%s is the fallback", async (_name, changes, reason) => {
  const { link, fragments, hear, finish } = await startWorker({
    ...real,
    ...binary,
    onFragment: (socket, one) => socket.emit("fragment:processed", dubOf(one, 1, changes)),
  });
  const end = hear(speech);
  await finish(end);
  expectWhole(link, end);
  expect(link.regions.map(({ kind }) => kind)).toContain("fallback");
  expect(link.audio).toHaveLength(0);
  expect(fragments).toMatchObject([{ outcome: "fallback", reason }]);
});

test("partial with audio is played, and told as partial", async () => {
  const { link, fragments, hear, finish } = await startWorker({
    ...real,
    ...binary,
    onFragment: (socket, one) =>
      socket.emit("fragment:processed", dubOf(one, 1, { status: "partial" })),
  });
  const end = hear(speech);
  await finish(end);
  expectWhole(link, end);
  expect(fragments).toMatchObject([{ outcome: "partial", reason: "partial" }]);
  expect(link.audio.length).toBeGreaterThan(0);
});

test("passthrough settles everything as original and speaks to no sidecar", async () => {
  const { worker, link, server, hear, finish } = await startWorker({}, { passthrough: true });
  const end = hear(speech);
  await finish(end);
  expectWhole(link, end);
  expect(new Set(link.regions.map(({ kind }) => kind))).toEqual(new Set(["original"]));
  expect(server.inits).toHaveLength(0);
  expect(worker.status().sts.state).toBe("off");
});

test("speech without an answer falls back by its air time, and what follows is not held up", async () => {
  const { link, fragments, hear, finish } = await startWorker(
    { ...real, ...binary, onFragment: () => {} },
    { playoutDelayMs: 1000 },
  );
  const started = performance.now();
  const end = hear(speech);
  await finish(end);
  expect(performance.now() - started).toBeLessThan(4000);
  expectWhole(link, end);
  expect(fragments.map(({ reason }) => reason)).toEqual(fragments.map(() => "deadline"));
});

test("a hole in the input ends what was open, and nothing is said about the hole", async () => {
  const { worker, link, hear, finish } = await startWorker({});
  hear(speech);
  const end = hear(speech, 20 * second);
  await finish(end);
  const inHole = link.regions.filter(
    ({ startSample, endSample }) => endSample > speech.length && startSample < 20 * second,
  );
  expect(inHole).toEqual([]);
  expect(link.regions.filter(({ kind }) => kind === "replace")).toHaveLength(2);
  expect(worker.status().counters["pcm_holes"]).toBe(1);
});

test("what was played is acknowledged as applied, what came too late is counted", async () => {
  const { worker, link, server, hear, finish } = await startWorker({});
  const end = hear(speech);
  await finish(end);
  const { fragmentId = "" } = link.regions.find(({ kind }) => kind === "replace")!;
  const base = { type: "applied", language: "pt", startSample: 0 } as const;
  link.onMessage({ ...base, late: true });
  link.onMessage({ ...base, fragmentId, late: false });
  await server.until(() => server.acks.some(({ status }) => status === "applied"));
  expect(worker.status().counters["applied_late"]).toBe(1);
});

test("a detector that breaks ends the run with a word, so that another worker can take over", async () => {
  const events: string[] = [];
  const { link, hear } = await startWorker(
    {},
    {
      vad: { ...loudnessDetector(), process: () => Promise.reject(new Error("net on fire")) },
      onEvent: (_level, code, message) => events.push(`${code}: ${message}`),
    },
  );
  hear(speech);
  await link.ended;
  expect(events).toEqual(["worker-failed: net on fire"]);
});

test("the sidecar goes and comes back in mid-stream: fallback between, dub after", async () => {
  const { link, server, fragments, hear, finish } = await startWorker({
    ...real,
    ...binary,
    onFragment: (socket, one) => socket.emit("fragment:processed", dubOf(one, 1)),
  });
  hear(speech);
  await link.until(() => link.regions.some(({ kind }) => kind === "dub"));
  const script = server.script;
  server.script = { ...script, onFragment: (socket) => void socket.disconnect(true) };
  hear(speech, speech.length);
  await link.until(() => link.regions.some(({ kind }) => kind === "fallback"));
  server.script = script;
  await server.until(() => server.inits.length >= 2);
  const end = hear(speech, 2 * speech.length);
  await finish(end);
  expectWhole(link, end);
  expect(fragments.map(({ outcome }) => outcome)).toEqual(["dubbed", "fallback", "dubbed"]);
  expect(fragments[1]!.reason).toBe("disconnected");
});
