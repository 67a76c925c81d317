import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "bun:test";
import { flvHeader, flvTagBytes, flvTagType } from "../../../src/media/flv.ts";
import { pullStampOffsetMs } from "../../../src/media/live-commands.ts";
import { NativeChild } from "../../../src/process/native-child.ts";
import { Pull } from "../../../src/relay/pull.ts";

// The very first child of a test process with pipes of its own never reports that it was spawned (Bun 1.4.5).
beforeAll(async () => {
  const first = await NativeChild.start({ name: "true", command: ["true"] });
  await first.exited;
});

/** What a pull without sound makes of pictures with these stamps: the stretches of silence, in samples. */
async function silenceBeside(stampsMs: readonly number[]): Promise<[number, number][]> {
  const folder = mkdtempSync(join(tmpdir(), "livedub-pull-"));
  const picture = new Uint8Array([0x17, 1, 0, 0, 0]);
  const tags = stampsMs.map((stampMs) =>
    flvTagBytes(flvTagType.video, stampMs + pullStampOffsetMs, picture),
  );
  const recording = join(folder, "recording.flv");
  writeFileSync(recording, Buffer.concat([flvHeader({ video: true, audio: false }), ...tags]));
  const program = join(folder, "puller");
  writeFileSync(program, `#!/bin/sh\nexec cat '${recording}' >&3\n`);
  chmodSync(program, 0o755);
  const stretches: [number, number][] = [];
  const ended = Promise.withResolvers<void>();
  await Pull.start(program, "rtmp://127.0.0.1/live/a/in", "video", {
    onVideo: () => {},
    onSound: (startSample, samples) => void stretches.push([startSample, samples.length / 2]),
    onEnd: () => ended.resolve(),
  });
  await ended.promise;
  rmSync(folder, { recursive: true });
  return stretches;
}

test("a picture without sound gets a silent track, as long as itself", async () => {
  expect(await silenceBeside([0, 40, 80])).toEqual([
    [0, 40 * 48],
    [40 * 48, 40 * 48],
  ]);
});

test("a leap of its stamps costs no memory: the leap is told, not filled", async () => {
  const leapMs = 10 * 24 * 3_600_000;
  expect(await silenceBeside([0, 40, leapMs, leapMs + 40])).toEqual([
    [0, 40 * 48],
    [(leapMs - 1000) * 48, 48_000],
    [leapMs * 48, 40 * 48],
  ]);
});
