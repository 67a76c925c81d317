import { heapStats } from "bun:jsc";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "bun:test";
import { NativeChild } from "../../../src/process/native-child.ts";
import { FileMux } from "../../../src/relay/file-mux.ts";

/** A program that stands in FFmpeg's place and does with the sound pipe what the test needs. */
async function muxInto(script: string): Promise<{ mux: FileMux; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), "livedub-mux-"));
  const program = join(folder, "muxer");
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  const output = { path: join(folder, "out.mp4"), format: "mp4" };
  const timing = { startSample: 0, keepSubtitles: false };
  const mux = await FileMux.start(program, "in.mp4", output, ["pt"], timing);
  return { mux, remove: () => rmSync(folder, { recursive: true }) };
}

// The very first child of a test process with pipes of its own never reports that it was spawned (Bun 1.4.5).
beforeAll(async () => {
  const first = await NativeChild.start({ name: "true", command: ["true"] });
  await first.exited;
});

/** So much that the pipe is full after each. */
const block = new Int16Array(48_000).fill(1000);

test("hours of sound leave nothing behind in memory", async () => {
  const { mux, remove } = await muxInto("exec cat <&3 >/dev/null");
  const write = async (blocks: number) => {
    for (let n = 0; n < blocks; n++) await mux.write(0, block);
    Bun.gc(true);
    return heapStats().objectCount;
  };
  const before = await write(500);
  const after = await write(4000);
  await mux.finish();
  remove();
  expect(after - before).toBeLessThan(2000);
});

test("a write that waits for room ends with the muxer", async () => {
  const { mux, remove } = await muxInto("sleep 0.3; exit 3");
  const failed = mux.failed;
  for (let n = 0; n < 50; n++) await mux.write(0, block);
  expect(await failed).toContain("exit code 3");
  await mux[Symbol.asyncDispose]();
  remove();
});
