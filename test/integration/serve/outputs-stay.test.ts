import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeChild } from "../../../src/process/native-child.ts";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { backwardSteps, readFlvFile, Recording, steps } from "../../media/recording.ts";
import { eventually, ServeProcess } from "./serve-process.ts";

const delayMs = 1000;
const gopMs = 1000;

let folder: string;
let serve: ServeProcess;
let publisher: NativeChild;
let recording: Recording;
/** Position in the clip of each picture that looks like no other and is no keyframe: no filler repeats it. */
let positions: Map<string, number>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "outputs-stay-"));
  const clip = await makeFlashBeepClip({ path: join(folder, "c.flv"), seconds: 60, gopFrames: 25 });
  const pictures = (await readFlvFile(clip)).filter(({ kind }) => kind === "video");
  const hashes = pictures.map(({ hash }) => hash);
  positions = new Map(
    pictures.flatMap(({ hash, isKeyframe }, n) =>
      isKeyframe || hashes.indexOf(hash) !== hashes.lastIndexOf(hash) ? [] : [[hash, n] as const],
    ),
  );
  serve = await ServeProcess.start({ WORKER_PLAYOUT_DELAY_MS: String(delayMs) });
  publisher = await publishClip(clip, serve.publishUrl("match"));
  const available = async () =>
    (await serve.view()).streams.some(({ outAvailable }) => outAvailable);
  await eventually(available, 20_000, "out is fed");
  recording = await Recording.start(serve.watchUrl("match"), join(folder, "out.flv"));
  await recording.until(() => lastPosition() > 30, 10_000);
}, 60_000);
afterAll(async () => {
  await recording.stop();
  await publisher.stop();
  await serve[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
}, 30_000);

function lastPosition(): number {
  return recording.video.reduce((last, { hash }) => Math.max(last, positions.get(hash) ?? -1), -1);
}

/** A child of the relay, by what its command line names. */
async function childOfRelay(names: string): Promise<number> {
  const relay = (await serve.stream("match")).relay.pid ?? 0;
  const children = readFileSync(`/proc/${relay}/task/${relay}/children`, "utf8").trim().split(" ");
  const found = children.find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(names),
  );
  if (found === undefined) throw new Error(`the relay has no child with ${names}`);
  return Number(found);
}

/** Does harm and waits for pictures of the source that come after all that were there before. */
async function backAfter(
  harm: () => void,
): Promise<{ tookMs: number; longestSoundStepMs: number }> {
  const before = lastPosition();
  const soundBefore = recording.audio.length - 1;
  const harmedAt = performance.now();
  harm();
  await recording.until(() => lastPosition() > before + 25, delayMs + gopMs + 8000);
  const tookMs = performance.now() - harmedAt;
  const longestSoundStepMs = Math.max(...steps(recording.audio.slice(soundBefore)));
  process.stderr.write(`back in ${tookMs.toFixed(0)} ms, sound step ${longestSoundStepMs} ms\n`);
  return { tookMs, longestSoundStepMs };
}

/** The reader is the one that came first, and nothing it was sent went back. */
function expectStillConnected(): void {
  expect(recording.exit).toBeUndefined();
  expect(backwardSteps(recording.video)).toBe(0);
  expect(backwardSteps(recording.audio)).toBe(0);
}

const limitMs = delayMs + gopMs + 4000;

test("a push that is killed: readers stay, and the source is back", async () => {
  const push = await childOfRelay("/out?");
  const { tookMs, longestSoundStepMs } = await backAfter(() => process.kill(push, "SIGKILL"));
  expectStillConnected();
  expect(tookMs).toBeLessThan(limitMs);
  expect(longestSoundStepMs).toBeLessThan(300);
}, 30_000);

test("a push that is stopped holds the path no longer than its watchdog allows", async () => {
  const push = await childOfRelay("/out?");
  const { tookMs, longestSoundStepMs } = await backAfter(() => process.kill(push, "SIGSTOP"));
  expectStillConnected();
  expect(tookMs).toBeLessThan(limitMs);
  expect(longestSoundStepMs).toBeLessThan(3000);
}, 30_000);

test("a pull that is killed, and one that is stopped: the last keyframe stands until the next one", async () => {
  for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
    const pull = await childOfRelay("/in?");
    const { tookMs, longestSoundStepMs } = await backAfter(() => process.kill(pull, signal));
    expectStillConnected();
    expect(tookMs).toBeLessThan(limitMs);
    expect(longestSoundStepMs).toBeLessThan(50);
  }
}, 30_000);

test("a relay that is killed: readers stay over the change of run", async () => {
  const { pid } = (await serve.stream("match")).relay;
  const { tookMs, longestSoundStepMs } = await backAfter(() => process.kill(pid ?? 0, "SIGKILL"));
  expectStillConnected();
  expect(tookMs).toBeLessThan(limitMs);
  expect(longestSoundStepMs).toBeLessThan(300);
}, 30_000);
