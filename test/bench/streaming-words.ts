/**
 * Word error rate of streamed recognition against one offline pass, with the real recogniser on a clock of its own:
 * what the clause line makes of its passes, on a machine that always has time. Each clip is heard from several
 * beginnings, as a single run says little: a window that begins 80 ms later is heard otherwise.
 *
 * usage: bun test/bench/streaming-words.ts CLIP.mp4… (each with its timeline CLIP.json beside it)
 */
import { basename, join } from "node:path";
import type { TranscribeRequest, TranscribeResult } from "../../gpu/inference/stages.ts";
import { Whisper } from "../../gpu/models/whisper/whisper.ts";
import { Recogniser } from "../../gpu/pipeline/recognise.ts";
import { ClauseRecognition } from "../../gpu/session/clause-recognition.ts";
import type { Clause } from "../../gpu/session/clauses/clause-cutter.ts";
import { clauseCapMs } from "../../gpu/session/clauses/cutter-limits.ts";
import { SessionTrack } from "../../gpu/session/clauses/track.ts";
import { SessionEar } from "../../gpu/session/session-ear.ts";
import { StageCosts } from "../../gpu/session/stage-costs.ts";
import { WorkScheduler } from "../../gpu/session/work-scheduler.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { createStatelessVad, createVad } from "../../src/vad/silero.ts";
import { modelsFolder } from "../../src/weights/store.ts";
import { wordErrorRate } from "../integration/engine/text-distance.ts";
import { soundOf } from "../media/dub-quality.ts";
import { readTimeline } from "../media/timeline.ts";

const samplesPerMs = 16;
/** What our worker sends, and how long it is on its way. */
const fragmentMs = 320;
const wayMs = 60;
const beginningsMs = [0, 80, 160, 240];
const playoutDelayMs = 6000;
/** What stages take on a GPU. */
const figures = { passMs: 45, translateMs: 16, speakRtf: 0.02, msPerCharacter: 62 };
const presetMs = 4000;

const folder = modelsFolder({ dir: process.env["LIVEDUB_MODELS_DIR"], env: process.env });
const vadPath = join(folder, "vad", "silero-v6", "silero_vad_v6.onnx");
const whisper = await Whisper.load(join(folder, "asr", "whisper-base-onnx"), { threads: 2 });

interface Pending {
  readonly dueMs: number;
  readonly result: Promise<TranscribeResult>;
  readonly resolve: (result: TranscribeResult) => void;
}

async function heardInStream(sound: Float32Array) {
  const vad = await createStatelessVad(vadPath);
  const track = new SessionTrack();
  const ear = new SessionEar(track, ({ samples, state }) => vad.detect(samples, state));
  const costs = new StageCosts();
  costs.seed(figures);
  const capMs = clauseCapMs(presetMs, playoutDelayMs, costs.usualSynthesisRtf, costs.usualPassMs);
  let nowMs = 0;
  let pending: Pending | undefined;
  let passes = 0;
  const clauses: Clause[] = [];
  const transcribe = (request: TranscribeRequest): Promise<TranscribeResult> => {
    const { pcm16k, language, prompt, quality } = request;
    const { promise, resolve } = Promise.withResolvers<TranscribeResult>();
    const result = whisper.transcribe(pcm16k, language, {
      ...(prompt !== undefined && { previousText: prompt }),
      words: quality === "final",
      quick: quality === "partial",
    });
    passes++;
    pending = { dueMs: nowMs + figures.passMs, result, resolve };
    return promise;
  };
  const unused = () => Promise.reject(new Error("only words are asked for"));
  const nothing = () => {};
  const recognition = new ClauseRecognition({
    ...{ sessionId: "bench", streamId: "bench", language: "en", live: true, track, capMs, costs },
    stages: { transcribe, detect: unused, translate: unused, speak: unused },
    scheduler: new WorkScheduler({ now: () => nowMs }),
    observer: {
      decoded: nothing,
      refused: nothing,
      missed: nothing,
      clauseTold: nothing,
      stageRan: nothing,
    },
    logger: createLogger({ level: "silent", format: "json" }),
    stageTimeouts: { asrMs: 60_000, translationMs: 60_000, ttsMs: 60_000 },
    airsAtMs: (trackMs) => trackMs + playoutDelayMs,
    onClause: (clause) => void clauses.push(clause),
    onPassed: () => recognition.step(capMs, false, false),
    onPartial: nothing,
    isClosed: () => false,
    now: () => nowMs,
  });
  const passUntil = async (untilMs: number): Promise<void> => {
    for (;;) {
      await new Promise(setImmediate);
      const next = pending;
      if (next === undefined || next.dueMs > untilMs) break;
      pending = undefined;
      const result = await next.result;
      nowMs = next.dueMs;
      next.resolve(result);
    }
    nowMs = untilMs;
  };
  const samples = fragmentMs * samplesPerMs;
  const count = Math.floor(sound.length / samples);
  for (let n = 0; n < count; n++) {
    await passUntil((n + 1) * fragmentMs + wayMs);
    const piece = sound.subarray(n * samples, (n + 1) * samples);
    track.append({ samples: piece, ptsNs: n * fragmentMs * 1e6 });
    const news = await ear.hear();
    if (news !== undefined) recognition.heard(news);
    recognition.step(capMs, false, false);
  }
  const last = ear.close();
  if (last !== undefined) recognition.heard(last);
  recognition.heard({ heardUntilMs: count * fragmentMs + 10_000 });
  recognition.step(capMs, false, false);
  await passUntil(count * fragmentMs + 10_000);
  recognition.step(capMs, false, true);
  await vad.close();
  return { text: clauses.map(({ text }) => text).join(" "), clauses: clauses.length, passes };
}

async function heardAtOnce(sound: Float32Array): Promise<string> {
  const vad = await createVad(vadPath);
  const { utterances } = await new Recogniser(vad, whisper).recognise(sound, "en");
  await vad.close();
  return utterances.map(({ text }) => text).join(" ");
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const rows: Record<string, string | number>[] = [];
const errors = { streamed: 0, atOnce: 0, words: 0 };
for (const clip of process.argv.slice(2)) {
  const original = await soundOf(clip);
  const said = (await readTimeline(clip)).map(({ text }) => text).join(" ");
  const words = said.split(" ").length;
  for (const beginningMs of beginningsMs) {
    const sound = new Float32Array(original.length + beginningMs * samplesPerMs);
    sound.set(original, beginningMs * samplesPerMs);
    const { text, clauses, passes } = await heardInStream(sound);
    const streamed = wordErrorRate(text, said);
    const atOnce = wordErrorRate(await heardAtOnce(sound), said);
    errors.streamed += streamed * words;
    errors.atOnce += atOnce * words;
    errors.words += words;
    const clipAt = `${basename(clip)} + ${beginningMs} ms`;
    rows.push({ clipAt, streamed: percent(streamed), atOnce: percent(atOnce), clauses, passes });
  }
}
console.table(rows);
const [streamed, atOnce] = [errors.streamed / errors.words, errors.atOnce / errors.words];
console.log(
  `all: ${percent(streamed)} streamed, ${percent(atOnce)} in one pass (at most + 2 points)`,
);
process.exit(0);
