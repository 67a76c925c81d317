import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  FlvParser,
  flvHeader,
  flvTagBytes,
  flvTagType,
  type FlvTag,
} from "../../../src/media/flv.ts";
import {
  StampedPcmError,
  StampedPcmParser,
  stampedPcmOptions,
  type StampedSound,
} from "../../../src/media/stamped-pcm.ts";
import { placedSound } from "../../../src/relay/file-sound.ts";
import { runFfmpeg } from "../../media/tools.ts";

const rateHz = 48_000;
const toneHz = 437;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pulled-sound-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Sound tags of a tone as AAC. */
async function aacTags(seconds: number, hz: number, channels: number): Promise<FlvTag[]> {
  const path = join(folder, `${seconds}-${hz}-${channels}.flv`);
  await runFfmpeg([
    ...["-f", "lavfi", "-i", `sine=${toneHz}:r=${hz}:d=${seconds}`, "-af", "volume=12dB"],
    ...["-ac", String(channels), "-c:a", "aac", "-b:a", "128k", "-f", "flv", path],
  ]);
  const tags = new FlvParser().push(await Bun.file(path).bytes());
  return tags.filter(({ type }) => type === flvTagType.audio);
}

/** What FFmpeg makes of sound tags. */
async function decoded(tags: readonly FlvTag[]): Promise<Uint8Array> {
  const path = join(folder, "changed.flv");
  const bytes = tags.map(({ type, timestampMs, data }) => flvTagBytes(type, timestampMs, data));
  await Bun.write(path, Buffer.concat([flvHeader({ video: false, audio: true }), ...bytes]));
  const { stdout } = await runFfmpeg(["-i", path, ...stampedPcmOptions(1)]);
  return stdout;
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size)
    yield await Promise.resolve(bytes.subarray(at, at + size));
}

/** The line that comes of it, as a pull's does. */
async function placed(bytes: Uint8Array): Promise<Int16Array> {
  const pieces: Buffer[] = [];
  for await (const piece of placedSound(inPieces(bytes, 32_768), 0))
    pieces.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
  const all = Buffer.concat(pieces);
  return new Int16Array(all.buffer, all.byteOffset, all.length / 2).slice();
}

/** Runs, joined again where bytes that are cut anywhere part them. */
function runsOf(bytes: Uint8Array, pieceBytes: number): StampedSound[] {
  const parser = new StampedPcmParser();
  const parts: { stampSample: number; samples: number[] }[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes)
    for (const { stampSample, samples } of parser.push(bytes.subarray(at, at + pieceBytes))) {
      const last = parts.at(-1);
      if (last !== undefined && stampSample === last.stampSample + last.samples.length / 2)
        last.samples.push(...samples);
      else parts.push({ stampSample, samples: [...samples] });
    }
  return parts.map(({ stampSample, samples }) => ({
    stampSample,
    samples: Int16Array.from(samples),
  }));
}

/** The sharpest bend of the left channel: a step shows in it far above all that a low tone has. */
function sharpest(line: Int16Array): number {
  let worst = 0;
  for (let n = 4; n < line.length; n += 2)
    worst = Math.max(worst, Math.abs(line[n]! - 2 * line[n - 2]! + line[n - 4]!));
  return worst;
}

/** The steady part: no beginning and no end of the encoder's. */
const middle = (samples: Int16Array) => samples.slice(rateHz, samples.length - rateHz);

describe("stamps on their way out of FFmpeg", () => {
  test("are those of the input to the sample, wherever they jump, and however the bytes are cut", async () => {
    const jumps =
      "if(gte(T\\,1)\\,0.5)+if(gte(T\\,2)\\,-1.75)+if(gte(T\\,3)\\,-4)+if(gte(T\\,4)\\,7)";
    const { stdout } = await runFfmpeg([
      ...["-f", "lavfi", "-i"],
      `sine=r=48000:samples_per_frame=1000:d=5,asetpts=PTS+(${jumps})/TB`,
      ...stampedPcmOptions(1),
    ]);
    const jumped = [0, 0.5, -1.25, -5.25, 1.75];
    const runs = runsOf(stdout, 65_536);
    expect(runs.map(({ stampSample, samples }) => [stampSample, samples.length / 2])).toEqual(
      jumped.map((seconds, n) => [(n + seconds) * rateHz, rateHz]),
    );
    expect(runsOf(stdout, 4093)).toEqual(runs);
    const beginning = stdout.subarray(0, 30_000);
    const whole = runsOf(beginning, 65_536);
    for (const pieceBytes of [1, 13]) expect(runsOf(beginning, pieceBytes)).toEqual(whole);
  });

  test("go on past the format's 32 bits", async () => {
    const { stdout } = await runFfmpeg([
      ...["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo:nb_samples=64:d=50"],
      ...stampedPcmOptions(1),
    ]);
    const packets = stdout.length / (12 + 64 * 4);
    expect(packets).toBeGreaterThan(2 ** 32 / 262_144);
    const runs = runsOf(stdout, 65_536);
    expect(runs.map(({ stampSample, samples }) => [stampSample, samples.length / 2])).toEqual([
      [0, 50 * rateHz],
    ]);
  });

  test("are not made up: other bytes are refused", () => {
    expect(() => new StampedPcmParser().push(new Uint8Array(64))).toThrow(StampedPcmError);
    const header = new Uint8Array([0, 10, 83, 77, 74, 80, 69, 71, 0, 0, 0, 0, 0, 0, 0, 0]);
    const parser = new StampedPcmParser();
    expect(parser.push(header)).toEqual([]);
    expect(() => parser.push(new Uint8Array(64).fill(1))).toThrow("the sound is damaged");
    const long = new Uint8Array([0x73, 0x6e, 0x64, 0x44, 0, 0, 0, 0, 0x7f, 0, 0, 0]);
    const second = new StampedPcmParser();
    second.push(header);
    expect(() => second.push(long)).toThrow("the sound is damaged");
  });
});

describe("the sound of an AAC feed", () => {
  test("that is in order comes as FFmpeg decodes it, to the bit", async () => {
    for (const [hz, channels] of [
      [48_000, 2],
      [48_000, 1],
      [44_100, 2],
      [48_000, 6],
    ] as const) {
      const bytes = await decoded(await aacTags(6, hz, channels));
      const plain = runsOf(bytes, 65_536).flatMap(({ samples }) => [...samples]);
      const line = await placed(bytes);
      const silence = line.length - plain.length;
      expect([hz, channels, silence / 2 / 48]).toEqual([hz, channels, expect.closeTo(0, -1)]);
      const faded = 2 * 480;
      expect(line.subarray(silence + faded)).toEqual(Int16Array.from(plain.slice(faded)));
    }
  });

  test("with holes, overlaps and jumps of its stamps, short and long: no step is heard, its end stays in place", async () => {
    const tags = await aacTags(8, rateHz, 2);
    const changed = async (change: (ms: number) => number | undefined) => {
      const kept = tags.flatMap((tag) => {
        const timestampMs = change(tag.timestampMs);
        return timestampMs === undefined ? [] : [{ ...tag, timestampMs }];
      });
      return placed(await decoded(kept));
    };
    const whole = await changed((ms) => ms);
    const own = sharpest(middle(whole));
    const from = 3000;
    const changes: [string, number, (ms: number) => number | undefined][] = [
      ["a hole of 60 ms", 0, (ms) => (ms > from && ms < from + 60 ? undefined : ms)],
      ["a hole of 300 ms", 0, (ms) => (ms > from && ms < from + 300 ? undefined : ms)],
      ["a jump ahead of 60 ms", 60, (ms) => (ms > from ? ms + 60 : ms)],
      ["a jump ahead of 700 ms", 700, (ms) => (ms > from ? ms + 700 : ms)],
      ["an overlap of 60 ms", -60, (ms) => (ms > from ? ms - 60 : ms)],
      ["an overlap of 310 ms", -310, (ms) => (ms > from ? ms - 310 : ms)],
      ["an overlap of 1500 ms", -1500, (ms) => (ms > from ? ms - 1500 : ms)],
      ["400 ms back and ahead again", 0, (ms) => (ms > from && ms < from + 200 ? ms - 400 : ms)],
    ];
    for (const [name, endsByMs, change] of changes) {
      const line = await changed(change);
      // AAC is not exact: where frames are missing the decoder's own overlap of two frames rings.
      expect([name, sharpest(middle(line)) / own]).toEqual([name, expect.closeTo(1, 0)]);
      const endsBy = (line.length - whole.length) / 2 / 48;
      expect([name, Math.abs(endsBy - endsByMs) < 1]).toEqual([name, true]); // FLV counts in ms
    }
  }, 30_000);

  test("that changes its sample rate and layout in the middle keeps its place", async () => {
    const parts = [
      await aacTags(3, 44_100, 1),
      await aacTags(3, 48_000, 2),
      await aacTags(3, 48_000, 6),
      await aacTags(3, 44_100, 2),
    ];
    const tags = parts.flatMap((part, n) =>
      part.map((tag) => ({ ...tag, timestampMs: tag.timestampMs + 3000 * n })),
    );
    const bytes = await decoded(tags);
    const runs = runsOf(bytes, 65_536);
    const line = await placed(bytes);
    const last = runs.at(-1)!;
    const endSample = last.stampSample + last.samples.length / 2;
    expect(Math.abs(line.length / 2 - endSample)).toBeLessThan(72);
    expect(line.length / 2 / rateHz).toBeCloseTo(12, 1);
  }, 20_000);
});
