import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asInt16 } from "../../../src/audio/pcm.ts";
import { FlvParser, flvHeader, flvTagBytes, flvTagType } from "../../../src/media/flv.ts";
import { pulledSound, softResampler } from "../../../src/media/live-commands.ts";
import { PcmRing } from "../../../src/relay/pcm-ring.ts";
import { SilenceJoins } from "../../../src/relay/silence-joins.ts";
import { runFfmpeg } from "../../media/tools.ts";

const toneHz = 437;
const rateHz = 48_000;

/** The largest step between neighbouring samples of the left channel. */
function steepest(samples: Int16Array): number {
  let worst = 0;
  for (let n = 2; n < samples.length; n += 2)
    worst = Math.max(worst, Math.abs(samples[n]! - samples[n - 2]!));
  return worst;
}

/** What the delay line holds of sound that arrives in pieces of 4096 bytes, as from a pipe. */
function delayed(samples: Int16Array): Int16Array {
  const ring = new PcmRing(samples.length / 2);
  const joins = new SilenceJoins(ring);
  for (let at = 0; at < samples.length; at += 2048) {
    const piece = samples.slice(at, at + 2048);
    ring.write(at / 2, piece);
    joins.wrote(at / 2, piece);
  }
  return ring.read(0, samples.length / 2).samples;
}

/** Six seconds of a tone as AAC in FLV, its tags changed or left out, decoded as a pull decodes it. */
async function pulled(
  change: (stampMs: number) => number | undefined,
  filter = pulledSound,
): Promise<Int16Array> {
  const folder = mkdtempSync(join(tmpdir(), "joins-"));
  try {
    const source = join(folder, "source.flv");
    await runFfmpeg([
      ...["-f", "lavfi", "-i", `sine=${toneHz}:r=${rateHz}:d=6`, "-af", "volume=12dB"],
      ...["-c:a", "aac", "-b:a", "128k", "-f", "flv", source],
    ]);
    const tags = new FlvParser().push(await Bun.file(source).bytes());
    const kept = tags.flatMap((tag) => {
      const stampMs = tag.type === flvTagType.audio ? change(tag.timestampMs) : tag.timestampMs;
      return stampMs === undefined ? [] : [flvTagBytes(tag.type, stampMs, tag.data)];
    });
    const path = join(folder, "changed.flv");
    await Bun.write(path, Buffer.concat([flvHeader({ video: false, audio: true }), ...kept]));
    const { stdout } = await runFfmpeg([
      ...["-i", path, "-af", filter, "-ar", `${rateHz}`, "-ac", "2"],
      ...["-f", "s16le", "pipe:1"],
    ]);
    return asInt16(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The steady part: no beginning and no end of the encoder's. */
const middle = (samples: Int16Array) => samples.slice(rateHz, samples.length - rateHz);

test("a hole in the input's sound is filled to its length and its edges are faded: no step, nothing else changed", async () => {
  const steady = steepest(middle(await pulled((ms) => ms)));
  const holed = middle(await pulled((ms) => (ms > 3000 && ms < 3300 ? undefined : ms)));
  expect(steepest(holed)).toBeGreaterThan(3 * steady); // what it is about
  const smooth = delayed(holed);
  expect(steepest(smooth)).toBeLessThan(1.2 * steady);
  const changed = smooth.reduce((count, sample, n) => count + (sample === holed[n] ? 0 : 1), 0);
  expect(changed).toBeGreaterThan(0);
  expect(changed).toBeLessThanOrEqual(2 * 2 * 480);
});

test("short holes and overlaps are taken up without a step by the pull's resampler", async () => {
  const whole = await pulled((ms) => ms);
  const steady = steepest(middle(whole));
  for (const change of [
    (ms: number) => (ms > 3000 && ms < 3060 ? undefined : ms),
    (ms: number) => (ms > 3000 ? ms - 60 : ms),
    (ms: number) => (ms > 3000 ? ms + 60 : ms),
  ]) {
    expect(steepest(middle(await pulled(change)))).toBeLessThan(1.2 * steady);
  }
});

test("sound that is pulled in pieces is the same to its last sample, however it ends", async () => {
  for (const untilMs of [3000, 3040, 3090]) {
    const change = (ms: number) => (ms < untilMs ? ms : undefined);
    const whole = await pulled(change, softResampler);
    expect(whole.length / 2).toBeGreaterThan(2.9 * rateHz);
    expect(await pulled(change)).toEqual(whole);
  }
});

test("sound that dies away and sets in softly beside silence, and short silence, stay as they are", () => {
  const samples = new Int16Array(2 * rateHz);
  for (let n = 0; n < rateHz; n++) {
    const silent = n > 20_000 && n < 30_000;
    const distance = Math.min(Math.abs(n - 20_000), Math.abs(n - 30_000), 4800) / 4800;
    const level = silent ? 0 : 8000 * distance ** 2;
    samples[2 * n] = samples[2 * n + 1] = Math.round(level * Math.sin(n / 20));
  }
  samples.fill(0, 2 * 40_000, 2 * 42_000); // 42 ms, hard: the source's own
  expect(delayed(samples)).toEqual(samples);
});
