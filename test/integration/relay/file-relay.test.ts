import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileRelayError } from "../../../src/relay/file-inspection.ts";
import { runFileRelay, type FileRelayOptions } from "../../../src/relay/file-relay.ts";
import { createMemoryLink } from "../../../src/relay/memory-link.ts";
import type { RegionKind } from "../../../src/protocol/relay-worker.ts";
import { attachEchoWorker } from "../../media/echo-worker.ts";
import {
  decodeSound,
  findFlashesAndBeeps,
  findJumps,
  longestSilence,
  makeFlashBeepClip,
  median,
  offsetsMs,
} from "../../media/flash-beep.ts";
import { readFlvFile } from "../../media/recording.ts";
import { beepsOffMs, trouble, troubledTags, writeFlv } from "../../media/troubled-clip.ts";
import { ffmpegPath, runFfmpeg } from "../../media/tools.ts";

let folder: string;
let clip: string;
const inFolder = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "file-relay-"));
  clip = await makeFlashBeepClip({ path: inFolder("clip.mp4"), seconds: 8 });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function dub(
  input: string,
  output: string,
  kindOf: (fragment: number, language: string) => RegionKind,
  change: Partial<FileRelayOptions> = {},
) {
  const { relay, worker } = createMemoryLink();
  attachEchoWorker(worker, change.languages ?? ["pt"], kindOf);
  return runFileRelay({
    input,
    output,
    languages: ["pt"],
    link: relay,
    ffmpegPath: await ffmpegPath(),
    fallback: "original",
    gains: { bgGain: 1, dubGain: 1 },
    ...change,
  });
}

/** Hash and presentation time of each picture, counted from the first one. */
async function pictures(path: string): Promise<string[]> {
  const copy = `${path}.pictures.flv`;
  await runFfmpeg([
    "-loglevel",
    "error",
    "-i",
    path,
    "-map",
    "0:v",
    "-c",
    "copy",
    "-bsf:v",
    "filter_units=remove_types=9",
    copy,
  ]);
  const packets = await readFlvFile(copy);
  const first = packets[0]?.ptsMs ?? 0;
  return packets.map(({ hash, ptsMs }) => `${hash} ${ptsMs - first}`);
}

describe("a dubbed file", () => {
  for (const extension of ["mp4", "mkv", "ts", "flv"]) {
    test(`.${extension}: the same pictures at the same times, sound in step to the sample`, async () => {
      const output = inFolder(`out.${extension}`);
      const result = await dub(clip, output, () => "replace");
      expect(result.blocks.replace).toBe(400);
      expect(await pictures(output)).toEqual(await pictures(clip));
      const before = median(offsetsMs(await findFlashesAndBeeps(clip)));
      const after = offsetsMs(await findFlashesAndBeeps(output));
      expect(after.length).toBe(7);
      // FLV and Matroska count in milliseconds; AAC moves an onset by a few samples.
      expect(Math.abs(median(after) - before)).toBeLessThan(0.6);
      expect(readdirSync(folder).filter((name) => name.includes(".part-"))).toEqual([]);
    });
  }

  test("a track that begins late, and stamps that begin anywhere, keep their places", async () => {
    await runFfmpeg([
      ...["-loglevel", "error", "-itsoffset", "0.25", "-i", clip, "-i", clip],
      ...["-map", "0:a", "-map", "1:v", "-c", "copy", inFolder("late.ts")],
    ]);
    await dub(inFolder("late.ts"), inFolder("late.mp4"), () => "replace");
    const before = median(offsetsMs(await findFlashesAndBeeps(inFolder("late.ts"))));
    const after = median(offsetsMs(await findFlashesAndBeeps(inFolder("late.mp4"))));
    expect(before).toBeCloseTo(250, 0);
    expect(Math.abs(after - before)).toBeLessThan(0.3);
  });

  test("whose sound overlaps, has a hole and runs 500 ppm off its stamps: no click, and every beep in its place", async () => {
    const input = inFolder("troubled.flv");
    await writeFlv(input, await troubledTags(inFolder("troubled-source.flv"), 24));
    await dub(input, inFolder("troubled.mp4"), () => "original");
    const off = beepsOffMs(await findFlashesAndBeeps(inFolder("troubled.mp4")), 23);
    process.stderr.write(`beeps off: ${off.map((ms) => ms.toFixed(1)).join(" ")} ms\n`);
    expect(off.length).toBe(23);
    expect(Math.max(...off.map(Math.abs))).toBeLessThan(3);
    const sound = await decodeSound(inFolder("troubled.mp4"));
    expect(findJumps(sound)).toEqual([]);
    expect(longestSilence(sound)).toBeCloseTo(trouble.holeSeconds, 1);
  }, 20_000);

  test("the original passes without a jump, and every switch is smooth", async () => {
    await dub(clip, inFolder("original.mp4"), () => "original");
    expect(findJumps(await decodeSound(inFolder("original.mp4")))).toEqual([]);
    // The tone is alone on the right channel of the original; replaced, it comes mixed with the beeps.
    await dub(clip, inFolder("switched.mp4"), (n) => (n % 4 === 3 ? "dub" : "original"));
    const sound = await decodeSound(inFolder("switched.mp4"));
    expect(findJumps(sound)).toEqual([]);
    expect(20 * Math.log10(peak(sound, 1.75) / peak(sound, 1.2))).toBeCloseTo(-12, 0);
  });

  test("stems: dub and bed add up to the sound", async () => {
    const stems = inFolder("stems");
    await dub(clip, inFolder("stems.mp4"), (n) => (n % 2 ? "replace" : "original"), { stems });
    const dubStem = await decodeSound(join(stems, "dub-pt.wav"));
    const bed = await decodeSound(join(stems, "bed.wav"));
    expect(dubStem.length).toBe(8 * 48_000 * 2);
    expect(bed.length).toBe(8 * 48_000 * 2);
    const mixed = await decodeSound(inFolder("stems.mp4"));
    let error = 0;
    let power = 0;
    for (let n = 0; n < mixed.length; n++) {
      error += (mixed[n]! - dubStem[n]! - bed[n]!) ** 2;
      power += mixed[n]! ** 2;
    }
    expect(Math.sqrt(error / power)).toBeLessThan(0.2); // AAC smears the beeps' edges
    expect(peak(dubStem, 0.6)).toBeGreaterThan(1000);
    expect(peak(dubStem, 0.2)).toBe(0);
  });

  test("two languages are two tracks, each with its own mix", async () => {
    const output = inFolder("two.mkv");
    const languages = ["pt", "es"];
    await dub(clip, output, (_, language) => (language === "pt" ? "replace" : "original"), {
      languages,
    });
    const second = inFolder("second.wav");
    await runFfmpeg(["-loglevel", "error", "-i", output, "-map", "0:a:m:language:spa", second]);
    expect(findJumps(await decodeSound(second))).toEqual([]);
    expect(peak(await decodeSound(output), 1)).toBeGreaterThan(
      2 * peak(await decodeSound(second), 1),
    );
  });

  test("44.1 kHz mono is carried", async () => {
    const input = await makeFlashBeepClip({
      path: inFolder("mono.mp4"),
      seconds: 3,
      sampleRateHz: 44_100,
      channels: 1,
    });
    await dub(input, inFolder("mono-out.mp4"), () => "original");
    const after = offsetsMs(await findFlashesAndBeeps(inFolder("mono-out.mp4")));
    expect(after.length).toBe(2);
    expect(Math.abs(median(after))).toBeLessThan(1);
  });
});

/** Highest level of the right channel within 100 ms. */
function peak(stereo: Int16Array, atSeconds: number): number {
  let highest = 0;
  for (let n = Math.round(atSeconds * 48_000); n < (atSeconds + 0.1) * 48_000; n++) {
    highest = Math.max(highest, Math.abs(stereo[2 * n + 1]!));
  }
  return highest;
}

describe("what cannot be dubbed is refused with its name", () => {
  const refusal = async (input: string, output: string, change: Partial<FileRelayOptions> = {}) => {
    const error = await dub(input, output, () => "original", change).catch(
      (problem: unknown) => problem,
    );
    expect(error).toBeInstanceOf(FileRelayError);
    return error as FileRelayError;
  };

  test("no file, no media, no sound, no picture", async () => {
    expect((await refusal(inFolder("nothing.mp4"), inFolder("x.mp4"))).code).toBe(
      "input-unreadable",
    );
    writeFileSync(inFolder("text.mp4"), "this is no video");
    expect((await refusal(inFolder("text.mp4"), inFolder("x.mp4"))).code).toBe("input-unreadable");
    const silent = await makeFlashBeepClip({
      path: inFolder("silent.mp4"),
      seconds: 1,
      audio: false,
    });
    expect((await refusal(silent, inFolder("x.mp4"))).code).toBe("input-without-audio");
    const blind = await makeFlashBeepClip({
      path: inFolder("blind.mp4"),
      seconds: 1,
      video: false,
    });
    expect((await refusal(blind, inFolder("x.mp4"))).code).toBe("input-without-video");
    expect(existsSync(inFolder("x.mp4"))).toBe(false);
  });

  test("an output that cannot be written, or would overwrite the input", async () => {
    expect((await refusal(clip, inFolder("x.webm"))).message).toContain(".mkv");
    expect((await refusal(clip, inFolder("no/such/x.mp4"))).code).toBe("output-unwritable");
    expect((await refusal(clip, clip)).code).toBe("output-unwritable");
    const two = { languages: ["pt", "es"] };
    expect((await refusal(clip, inFolder("x.flv"), two)).code).toBe("output-unsupported");
  });

  test("a worker that ends too early, and a stop from outside, leave nothing behind", async () => {
    const { relay, worker } = createMemoryLink();
    const options = { link: relay };
    const lost = refusal(clip, inFolder("lost.mp4"), options);
    worker.onMessage = (message) => message.type === "pcm" && worker.close();
    expect((await lost).code).toBe("worker-ended");
    const stopped = await refusal(clip, inFolder("stopped.mp4"), {
      link: createMemoryLink().relay,
      signal: AbortSignal.timeout(300),
    });
    expect(stopped.code).toBe("aborted");
    const left = readdirSync(folder).filter((name) => /lost|stopped/.test(name));
    expect(left).toEqual([]);
  });
});
