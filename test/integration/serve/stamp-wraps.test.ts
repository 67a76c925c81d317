import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NativeChild } from "../../../src/process/native-child.ts";
import {
  findFlashesAndBeeps,
  makeFlashBeepClip,
  median,
  offsetsMs,
} from "../../media/flash-beep.ts";
import { backwardSteps, readFlvFile, Recording, steps } from "../../media/recording.ts";
import { ffmpegPath } from "../../media/tools.ts";
import { ServeProcess } from "./serve-process.ts";

let folder: string;
let serve: ServeProcess;
let srtUrl: string;
let clip: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "wraps-"));
  clip = await makeFlashBeepClip({ path: join(folder, "clip.flv"), seconds: 16, gopFrames: 25 });
  serve = await ServeProcess.start({ MEDIAMTX_SRT_ADDRESS: "127.0.0.1:0" });
  const ready = await serve.logged(({ event }) => event === "serve.ready");
  srtUrl = String(ready["srt"]);
}, 30_000);
afterAll(async () => {
  await serve[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
}, 30_000);

/** Stamps wrap this long after the first picture: while the stream is on air. */
const wrapsAfterSeconds = 8;
const picturesBefore = wrapsAfterSeconds * 25;

/** Publishes the clip with stamps that wrap in its middle. */
async function publishWrapping(wrapSeconds: number, format: string, url: string) {
  const offset = (wrapSeconds - wrapsAfterSeconds).toFixed(3);
  return NativeChild.start({
    name: "publisher",
    command: [
      ...[await ffmpegPath(), "-hide_banner", "-loglevel", "error", "-nostdin", "-re"],
      ...["-i", clip, "-c", "copy", "-output_ts_offset", offset, "-f", format, url],
    ],
    terminateWithinMs: 300,
  });
}

/** Records `out` from when the source is on it until the publisher has ended. */
async function recordWhole(stream: string, publisher: NativeChild): Promise<Recording> {
  const running = (line: { message: string; streamId?: unknown }) =>
    line["streamId"] === stream && line.message === "starting → running";
  await serve.logged(running);
  const recording = await Recording.start(serve.watchUrl(stream), join(folder, `${stream}.flv`));
  await publisher.exited;
  expect(recording.exit).toBeUndefined();
  await recording.stop();
  return recording;
}

/** A filler steps by 100 ms. Pictures from before the wrap and from after it, no step beyond the one given, stamps that only rise, sound without a hole, in step. */
async function expectSteady(recording: Recording, longestStepMs: number): Promise<void> {
  const source = (await readFlvFile(clip)).filter((one) => one.kind === "video");
  const numbers = new Map(source.map(({ hash }, number) => [hash, number]));
  const seen = recording.video.flatMap(({ hash }) => numbers.get(hash) ?? []);
  expect(seen.filter((number) => number < picturesBefore).length).toBeGreaterThan(40);
  expect(seen.filter((number) => number > picturesBefore + 25).length).toBeGreaterThan(100);
  expect(backwardSteps(recording.video)).toBe(0);
  expect(backwardSteps(recording.audio)).toBe(0);
  expect(Math.max(...steps(recording.audio))).toBeLessThanOrEqual(23);
  expect(Math.max(...steps(recording.video))).toBeLessThanOrEqual(longestStepMs);
  const offsets = offsetsMs(await findFlashesAndBeeps(recording.path));
  const wanted = median(offsetsMs(await findFlashesAndBeeps(clip)));
  expect(offsets.length).toBeGreaterThanOrEqual(8);
  for (const offset of offsets) expect(Math.abs(offset - wanted)).toBeLessThan(5);
}

describe.concurrent("stamps that wrap while on air", () => {
  test("at the 33 bits of MPEG-TS (SRT): nothing is seen or heard of it", async () => {
    await using publisher = await publishWrapping(
      2 ** 33 / 90_000,
      "mpegts",
      srtUrl.replace("STREAM", "srt"),
    );
    const recording = await recordWhole("srt", publisher);
    const { counters } = (await serve.stream("srt")).relay.status!;
    expect(counters).toMatchObject({ pulls: 1, spans: 1 });
    await expectSteady(recording, 99);
  }, 60_000);

  test("at the 32 bits of RTMP's milliseconds: the pull may be ended by it, readers of out are not", async () => {
    await using publisher = await publishWrapping(2 ** 32 / 1000, "flv", serve.publishUrl("rtmp"));
    const recording = await recordWhole("rtmp", publisher);
    const { counters } = (await serve.stream("rtmp")).relay.status!;
    // With B-frames MediaMTX ends our reader at the wrap: a new pull, a new span, filler until the next IDR.
    expect(counters["pulls"]).toBeLessThanOrEqual(2);
    expect(counters["fillerPackets"]).toBeLessThan(30);
    await expectSteady(recording, 400);
  }, 60_000);
});
