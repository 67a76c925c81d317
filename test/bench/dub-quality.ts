/**
 * How well speech is dubbed by clauses, with the real models: recognition against one offline pass and against fixed
 * fragments, a live run by the wall clock, and what is invented where nobody speaks.
 *
 * usage: bun test/bench/dub-quality.ts [CLIP.mp4…]
 *
 * Each clip has a timeline `CLIP.json` beside it (sentences with start_ms or startMs, end_ms or endMs, and text).
 * Without arguments: the clips and beds under LIVEDUB_MEDIA_DIR, else the demo's clip. The live run needs the machine
 * for itself.
 */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { endsPoorly } from "../../gpu/session/clauses/boundary.ts";
import { Whisper } from "../../gpu/models/whisper/whisper.ts";
import { Recogniser } from "../../gpu/pipeline/recognise.ts";
import { createVad } from "../../src/vad/silero.ts";
import { modelsFolder } from "../../src/weights/store.ts";
import { wordErrorRate } from "../integration/engine/text-distance.ts";
import { type ClauseRun, dubRateHz, runClauses, uplinkRateHz } from "../media/clause-run.ts";
import { judgeDub, soundOf } from "../media/dub-quality.ts";
import { readTimeline } from "../media/timeline.ts";
import { realSidecar } from "../support/real-sidecar.ts";

const playoutDelayMs = Number(process.env["LIVEDUB_BENCH_DELAY_MS"] ?? 6000);
const onTimeMs = 300;
const nonsenseMinutes = 10;

type Row = Record<string, string>;

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

const textOf = (run: ClauseRun) => run.clauses.map((clause) => clause.source_text).join(" ");

/** What the same recogniser hears in pieces of a fixed length, each by itself; Infinity: in one. */
async function heardInPieces(
  recogniser: Recogniser,
  sound: Float32Array,
  pieceMs: number,
): Promise<string> {
  const step = Math.min(sound.length, (pieceMs * uplinkRateHz) / 1000);
  const texts: string[] = [];
  for (let from = 0; from < sound.length; from += step) {
    const { utterances } = await recogniser.recognise(sound.subarray(from, from + step), "en");
    texts.push(...utterances.map(({ text }) => text));
  }
  return texts.join(" ");
}

async function recognition(
  clip: string,
  sound: Float32Array,
  said: string,
  streamed: ClauseRun,
): Promise<Row> {
  const folder = modelsFolder({ dir: process.env["LIVEDUB_MODELS_DIR"], env: process.env });
  const vad = await createVad(join(folder, "vad", "silero-v6", "silero_vad_v6.onnx"));
  const whisper = await Whisper.load(join(folder, "asr", "whisper-base-onnx"), { threads: 2 });
  try {
    const recogniser = new Recogniser(vad, whisper);
    const row: Row = {
      clip: basename(clip),
      clauses: percent(wordErrorRate(textOf(streamed), said)),
    };
    for (const [name, pieceMs] of [
      ["one offline pass", Number.POSITIVE_INFINITY],
      ["pieces of 1 s", 1000],
      ["of 2 s", 2000],
      ["of 6 s", 6000],
    ] as const)
      row[name] = percent(wordErrorRate(await heardInPieces(recogniser, sound, pieceMs), said));
    return row;
  } finally {
    await vad.close();
    await whisper.close();
  }
}

/** When and how fast clauses are said: the part of the table that clips can be counted together in. */
function timing(clauses: ClauseRun["clauses"], target: string): Row {
  const dubbed = clauses.filter((clause) => clause.status === "dubbed");
  const places = placesOf(clauses, target);
  const tempi = places.flatMap(({ place }) => place.tempo ?? []);
  const share = (count: number) => percent(count / Math.max(1, clauses.length));
  return {
    clauses: String(clauses.length),
    "dubbed (≥ 95 %)": share(dubbed.length),
    [`start within ${onTimeMs} ms (≥ 90 %)`]: share(
      places.filter(({ lateMs }) => lateMs <= onTimeMs).length,
    ),
    "latest start": `${Math.max(0, ...places.map(({ lateMs }) => lateMs))} ms`,
    "tempo p95 (≤ 1.20)": quantile(tempi, 0.95).toFixed(2),
    "tempo range": `${Math.min(...tempi).toFixed(2)}…${Math.max(...tempi).toFixed(2)}`,
  };
}

function placesOf(clauses: ClauseRun["clauses"], target: string) {
  return clauses.flatMap((clause) => {
    const place = clause.status === "dubbed" ? clause.dub?.[target] : undefined;
    return place ? [{ clause, place, lateMs: place.start_ms - clause.start_ms }] : [];
  });
}

async function live(clip: string, run: ClauseRun, target: string): Promise<Row> {
  const { characterErrorRate } = await judgeDub({
    stem: resampled(run.dub),
    source: "en",
    target,
    sentences: [],
    pieces: placesOf(run.clauses, target).map(({ clause, place }) => ({
      translatedText: clause.translations?.[target] ?? "",
      dubStartMs: place.start_ms,
      dubEndMs: place.end_ms,
    })),
  });
  const poor = run.clauses.filter(({ source_text: text }) =>
    endsPoorly([wordOf(text)], "en"),
  ).length;
  return {
    clip: basename(clip),
    ...timing(run.clauses, target),
    "CER (≤ 8 %)": percent(characterErrorRate),
    "function-word ends": String(poor),
    "missed fragments": String(run.missed),
    "answers after air": String(run.late),
    "tightest answer": `${Math.round(run.tightestMs)} ms`,
    dropped: run.clauses
      .filter(({ status }) => status === "dropped")
      .map(({ reason }) => reason ?? "?")
      .join(" "),
  };
}

function wordOf(text: string) {
  return { text: text.split(" ").at(-1) ?? "", startMs: 0, endMs: 0 };
}

/** 24 kHz to 16 kHz, for the recogniser: two of three, each the mean around it. */
function resampled(dub: Float32Array): Float32Array {
  const ratio = dubRateHz / uplinkRateHz;
  return Float32Array.from({ length: Math.floor(dub.length / ratio) }, (_, i) => {
    const at = i * ratio;
    const left = Math.floor(at);
    const share = at - left;
    return (dub[left] ?? 0) * (1 - share) + (dub[left + 1] ?? 0) * share;
  });
}

interface Decoded {
  readonly partialSeconds: number;
  readonly finalSeconds: number;
}

async function decodedSoFar(url: string): Promise<Decoded> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const read = (kind: string) =>
    Number(
      new RegExp(`sts_decoded_audio_seconds_total\\{kind="${kind}"\\} (\\S+)`).exec(page)?.[1] ?? 0,
    );
  return { partialSeconds: read("partial"), finalSeconds: read("final") };
}

/** Ten minutes in which nobody speaks: silence, and every bed that there is, again and again. */
async function nobodySpeaks(media: string): Promise<Float32Array | undefined> {
  const beds = ["music", "crowd", "street"]
    .map((name) => join(media, "beds", `${name}.ogg`))
    .filter((path) => existsSync(path));
  if (beds.length === 0) return undefined;
  const pieces: Float32Array[] = [new Float32Array(30 * uplinkRateHz)];
  for (const bed of beds) pieces.push(await soundOf(bed));
  const sound = new Float32Array(nonsenseMinutes * 60 * uplinkRateHz);
  for (let at = 0, n = 0; at < sound.length; n++) {
    const piece = pieces[n % pieces.length]!;
    sound.set(piece.subarray(0, sound.length - at), at);
    at += piece.length;
  }
  return sound;
}

const media = process.env["LIVEDUB_MEDIA_DIR"];
const shared = ["news-60s", "match-60s"].map((name) => join(media ?? "", "clips", `${name}.mp4`));
const demo = join(import.meta.dir, "..", "fixtures", "media", "news.mp4");
const named = process.argv.slice(2);
const clips = named.length > 0 ? named : media ? shared.filter((clip) => existsSync(clip)) : [demo];
if (clips.length === 0) throw new Error(`LIVEDUB_MEDIA_DIR=${media}: has no clips/news-60s.mp4`);

const { url } = await realSidecar();
const languages = { url, source: "en", target: "pt" } as const;
const recognised: Row[] = [];
const lives: Row[] = [];
const told: ClauseRun["clauses"][number][] = [];
for (const clip of clips) {
  const sound = await soundOf(clip);
  const said = (await readTimeline(clip)).map(({ text }) => text).join(" ");
  const before = await decodedSoFar(url);
  const run = await runClauses({ ...languages, sound, playoutDelayMs });
  const after = await decodedSoFar(url);
  told.push(...run.clauses);
  const decoded =
    after.partialSeconds + after.finalSeconds - before.partialSeconds - before.finalSeconds;
  lives.push({
    ...(await live(clip, run, languages.target)),
    "decoded ÷ heard (≤ 4)": (decoded / (sound.length / uplinkRateHz)).toFixed(2),
  });
  recognised.push(await recognition(clip, sound, said, run));
  if (process.env["LIVEDUB_BENCH_VERBOSE"]) console.log(JSON.stringify(run.clauses, null, 1));
}
console.log(`word error rate, live at D = ${playoutDelayMs} ms`);
console.table(recognised);
console.log(`live run at D = ${playoutDelayMs} ms`);
for (const row of lives) console.table(row);
if (clips.length > 1) console.table({ clip: "all", ...timing(told, languages.target) });
const quiet = media === undefined ? undefined : await nobodySpeaks(media);
if (quiet !== undefined) {
  const before = await decodedSoFar(url);
  const run = await runClauses({ ...languages, sound: quiet });
  const after = await decodedSoFar(url);
  const words = run.clauses.flatMap((clause) => clause.source_text.split(" "));
  console.log(
    `${nonsenseMinutes} minutes of silence, music, crowd and street: ${words.length} words dubbed (0), ` +
      `${(after.finalSeconds + after.partialSeconds - before.finalSeconds - before.partialSeconds).toFixed(1)} s decoded`,
  );
  if (words.length > 0) console.log(words.join(" "));
}
process.exit(0);
