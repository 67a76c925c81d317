import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { readFlvFile, Recording } from "../../media/recording.ts";
import { eventually, ServeProcess } from "./serve-process.ts";

const delayMs = 1500;
const framesPerSecond = 25;

test("the source is on out within D + 3 s + one GOP of its publish", async () => {
  const folder = mkdtempSync(join(tmpdir(), "start-up-"));
  const gopFrames = Number(process.env["START_UP_GOP_FRAMES"] ?? 50);
  const clip = await makeFlashBeepClip({ path: join(folder, "c.flv"), seconds: 30, gopFrames });
  const source = (await readFlvFile(clip)).filter(({ kind }) => kind === "video");
  const hashes = source.map(({ hash }) => hash);
  const moving = new Set(
    source.flatMap(({ hash, isKeyframe }) =>
      isKeyframe || hashes.indexOf(hash) !== hashes.lastIndexOf(hash) ? [] : [hash],
    ),
  );
  await using serve = await ServeProcess.start({ WORKER_PLAYOUT_DELAY_MS: String(delayMs) });
  const publishedAt = performance.now();
  await using _ = await publishClip(clip, serve.publishUrl("match"));
  await serve.logged(({ message }) => message.includes("match/out] stream is available"));
  const recording = await Recording.start(serve.watchUrl("match"), join(folder, "out.flv"));
  await recording.until(() => recording.video.some(({ hash }) => moving.has(hash)), 20_000);
  const first = recording.video.find(({ hash }) => moving.has(hash))!;
  const tookMs = first.arrivedAtMs - publishedAt;
  process.stderr.write(`publish → out after ${tookMs.toFixed(0)} ms at D ${delayMs} ms\n`);
  // The picture found is the one after the keyframe, and FFmpeg itself takes a moment to connect.
  expect(tookMs).toBeLessThan(delayMs + 3000 + (gopFrames / framesPerSecond) * 1000);
  const state = async () => (await serve.stream("match")).outAvailable;
  await eventually(state, 3000, "it is shown");
  await recording.stop();
  rmSync(folder, { recursive: true });
}, 60_000);
