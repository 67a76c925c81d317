import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NativeChild } from "../../../src/process/native-child.ts";
import {
  decodeSound,
  findFlashesAndBeeps,
  findJumps,
  longestSilence,
  makeFlashBeepClip,
  median,
  offsetsMs,
} from "../../media/flash-beep.ts";
import { TestMediaMtx } from "../../media/mediamtx.ts";
import { publishClip } from "../../media/publish.ts";
import { publishTags } from "../../media/rtmp-publisher.ts";
import { FlvParser, flvTagType } from "../../../src/media/flv.ts";
import { beepsOffMs, trouble, troubledTags } from "../../media/troubled-clip.ts";
import { backwardSteps, readFlvFile, Recording, steps } from "../../media/recording.ts";
import { RelayUnderTest } from "./relay-under-test.ts";

let folder: string;
let server: TestMediaMtx;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "live-relay-"));
  server = await TestMediaMtx.start();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const inFolder = (name: string) => join(folder, name);

/** Publishes a clip and tells the relay, as hooks and path list would. */
async function goOnAir(relay: RelayUnderTest, clip: string): Promise<NativeChild> {
  const path = `live/${relay.spec.streamId}/in`;
  const publisher = await publishClip(clip, server.url(path));
  relay.say({ type: "input-available", sourceId: await server.sourceId(path) });
  return publisher;
}

/** Reads an output from the moment it is there. */
async function watch(relay: RelayUnderTest, name: string, output = "out"): Promise<Recording> {
  const path = `live/${relay.spec.streamId}/${output}`;
  await server.sourceId(path, 30_000);
  return Recording.start(server.url(path), inFolder(name));
}

function startWorker(relay: RelayUnderTest, answer: "replace" | "original"): Promise<NativeChild> {
  const fixture = join(import.meta.dir, "worker.fixture.ts");
  return NativeChild.start({
    name: "worker",
    command: [process.execPath, fixture, relay.spec.socketPath, "pt", answer],
    terminateWithinMs: 300,
  });
}

/** Every picture of the recording is one of the clip's, in its order, none left out, none changed. */
async function expectSamePictures(recording: Recording, clip: string): Promise<void> {
  const source = (await readFlvFile(clip)).filter(({ kind }) => kind === "video");
  const hashes = source.map(({ hash }) => hash);
  const seen = recording.video.map(({ hash }) => hash);
  const first = hashes.indexOf(
    seen.find((hash) => hashes.indexOf(hash) === hashes.lastIndexOf(hash))!,
  );
  const offset = seen.indexOf(hashes[first]!);
  expect(first).toBeGreaterThanOrEqual(0);
  expect(seen.length).toBeGreaterThan(100);
  expect(seen).toEqual(hashes.slice(first - offset, first - offset + seen.length));
}

/** A/V by content: the median offset of beep and flash within 3 ms of the clip's own. */
async function expectInStep(recording: Recording, clip: string, pairs: number): Promise<void> {
  const source = median(offsetsMs(await findFlashesAndBeeps(clip)));
  const offsets = offsetsMs(await findFlashesAndBeeps(recording.path));
  expect(offsets.length).toBeGreaterThanOrEqual(pairs);
  expect(Math.abs(median(offsets) - source)).toBeLessThan(3);
}

function expectSteadyStamps(recording: Recording): void {
  expect(backwardSteps(recording.video)).toBe(0);
  expect(backwardSteps(recording.audio)).toBe(0);
  for (const step of steps(recording.audio)) {
    expect(step).toBeGreaterThanOrEqual(20);
    expect(step).toBeLessThanOrEqual(23);
  }
}

describe.concurrent("a live stream", () => {
  test("passes untouched at the delay, with B-frames and a GOP of 250 frames, no worker at all", async () => {
    const clip = await makeFlashBeepClip({
      path: inFolder("gop250.flv"),
      seconds: 40,
      gopFrames: 250,
    });
    await using relay = await RelayUnderTest.start(server, folder, "long-gop");
    await using publisher = await goOnAir(relay, clip);
    const recording = await watch(relay, "long-gop.flv");
    await publisher.exited;
    await recording.stop();
    await expectSamePictures(recording, clip);
    await expectInStep(recording, clip, 3);
    expectSteadyStamps(recording);
    const sound = await decodeSound(recording.path);
    expect(findJumps(sound.subarray(firstSound(sound)))).toEqual([]);
    expect(relay.lastStatus.counters["blocksFallback"]).toBeGreaterThan(100);
    expect((statSync(relay.spec.socketPath).mode & 0o777).toString(8)).toBe("600");
  }, 60_000);

  test("plays what the worker settles, and loses nothing when it is killed, hangs and is replaced", async () => {
    const clip = await makeFlashBeepClip({ path: inFolder("worker.flv"), seconds: 26 });
    const languages = ["pt", "es"]; // the second one is never settled: the original all through
    await using relay = await RelayUnderTest.start(server, folder, "worker", { languages });
    await using first = await startWorker(relay, "replace");
    await using publisher = await goOnAir(relay, clip);
    const recording = await watch(relay, "worker.flv.out.flv");
    const unsettled = await watch(relay, "worker.flv.out-es.flv", "out-es");
    await relay.until(() => relay.lastStatus.playing === "replace", 10_000);
    first.signal("SIGKILL");
    await relay.until(() => relay.lastStatus.playing === "fallback", 5000);
    expect(relay.has("worker-gone")).toBe(true);
    await using second = await startWorker(relay, "replace");
    await relay.until(() => relay.lastStatus.playing === "replace", 5000);
    second.signal("SIGSTOP");
    await relay.until(() => relay.events.some(({ message }) => message.includes("hangs")), 3000);
    await relay.until(() => relay.lastStatus.playing === "fallback", 5000);
    await using third = await startWorker(relay, "original");
    await relay.until(() => relay.lastStatus.playing === "original", 5000);
    await publisher.exited;
    await Promise.all([recording.stop(), unsettled.stop()]);
    for (const output of [recording, unsettled]) {
      await expectSamePictures(output, clip);
      await expectInStep(output, clip, 10);
      expectSteadyStamps(output);
    }
    const original = await decodeSound(unsettled.path);
    expect(findJumps(original.subarray(firstSound(original)))).toEqual([]);
    const sound = await decodeSound(recording.path);
    expect(longestSilence(sound.subarray(firstSound(sound)))).toBeLessThan(0.01);
    expect(relay.lastStatus.counters["workers"]).toBe(3);
    expect(relay.lastStatus.counters["latePackets"]).toBe(0);
    expect(third.exit).toBeUndefined();
  }, 60_000);

  test("keeps its output over a publisher that goes and one that comes, and over a push that dies", async () => {
    const clip = await makeFlashBeepClip({ path: inFolder("returns.flv"), seconds: 30 });
    await using relay = await RelayUnderTest.start(server, folder, "returns", {
      playoutDelayMs: 1000,
    });
    await using publisher = await goOnAir(relay, clip);
    const recording = await watch(relay, "returns.flv.out.flv");
    await recording.until(() => recording.video.length > 50, 5000);
    publisher.signal("SIGKILL");
    await relay.until(() => relay.lastStatus.state === "gap", 10_000);
    const goneAt = recording.video.at(-1)!.dtsMs;
    await using back = await goOnAir(relay, clip);
    await relay.until(() => relay.lastStatus.state === "live", 15_000);
    await recording.until(() => recording.video.length > 200, 10_000);
    expect(recording.video.at(-1)!.dtsMs).toBeGreaterThan(goneAt);
    expect(relay.lastStatus.counters["fillerPackets"]).toBeGreaterThan(5);
    expect(Math.max(...steps(recording.video))).toBeLessThan(250);
    expectSteadyStamps(recording);
    const source = new Set((await readFlvFile(clip)).map(({ hash }) => hash));
    expect(recording.video.filter(({ hash }) => !source.has(hash))).toEqual([]);
    const { flashes, beeps } = await findFlashesAndBeeps(recording.path);
    // The filler is the last IDR, which is white: what turns white too soon after a flash is no flash.
    const own = flashes.filter((at, n) => n === 0 || at - flashes[n - 1]! > 0.9);
    const offsets = offsetsMs({ flashes: own, beeps });
    expect(offsets.length).toBeGreaterThan(4);
    expect(Math.max(...offsets.map(Math.abs))).toBeLessThan(4);

    const push = await pidOfPush(relay);
    process.kill(push, "SIGKILL");
    await relay.until(() => relay.has("push-failed"), 3000);
    await recording.exited; // without a path that is always there, readers go with the push
    await recording.stop();
    const again = await watch(relay, "returns-again.flv");
    await again.until(() => again.video.length > 50, 10_000);
    await again.stop();
    expect(relay.pushRequests).toBe(2);
    expect(backwardSteps(again.video)).toBe(0);
    expect(back.exit).toBeUndefined();
  }, 60_000);
});

describe.concurrent("an input that is not the usual one", () => {
  test("whose sound overlaps, has a hole and runs 500 ppm off its stamps: no click, and every beep in its place", async () => {
    const tags = await troubledTags(inFolder("troubled-source.flv"), 24);
    await using relay = await RelayUnderTest.start(server, folder, "troubled");
    const path = `live/${relay.spec.streamId}/in`;
    const published = publishTags(server.url(path), tags);
    relay.say({ type: "input-available", sourceId: await server.sourceId(path) });
    const recording = await watch(relay, "troubled.flv");
    await published;
    await relay.until(() => relay.lastStatus.state === "gap", 10_000);
    await recording.stop();
    const found = await findFlashesAndBeeps(recording.path);
    const off = beepsOffMs(found, 23);
    process.stderr.write(`beeps off: ${off.map((ms) => ms.toFixed(1)).join(" ")} ms\n`);
    expect(off.length).toBeGreaterThan(17);
    expect(Math.max(...off.map(Math.abs))).toBeLessThan(3);
    const lastBeep = 2 * Math.round(found.beeps.at(-1)! * 48_000);
    const sound = (await decodeSound(recording.path)).subarray(0, lastBeep);
    expect(findJumps(sound.subarray(firstSound(sound)))).toEqual([]);
    expect(longestSilence(sound.subarray(firstSound(sound)))).toBeCloseTo(trouble.holeSeconds, 1);
    expect(relay.has("stamps-broke")).toBe(false);
  }, 60_000);

  test("sound whose stamps alone jump back by five seconds is heard again within two, in step", async () => {
    const path = await makeFlashBeepClip({
      ...{ path: inFolder("restamped-source.flv"), seconds: 20, gopFrames: 25, bFrames: 0 },
    });
    const jumpAtMs = 8200;
    const tags = new FlvParser().push(await Bun.file(path).bytes()).map((tag) => {
      const sendAtMs = tag.timestampMs;
      const isBehind = tag.type === flvTagType.audio && sendAtMs >= jumpAtMs;
      return { ...tag, timestampMs: isBehind ? sendAtMs - 5000 : sendAtMs, sendAtMs };
    });
    await using relay = await RelayUnderTest.start(server, folder, "restamped", {
      playoutDelayMs: 1000,
    });
    const input = "live/restamped/in";
    const published = publishTags(server.url(input), tags);
    relay.say({ type: "input-available", sourceId: await server.sourceId(input) });
    const recording = await watch(relay, "restamped.flv");
    await published;
    await relay.until(() => relay.lastStatus.state === "gap", 10_000);
    await recording.stop();
    const found = await findFlashesAndBeeps(recording.path);
    // the clip's flashes are a second apart: those without a beep are those of the silence
    const silent = found.flashes.filter(
      (flash) => !found.beeps.some((beep) => Math.abs(beep - flash) < 0.4),
    );
    const offsets = offsetsMs(found);
    process.stderr.write(`${silent.length} beeps not heard, offsets ${offsets.join(" ")}\n`);
    expect(silent.length).toBeLessThanOrEqual(3);
    expect(offsets.length).toBeGreaterThan(14);
    for (const offset of offsets) expect(Math.abs(offset)).toBeLessThan(20);
  }, 60_000);

  test("without sound: the picture passes with silence, and it is said", async () => {
    const clip = await makeFlashBeepClip({
      path: inFolder("silent.flv"),
      seconds: 32,
      audio: false,
    });
    await using relay = await RelayUnderTest.start(server, folder, "silent", {
      playoutDelayMs: 1000,
    });
    await using _ = await goOnAir(relay, clip);
    const recording = await watch(relay, "silent.flv.out.flv");
    await recording.until(() => recording.video.length > 60, 8000);
    await recording.stop();
    expect(relay.has("input-without-audio")).toBe(true);
    expect(recording.audio.length).toBeGreaterThan(60);
    expectSteadyStamps(recording);
  }, 40_000);

  test("without a picture: it is said, and nothing is pushed", async () => {
    const clip = await makeFlashBeepClip({
      path: inFolder("blind.flv"),
      seconds: 25,
      video: false,
    });
    await using relay = await RelayUnderTest.start(server, folder, "blind", {
      playoutDelayMs: 1000,
    });
    await using _ = await goOnAir(relay, clip);
    await relay.until(() => relay.has("input-without-video"), 22_000);
    expect(relay.pushRequests).toBe(0);
  }, 40_000);

  test("H.265 and 44.1 kHz mono pass", async () => {
    const clip = await makeFlashBeepClip({
      path: inFolder("hevc.flv"),
      seconds: 16,
      videoCodec: "libx265",
      sampleRateHz: 44_100,
      channels: 1,
    });
    await using relay = await RelayUnderTest.start(server, folder, "hevc", {
      playoutDelayMs: 1000,
    });
    await using publisher = await goOnAir(relay, clip);
    const recording = await watch(relay, "hevc.flv.out.flv");
    await publisher.exited;
    await recording.stop();
    await expectInStep(recording, clip, 3);
    expectSteadyStamps(recording);
  }, 40_000);
});

/** Index of the first audible sample pair: what a decoder gives before it is its own start. */
function firstSound(stereo: Int16Array): number {
  const at = stereo.findIndex((sample) => Math.abs(sample) > 300);
  return (at & ~1) + 4800;
}

/** The push is the relay's child that writes to `out`. */
async function pidOfPush(relay: RelayUnderTest): Promise<number> {
  const children = await Bun.file(`/proc/${relay.pid}/task/${relay.pid}/children`).text();
  for (const pid of children.trim().split(" ")) {
    const commandLine = await Bun.file(`/proc/${pid}/cmdline`).text();
    if (commandLine.includes(`live/${relay.spec.streamId}/out`)) return Number(pid);
  }
  throw new Error(`no push among ${children}`);
}
