import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { words } from "../../../src/media/live-commands.ts";
import { NativeChild } from "../../../src/process/native-child.ts";
import {
  findFlashesAndBeeps,
  makeFlashBeepClip,
  median,
  offsetsMs,
} from "../../media/flash-beep.ts";
import { backwardSteps, readFlvFile, Recording } from "../../media/recording.ts";
import { ffmpegPath } from "../../media/tools.ts";
import { ServeProcess } from "./serve-process.ts";

let folder: string;
let clip: string;
let serve: ServeProcess;
let urls: { rtsp: string; srt: string; whip: string };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ways-in-"));
  // WebRTC carries no B-frames.
  clip = await makeFlashBeepClip({
    path: join(folder, "c.flv"),
    seconds: 30,
    gopFrames: 25,
    bFrames: 0,
  });
  serve = await ServeProcess.start({
    LIVEDUB_PUBLISH_KEYS: JSON.stringify({
      "*": createHash("sha256").update("right").digest("hex"),
    }),
    MEDIAMTX_RTSP_ADDRESS: "127.0.0.1:0",
    MEDIAMTX_SRT_ADDRESS: "127.0.0.1:0",
    MEDIAMTX_WEBRTC_ADDRESS: "127.0.0.1:0",
  });
  urls = (await serve.logged(({ event }) => event === "serve.ready")) as unknown as typeof urls;
}, 60_000);
afterAll(async () => {
  await serve[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
}, 30_000);

async function publish(url: string, options: string): Promise<NativeChild> {
  return NativeChild.start({
    name: "publisher",
    command: [
      await ffmpegPath(),
      // Without FFmpeg's own burst of half a second at the start: encoders send what they see, when they see it.
      ...words("-hide_banner -loglevel error -nostdin -re -readrate_initial_burst 0.001 -i"),
      ...[clip, ...words(options), url],
    ],
    terminateWithinMs: 500,
  });
}

const ways = {
  rtsp: {
    url: (stream: string, key: string) => `${urls.rtsp.replace("STREAM", stream)}?key=${key}`,
    options: "-c copy -f rtsp -rtsp_transport tcp",
    // MediaMTX places each track by when its first packet arrives, which a busy machine moves by some pictures.
    inStepMs: 100,
  },
  srt: {
    url: (stream: string, key: string) => `${urls.srt.replace("STREAM", stream)}:key=${key}`,
    options: "-c copy -f mpegts",
    inStepMs: 3,
  },
  whip: {
    url: (stream: string, key: string) => `${urls.whip.replace("STREAM", stream)}?key=${key}`,
    options: "-c:v copy -c:a libopus -ar 48000 -ac 2 -f whip",
    inStepMs: 200,
  },
} as const;

describe.concurrent("what is published by", () => {
  for (const [name, { url, options, inStepMs }] of Object.entries(ways)) {
    test(`${name} comes out the same, with its sound`, async () => {
      await using publisher = await publish(url(name, "right"), options);
      const available = ({ message }: { message: string }) =>
        message.includes(`live/${name}/out] stream is available`);
      await Promise.race([
        serve.logged(available, 25_000),
        publisher.exited.then(() => Promise.reject(new Error(publisher.lastStderr))),
      ]);
      const recording = await Recording.start(serve.watchUrl(name), join(folder, `${name}.flv`));
      await recording.until(() => recording.video.length > 25 * 12, 30_000);
      await recording.stop();
      const known = new Set((await readFlvFile(clip)).map(({ hash }) => hash));
      const strange = recording.video.filter(({ hash }) => !known.has(hash));
      expect(strange).toEqual([]);
      expect(backwardSteps(recording.video)).toBe(0);
      const offsets = offsetsMs(await findFlashesAndBeeps(recording.path));
      const source = median(offsetsMs(await findFlashesAndBeeps(clip)));
      expect(offsets.length).toBeGreaterThanOrEqual(6);
      const delta = median(offsets) - source;
      process.stderr.write(`${name}: A/V ${delta.toFixed(1)} ms against the source's\n`);
      expect(Math.abs(delta)).toBeLessThan(inStepMs);
    }, 90_000);
  }
});

test("a wrong key is refused by every way", async () => {
  for (const [name, { url, options }] of Object.entries(ways)) {
    await using publisher = await publish(url(`bad-${name}`, "wrong"), options);
    expect((await publisher.exited).code).not.toBe(0);
    const refusals = (await serve.view()).refusals.filter(
      ({ streamId }) => streamId === `bad-${name}`,
    );
    expect(refusals.map(({ code }) => code)).toEqual(["WRONG_KEY"]);
  }
}, 60_000);
