import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodeSound,
  findFlashesAndBeeps,
  makeFlashBeepClip,
  offsetsMs,
} from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { backwardSteps, readFlvFile, Recording, steps } from "../../media/recording.ts";
import { ServeProcess } from "./serve-process.ts";

let folder: string;
let serve: ServeProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "override-"));
  serve = await ServeProcess.start({
    LIVEDUB_OVERRIDE_PUBLISHER: "true",
    WORKER_STS_MODE: "disabled",
  });
});
afterAll(async () => {
  await serve[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
}, 30_000);

/** A clip and its pictures but for the keyframes, which a filler repeats. */
async function clip(name: string, options: Partial<Parameters<typeof makeFlashBeepClip>[0]>) {
  const path = join(folder, `${name}.flv`);
  await makeFlashBeepClip({ path, seconds: 30, gopFrames: 25, ...options });
  const moving = (await readFlvFile(path)).filter((one) => one.kind === "video" && !one.isKeyframe);
  return { path, moving: new Set(moving.map(({ hash }) => hash)) };
}

test("a second publisher takes the stream over: readers keep their session, stamps and sync", async () => {
  const first = await clip("first", {});
  const second = await clip("second", { size: "256x144", framesPerSecond: 30, gopFrames: 30 });
  await using before = await publishClip(first.path, serve.publishUrl("match"));
  await serve.logged(({ message }) => message.includes("match/out] stream is available"));
  const recording = await Recording.start(serve.watchUrl("match"), join(folder, "out.flv"));
  const of = ({ moving }: typeof first) => recording.video.filter(({ hash }) => moving.has(hash));
  await recording.until(() => of(first).length > 60, 20_000);
  const runId = (await serve.stream("match")).runId;

  await using after = await publishClip(second.path, serve.publishUrl("match"));
  await serve.logged((line) => line.event === "publisher-override");
  expect((await before.exited).code).not.toBe(0); // the media server ended it
  await recording.until(() => of(second).length > 200, 25_000);
  expect(after.exit).toBeUndefined();
  expect(recording.exit).toBeUndefined();
  expect((await serve.stream("match")).runId).toBe(runId);
  // No worker: all of this is the fallback, which is switched while it plays.
  const switchedMs = recording.audio.at(-1)!.dtsMs;
  const answer = await fetch(`${serve.addresses.http}/api/streams/match/fallback`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ fallback: "silence" }),
  });
  expect(answer.status).toBe(200);
  expect((await serve.stream("match")).fallback).toBe("silence");
  await recording.until(() => recording.audio.at(-1)!.dtsMs > switchedMs + 4000, 15_000);
  await recording.stop();

  expect(backwardSteps(recording.video)).toBe(0);
  expect(backwardSteps(recording.audio)).toBe(0);
  const onAirMs = of(first)[0]!.dtsMs;
  const onAir = ({ dtsMs }: { dtsMs: number }) => dtsMs >= onAirMs;
  expect(Math.max(...steps(recording.audio.filter(onAir)))).toBeLessThanOrEqual(23);
  expect(Math.max(...steps(recording.video.filter(onAir)))).toBeLessThan(400);
  const lastBeforeMs = of(first).at(-1)!.dtsMs;
  const returnedMs = of(second)[0]!.dtsMs;
  process.stderr.write(`source picture away for ${returnedMs - lastBeforeMs} ms\n`);
  // The media server looks at a new publisher for 2 s, and then comes its next keyframe (1 s).
  expect(returnedMs - lastBeforeMs).toBeLessThan(5000);
  const found = await findFlashesAndBeeps(recording.path);
  const flashes = found.flashes.filter((s) => s * 1000 > returnedMs && s * 1000 < switchedMs - 500);
  const offsets = offsetsMs({ ...found, flashes });
  expect(offsets.length).toBeGreaterThanOrEqual(2);
  for (const offset of offsets) expect(Math.abs(offset)).toBeLessThan(40);
  // The clip's right channel is a steady tone.
  const sound = await decodeSound(recording.path);
  const lastSeconds = (from: number, to: number) => sound.slice(-from * 96_000, -to * 96_000);
  const peak = (samples: Int16Array) => samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  expect(peak(lastSeconds(8, 7))).toBeGreaterThan(1000);
  expect(peak(lastSeconds(2, 1))).toBeLessThan(10);
}, 90_000);
