/**
 * The figures of broadcast grade, each by what is heard and seen at the output, beside its bar.
 *
 * usage: bun test/bench/broadcast.ts [--only sound,switches,drift,hours,deaths,speed] [--minutes 10] [--hours 2]
 *
 * Without LIVEDUB_MEDIA_DIR: over the repository's own fixtures. With it: over `clips/news-60s.mp4` and
 * `clips/match-60s.mp4` of that folder, whose stems are looked for in LIVEDUB_STEMS_DIR, as
 * `clips/make-clips.sh -s DIR` leaves them. Nets are looked for in LIVEDUB_MODELS_DIR, `WORKER_SEPARATION`
 * names another than the best. Figures in dB, LU and dBTP.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { presentNets } from "../../src/separation/choose-net.ts";
import { type KnownClip, ownClip, sharedClip } from "../media/known-clip.ts";
import { deathFigures } from "./broadcast/deaths.ts";
import { driftFigures, makeDriftClip } from "./broadcast/drift.ts";
import { hoursFigures } from "./broadcast/hours.ts";
import { soundFigures } from "./broadcast/sound.ts";
import { echoSpeed } from "./broadcast/speed.ts";
import { switchFigures } from "./broadcast/switches.ts";
import { Figures } from "./figures.ts";

const folder = mkdtempSync(join(tmpdir(), "broadcast-"));
const figures = new Figures();
const { values } = parseArgs({
  options: {
    only: { type: "string" },
    minutes: { type: "string", default: "10" },
    hours: { type: "string", default: "2" },
  },
});

/** Lowered by the default, and not at all: what may then be left of the original speech. */
const duckings = [
  { name: "ducking off", duckDb: 0, leftDb: -12 },
  { name: "default", duckDb: -6, leftDb: -20 },
] as const;

function length(option: "minutes" | "hours"): number {
  const value = Number(values[option]);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new RangeError(`--${option} ${values[option]}: must be a number above 0`);
}

async function openClips(): Promise<KnownClip[]> {
  const media = process.env["LIVEDUB_MEDIA_DIR"];
  if (media === undefined) return [await ownClip(folder)];
  const stems = process.env["LIVEDUB_STEMS_DIR"];
  if (stems === undefined)
    throw new Error("LIVEDUB_STEMS_DIR is not set: make the stems by clips/make-clips.sh -s DIR");
  return [await sharedClip(media, stems, "news-60s"), await sharedClip(media, stems, "match-60s")];
}

async function sound(clips: readonly KnownClip[]): Promise<void> {
  for (const clip of clips)
    for (const { name, duckDb, leftDb } of duckings) {
      const of = (figure: string) => `${clip.name}, ${name}: ${figure}`;
      const found = await soundFigures({ clip, duckDb });
      const { speechLeft, bedDuringDub, pauses, loudness, truePeak } = found;
      figures.add(of("original speech left"), speechLeft, `≤ ${leftDb}`, speechLeft <= leftDb);
      figures.add(of("… in the worst sentence"), found.speechLeftWorst);
      figures.add(of("SI-SDR of what is under the dub"), found.bedSiSdr);
      const isBedKept = Math.abs(bedDuringDub - duckDb) <= 2;
      figures.add(of("bed during dub"), bedDuringDub, `${duckDb} ±2`, isBedKept);
      figures.add(of("bed in pauses"), pauses, "±0.5", Math.abs(pauses) <= 0.5);
      figures.add(of("loudness against source"), loudness, "±1", Math.abs(loudness) <= 1);
      figures.add(of("true peak"), truePeak, "≤ -1", truePeak <= -1);
      figures.add(of("pictures identical"), String(found.samePictures), "all", found.samePictures);
    }
}

async function switches([clip]: readonly KnownClip[]): Promise<void> {
  const { switches: count, clicks, clicksOfHardCuts } = await switchFigures(clip!, folder);
  figures.add(
    "clicks at forced switches",
    `${clicks} at ${count}`,
    "0 at 200",
    clicks === 0 && count >= 200,
  );
  const finds = clicksOfHardCuts >= 0.95 * count;
  figures.add(
    "… found where the same is cut hard",
    String(clicksOfHardCuts),
    `≥ ${0.95 * count}`,
    finds,
  );
}

async function drift(): Promise<void> {
  const minutes = length("minutes");
  const clip = await makeDriftClip(folder, minutes * 60);
  for (const ppm of [500, -500]) {
    const { discontinuities, beepsOffMs, driftMs } = await driftFigures(clip, ppm, minutes * 60);
    const of = `sound at ${ppm} ppm over ${minutes} min`;
    figures.add(`${of}: discontinuities`, String(discontinuities), "0", discontinuities === 0);
    figures.add(`… of ${driftMs} ms drift not followed, ms`, beepsOffMs, "≤ 3", beepsOffMs <= 3);
  }
}

function hours(): void {
  const count = length("hours");
  const { pairs, medianMs, p1Ms, p99Ms, slope, slopeError, lateOrFiller, delayGrowthMs, driftMs } =
    hoursFigures(count);
  const of = `A/V over ${count} h by the virtual clock`;
  figures.add(
    `${of}: flashes with their beeps`,
    String(pairs),
    `≥ ${3500 * count}`,
    pairs >= 3500 * count,
  );
  figures.add("… median against source, ms", medianMs, "±3", Math.abs(medianMs) <= 3);
  figures.add("… 1st percentile, ms", p1Ms, "≥ -60", p1Ms >= -60);
  figures.add("… 99th percentile, ms", p99Ms, "≤ 40", p99Ms <= 40);
  const isLevel = Math.abs(slope) <= Math.max(0.01, 2 * slopeError);
  figures.add("… slope, ms an hour", slope, "0", isLevel);
  const isSteady = Math.abs(delayGrowthMs) <= 40;
  figures.add(
    `… growth of the delay over ${driftMs} ms of drift, ms`,
    delayGrowthMs,
    "±40",
    isSteady,
  );
  figures.add("… pictures late, and filler", String(lateOrFiller), "0", lateOrFiller === 0);
}

async function deaths([clip]: readonly KnownClip[]): Promise<void> {
  const found = await deathFigures(clip!, folder);
  figures.add(
    `live: ${found.harms.join(", ")}: longest silence, ms`,
    found.silenceMs,
    "≤ 40",
    found.silenceMs <= 40,
  );
  figures.add("… in the source, ms", found.sourceSilenceMs);
  figures.add("… clicks", String(found.clicks), "0", found.clicks === 0);
  const { pictures, picturesLost } = found;
  figures.add(
    "… pictures lost",
    `${picturesLost} of ${pictures}`,
    "0",
    pictures > 0 && picturesLost === 0,
  );
}

async function speed(clips: readonly KnownClip[]): Promise<void> {
  for (const { name, path } of clips) {
    const { dubbing, wholeCommand } = await echoSpeed(path);
    figures.add(`${name}: echo in file mode, × real time`, dubbing, "≥ 10", dubbing >= 10);
    figures.add("… with the command's start and its sidecar's", wholeCommand);
  }
}

const parts = { sound, switches, drift, hours, deaths, speed };
const wanted = values.only?.split(",") ?? Object.keys(parts);
const unknown = wanted.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined)
  throw new RangeError(`--only ${unknown}: there are ${Object.keys(parts).join(", ")}`);
const clips = await openClips();
for (const [name, measure] of Object.entries(parts))
  if (wanted.includes(name)) await measure(clips);
const net = process.env["WORKER_SEPARATION"] ?? presentNets(process.env)[0] ?? "none";
figures.print(`separation: ${net}`);
rmSync(folder, { recursive: true });
