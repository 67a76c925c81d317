import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFlashesAndBeeps, makeFlashBeepClip, offsetsMs } from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { backwardSteps, readFlvFile, Recording, steps } from "../../media/recording.ts";
import { runFfmpeg } from "../../media/tools.ts";
import { ServeProcess } from "./serve-process.ts";

interface Picture {
  readonly ptsMs: number;
  readonly md5: string;
}

/** Every picture as a decoder shows it; a picture that it cannot decode fails. */
async function picturesOf(path: string): Promise<Picture[]> {
  const { stdout, stderr } = await runFfmpeg([
    ...["-loglevel", "error", "-copyts", "-i", path, "-map", "0:v", "-fps_mode", "passthrough"],
    ...["-enc_time_base", "1:1000", "-f", "framemd5", "-"],
  ]);
  expect(stderr).toBe("");
  const lines = new TextDecoder().decode(stdout).split("\n");
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(",").map((field) => field.trim()))
    .map((fields) => ({ ptsMs: Number(fields[2]), md5: fields[5] ?? "" }));
}

async function clipOf(folder: string, name: string, size: string) {
  const path = await makeFlashBeepClip({
    ...{ path: join(folder, `${name}.flv`), seconds: 30, gopFrames: 25, size },
    videoCodec: "libx265",
  });
  const packets = (await readFlvFile(path)).filter(({ kind }) => kind === "video");
  const moving = new Set(packets.filter((one) => !one.isKeyframe).map(({ hash }) => hash));
  return { path, moving };
}

test("an H.265 publisher that dies leaves its last keyframe standing, and one that comes plays in step", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hevc-reconnect-"));
  const first = await clipOf(folder, "first", "320x180");
  const second = await clipOf(folder, "second", "256x144");
  await using serve = await ServeProcess.start();
  await using dying = await publishClip(first.path, serve.publishUrl("match"));
  await serve.logged(({ message }) => message.includes("match/out] stream is available"));
  const recording = await Recording.start(serve.watchUrl("match"), join(folder, "out.flv"));
  const ofClip = ({ moving }: typeof first) =>
    recording.video.filter(({ hash }) => moving.has(hash));
  await recording.until(() => ofClip(first).length > 60, 20_000);

  dying.signal("SIGKILL");
  await dying.exited;
  const standing = () => {
    const lastMs = ofClip(first).at(-1)?.dtsMs ?? Number.NaN;
    return recording.video.filter(({ dtsMs }) => dtsMs > lastMs + 1000);
  };
  await recording.until(() => standing().length >= 10, 20_000);
  await using returning = await publishClip(second.path, serve.publishUrl("match"));
  await recording.until(() => ofClip(second).length > 120, 30_000);
  expect(recording.exit).toBeUndefined();
  expect(returning.exit).toBeUndefined();
  await recording.stop();

  expect(backwardSteps(recording.video)).toBe(0);
  expect(backwardSteps(recording.audio)).toBe(0);
  const onAirMs = ofClip(first)[0]!.dtsMs;
  const goneMs = ofClip(first).at(-1)!.dtsMs;
  const backMs = ofClip(second)[0]!.dtsMs;
  const sound = recording.audio.filter(({ dtsMs }) => dtsMs >= onAirMs);
  expect(Math.max(...steps(sound))).toBeLessThanOrEqual(23);

  const pictures = await picturesOf(recording.path);
  const times = pictures.map(({ ptsMs }) => ptsMs).filter((ptsMs) => ptsMs > onAirMs + 200);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  const between = pictures.filter(({ ptsMs }) => ptsMs > goneMs + 300 && ptsMs < backMs - 300);
  expect(between.length).toBeGreaterThanOrEqual(5);
  const [still] = between;
  expect(new Set(between.map(({ md5 }) => md5)).size).toBe(1);
  // the last of its keyframes that went out: the clip has one a second
  const keyframe = recording.video.findLast((one) => one.isKeyframe && one.dtsMs < goneMs + 41);
  const shown = pictures.find(({ ptsMs }) => Math.abs(ptsMs - (keyframe?.ptsMs ?? NaN)) <= 1);
  expect(still?.md5).toBe(shown?.md5 ?? "");
  const source = await picturesOf(first.path);
  expect(source.map(({ md5 }) => md5)).toContain(still?.md5 ?? "");

  const found = await findFlashesAndBeeps(recording.path);
  const flashes = found.flashes.filter((s) => s * 1000 > backMs);
  const offsets = offsetsMs({ ...found, flashes });
  expect(offsets.length).toBeGreaterThanOrEqual(2);
  for (const offset of offsets) expect(Math.abs(offset)).toBeLessThan(40);
  rmSync(folder, { recursive: true });
}, 120_000);
