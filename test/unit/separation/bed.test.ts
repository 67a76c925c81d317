import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import type { WorkerLink, WorkerToRelay } from "../../../src/protocol/relay-worker.ts";
import { asBytes } from "../../../src/audio/pcm.ts";
import { BedRing } from "../../../src/relay/bed-ring.ts";
import { BedSplitter } from "../../../src/separation/bed-splitter.ts";
import { chooseNet, openNet } from "../../../src/separation/choose-net.ts";
import type { SpeechNet } from "../../../src/separation/speech-net.ts";
import { Counters } from "../../../src/sts/counters.ts";
import { BedMaker } from "../../../src/worker/bed-maker.ts";
import { separated } from "../../media/separated.ts";
import { levelDb, mixStems, pausesOf, projectionDb, siSdrDb } from "../../media/stems.ts";

const rateHz = 48_000;
const media = join(import.meta.dir, "..", "..", "fixtures", "media");

/** A net of either rate whose answer is a part of its question. */
const netThat = (
  hears: (samples: Float32Array) => Float32Array,
  hz: 16_000 | 48_000,
): SpeechNet => ({
  name: "gtcrn",
  rateHz: hz,
  contextMs: { before: 500, after: 40 },
  warmUps: 0,
  estimate: (samples) => Promise.resolve(hears(samples)),
  close: () => Promise.resolve(),
});

/** Noise of a music-like slope, below 6 kHz for the most part, different in both channels or not. */
function noise(count: number, sameInBoth: boolean): Int16Array {
  const output = new Int16Array(2 * count);
  let seed = 1;
  const held = [0, 0];
  for (let n = 0; n < output.length; n++) {
    if (sameInBoth && n % 2 === 1) {
      output[n] = output[n - 1]!;
      continue;
    }
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    held[n % 2] = held[n % 2]! * 0.9 + (seed / 2_147_483_648 - 0.5) * 4000;
    output[n] = held[n % 2]!;
  }
  return output;
}

const energy = (samples: ArrayLike<number>, from = 0, to = samples.length) => {
  let sum = 0;
  for (let n = from; n < to; n++) sum += samples[n]! ** 2;
  return sum;
};

async function bedOf(splitter: BedSplitter, sound: Int16Array): Promise<Int16Array> {
  splitter.hear(sound);
  const bed = new Int16Array(sound.length);
  const seconds = sound.length / 2 / rateHz;
  for (let n = 0; n < seconds; n++) {
    const startSample = n * rateHz;
    const endSample = startSample + rateHz;
    const piece = await splitter.separate({ startSample, endSample, goesOn: n < seconds - 1 });
    bed.set(piece, 2 * startSample);
  }
  return bed;
}

describe("the splitter", () => {
  test("takes off what the net heard where it was, over every join, at either rate", async () => {
    for (const hz of [48_000, 16_000] as const) {
      const sound = noise(4 * rateHz, true);
      const bed = await bedOf(new BedSplitter(netThat((samples) => samples.slice(), hz)), sound);
      // Inside the fades at both ends nothing is left: one sample of delay would leave a tenth and more.
      const [from, to] = [2 * 2000, 2 * (4 * rateHz - 2000)];
      expect(10 * Math.log10(energy(bed, from, to) / energy(sound, from, to))).toBeLessThan(-35);
      expect(bed[0]).toBe(sound[0]); // where speech sets in its removal begins at nothing
    }
  });

  test("leaves a sound alone in which the net hears nothing, to the bit", async () => {
    const sound = noise(3 * rateHz, false);
    const silent = netThat((samples) => new Float32Array(samples.length), 48_000);
    expect(await bedOf(new BedSplitter(silent), sound)).toEqual(sound);
  });

  test("follows speech that stands at one side", async () => {
    const sound = noise(2 * rateHz, true);
    for (let n = 1; n < sound.length; n += 2) sound[n] = 0; // all of it on the left
    const bed = await bedOf(new BedSplitter(netThat((samples) => samples.slice(), 48_000)), sound);
    const [from, to] = [2 * 2000, 2 * (2 * rateHz - 2000)];
    expect(10 * Math.log10(energy(bed, from, to) / energy(sound, from, to))).toBeLessThan(-35);
  });
});

/** A bed maker at work on three seconds of speech by the gate's word, between two of silence. */
async function make(net: SpeechNet, airsInMs?: (sample: number) => number) {
  const messages: WorkerToRelay[] = [];
  const events: string[] = [];
  const link: WorkerLink = {
    send: (message) => messages.push(message) > 0,
    ready: () => Promise.resolve(),
    onMessage: () => {},
    onClose: () => {},
    close: () => {},
  };
  const counters = new Counters();
  const maker = new BedMaker({
    ...{ link, counters, airsInMs, splitter: new BedSplitter(net) },
    onEvent: (level, _code, message) => events.push(`${level}: ${message}`),
  });
  const sound = noise(7 * rateHz, true);
  const frame = 1536;
  for (let at = 0; at + frame <= 7 * rateHz; at += frame) {
    const pcm = asBytes(sound.slice(2 * at, 2 * (at + frame)));
    maker.hear({ type: "pcm", startSample: at, airsInMs: 0, pcm });
    const speaking = at >= 2 * rateHz && at < 5 * rateHz;
    const isFirst = speaking && at - frame < 2 * rateHz;
    const speechFrom = isFirst ? at - 6000 : undefined;
    maker.judge({ endSample: at + frame, speaking, speechFrom, quiet: !speaking, energy: 0 });
  }
  await maker.flush(7 * rateHz);
  await maker.close();
  const ring = new BedRing(10 * rateHz);
  for (const message of messages)
    if (message.type === "bed" || message.type === "bed-stretch") ring.receive(message, 0);
  return { messages, events, counters, sound, ring };
}

describe("the bed maker", () => {
  const all = netThat((samples) => samples.slice(), 48_000);

  test("tells of every sample once and in order, and separates only where speech is", async () => {
    const { messages, counters, ring, sound } = await make(all);
    let next = 0;
    for (const message of messages) {
      if (message.type !== "bed" && message.type !== "bed-stretch") continue;
      expect(message.startSample).toBe(next);
      next = message.type === "bed" ? next + message.pcm.length / 4 : message.endSample;
    }
    expect(next).toBe(7 * rateHz);
    expect(counters.get("bed_separated_ms")).toBeLessThan(3500);
    const original = sound.slice(0, 2 * rateHz);
    expect(ring.read(0, rateHz, original)?.samples).toBe(original);
    const spoken = sound.slice(2 * 3 * rateHz, 2 * 4 * rateHz);
    const bed = ring.read(3 * rateHz, rateHz, spoken)!.samples;
    expect(energy(bed)).toBeLessThan(energy(spoken) / 3000);
  });

  test("says that there is no bed where the net failed, counts it, and gives the net up at last", async () => {
    const broken = netThat(() => {
      throw new Error("out of memory");
    }, 48_000);
    const { ring, counters, events, sound } = await make(broken);
    const spoken = sound.slice(2 * 3 * rateHz, 2 * 4 * rateHz);
    expect(ring.read(3 * rateHz, rateHz, spoken)).toBeUndefined();
    expect(ring.read(6 * rateHz, 960, sound)).toBeDefined();
    expect(counters.get("bed_failures")).toBe(3);
    expect(events.at(-1)).toStartWith("error: out of memory; it is given up");
  });

  test("does not begin what would come too late", async () => {
    const { counters, ring, sound } = await make(all, (sample) =>
      sample < 4 * rateHz ? -1 : 1000,
    );
    expect(ring.read(3 * rateHz, 960, sound)).toBeUndefined();
    expect(ring.read(4.9 * rateHz, 960, sound)).toBeDefined();
    expect(counters.get("bed_skipped_ms")).toBeGreaterThan(1000);
  });
});

test("of real speech over music at most a quarter is left, and pauses stay bit by bit", async () => {
  const stems = await mixStems({
    sentences: [
      { file: join(media, "speech", "LJ001-0002.flac"), startMs: 2500 },
      { file: join(media, "speech", "LJ001-0008.flac"), startMs: 6500 },
    ],
    bed: join(media, "music.ogg"),
    snrDb: 10,
    durationMs: 10_000,
  });
  const found = await chooseNet("gtcrn-wasm", process.env);
  const { messages } = await separated(stems.mix, await openNet(found!));
  const ring = new BedRing(10 * rateHz);
  for (const message of messages)
    if (message.type === "bed" || message.type === "bed-stretch") ring.receive(message, 0);
  const bed = ring.read(0, 10 * rateHz, stems.mix)!.samples;
  const left = Float32Array.from(bed, (sample, n) => sample - stems.bed[n]!);
  expect(projectionDb(left, stems.speech, stems.said)).toBeLessThan(-12);
  expect(Math.abs(levelDb(bed, stems.bed, stems.said))).toBeLessThan(2);
  expect(siSdrDb(bed, stems.bed, stems.said)).toBeGreaterThan(0);
  const [before] = pausesOf(stems, 900);
  const end = 2 * before!.endSample;
  expect(bed.subarray(0, end)).toEqual(stems.mix.subarray(0, end));
  expect(Math.abs(levelDb(bed, stems.bed, pausesOf(stems, 700)))).toBeLessThan(0.5);
}, 60_000);

test("of a loud onset after music little is left: the net has heard the voice before it answers", async () => {
  const stems = await mixStems({
    sentences: [{ file: join(media, "speech", "LJ001-0009.flac"), startMs: 2500 }],
    bed: join(media, "music.ogg"),
    snrDb: 15,
    durationMs: 6000,
  });
  const net = await openNet((await chooseNet("gtcrn-wasm", process.env))!);
  const splitter = new BedSplitter(net);
  splitter.hear(stems.mix);
  const onset = stems.said[0]!.startSample;
  const first = [{ startSample: onset, endSample: onset + 0.2 * rateHz }];
  // Where a gate finds its beginning: before it, by more or less.
  for (const leadMs of [50, 150, 220]) {
    const startSample = onset - leadMs * 48;
    const endSample = startSample + rateHz;
    const bed = await splitter.separate({ startSample, endSample, goesOn: false });
    const left = new Float32Array(stems.mix.length);
    for (let n = 0; n < bed.length; n++)
      left[2 * startSample + n] = bed[n]! - stems.bed[2 * startSample + n]!;
    expect(projectionDb(left, stems.speech, first), `${leadMs} ms`).toBeLessThan(-15);
  }
  await splitter.close();
});
