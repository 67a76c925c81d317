import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeChild } from "../../../src/process/native-child.ts";
import {
  findFlashesAndBeeps,
  makeFlashBeepClip,
  offsetsMs,
  type FlashBeepOptions,
} from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { backwardSteps, readFlvFile, Recording, steps } from "../../media/recording.ts";
import { ServeProcess } from "./serve-process.ts";

let folder: string;
let serve: ServeProcess;
let recording: Recording;
let publisher: NativeChild;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "reconnect-"));
  serve = await ServeProcess.start();
});
afterAll(async () => {
  await publisher.stop();
  await serve[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
}, 30_000);

interface Clip {
  readonly path: string;
  /** Its pictures but for the keyframes, which a filler repeats. */
  readonly moving: ReadonlySet<string>;
}

async function clip(name: string, options: Omit<FlashBeepOptions, "path">): Promise<Clip> {
  const path = await makeFlashBeepClip({ path: join(folder, `${name}.flv`), ...options });
  const moving = (await readFlvFile(path)).filter((one) => one.kind === "video" && !one.isKeyframe);
  return { path, moving: new Set(moving.map(({ hash }) => hash)) };
}

const ofClip = ({ moving }: Clip) => recording.video.filter(({ hash }) => moving.has(hash));

test("publishers that go, stall and return as another kind of feed leave readers one steady stream, in step", async () => {
  const first = await clip("first", { seconds: 40, gopFrames: 25 });
  const others = [
    await clip("other-size-and-rate", {
      ...{ seconds: 20, size: "256x144", framesPerSecond: 30, gopFrames: 30, bFrames: 0 },
      ...{ sampleRateHz: 44_100, channels: 1 },
    }),
    await clip("faster-and-larger", {
      ...{ seconds: 20, size: "480x270", framesPerSecond: 50, gopFrames: 50, bFrames: 2 },
    }),
  ];
  publisher = await publishClip(first.path, serve.publishUrl("match"));
  await serve.logged(({ message }) => message.includes("match/out] stream is available"));
  recording = await Recording.start(serve.watchUrl("match"), join(folder, "out.flv"));
  await recording.until(() => ofClip(first).length > 60, 20_000);

  // A stall longer than D, then everything at once.
  publisher.signal("SIGSTOP");
  await Bun.sleep(1800); // how long the network is away is what is tested
  publisher.signal("SIGCONT");
  const soFar = ofClip(first).length;
  await recording.until(() => ofClip(first).length > soFar + 60, 15_000);

  const returnsAtMs: number[] = [];
  for (const other of others) {
    await publisher.stop();
    publisher = await publishClip(other.path, serve.publishUrl("match"));
    await recording.until(() => ofClip(other).length > 0, 20_000);
    returnsAtMs.push(ofClip(other)[0]!.dtsMs);
    await recording.until(() => ofClip(other).length > 200, 20_000);
  }
  expect(recording.exit).toBeUndefined();
  await recording.stop();

  expect(backwardSteps(recording.video)).toBe(0);
  expect(backwardSteps(recording.audio)).toBe(0);
  // From the first picture on: before it the media server's filler plays, and its own steps are coarse.
  const onAirMs = ofClip(first)[0]!.dtsMs;
  const onAir = ({ dtsMs }: { dtsMs: number }) => dtsMs >= onAirMs;
  expect(Math.max(...steps(recording.audio.filter(onAir)))).toBeLessThanOrEqual(23);
  expect(Math.max(...steps(recording.video.filter(onAir)))).toBeLessThan(400);
  const found = await findFlashesAndBeeps(recording.path);
  for (const [n, from] of returnsAtMs.entries()) {
    const until = returnsAtMs[n + 1] ?? Number.POSITIVE_INFINITY;
    const flashes = found.flashes.filter((s) => s * 1000 > from && s * 1000 < until - 2500);
    const offsets = offsetsMs({ ...found, flashes });
    process.stderr.write(
      `return ${n + 1}: beep − flash ${offsets.map((o) => o.toFixed(1)).join(" ")}\n`,
    );
    expect(offsets.length).toBeGreaterThanOrEqual(2);
    for (const offset of offsets) expect(Math.abs(offset)).toBeLessThan(40);
  }
}, 120_000);
