import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flvHeader, flvTagBytes, flvTagType } from "../../../src/media/flv.ts";
import { Ingest } from "../../../src/relay/ingest.ts";

const picture = new Uint8Array([0x27, 1, 0, 0, 0, 0, 0, 0, 1, 0x41]);

/** What FFmpeg makes of pictures with these stamps (it was seen to hold them over a jump back). */
function flvOf(stamps: readonly number[]): Uint8Array {
  const tags = stamps.map((stamp) => flvTagBytes(flvTagType.video, 10_000 + stamp, picture));
  return Buffer.concat([flvHeader({ video: true, audio: false }), ...tags]);
}

/** An ingest whose pulls deliver these pictures and then wait; what it tells its parent is kept. */
async function ingestOf(stamps: readonly number[]) {
  const folder = mkdtempSync(join(tmpdir(), "ingest-"));
  const fake = join(folder, "ffmpeg");
  writeFileSync(join(folder, "in.flv"), flvOf(stamps));
  writeFileSync(fake, `#!/bin/sh\ncat "${join(folder, "in.flv")}" >&3\nexec sleep 20\n`);
  chmodSync(fake, 0o755);
  // Under `bun test` the first child with further pipes is never announced as spawned; any other before it helps.
  await Bun.spawn(["true"]).exited;
  const seen: number[] = [];
  const told = Promise.withResolvers<string>();
  const spanAgain = Promise.withResolvers<void>();
  const all = Promise.withResolvers<void>();
  let spans = 0;
  const ingest = new Ingest(fake, "rtmp://127.0.0.1:1/live/x/in", {
    spanOpened: () => (spans += 1) === 2 && spanAgain.resolve(),
    spanEnded: () => {},
    video: (tag) => seen.push(tag.timestampMs) === stamps.length && all.resolve(),
    sound: () => true,
    event: (_, code) => told.resolve(code),
    now: () => performance.now(),
  });
  ingest.available("publisher");
  const close = async () => {
    await ingest.close();
    rmSync(folder, { recursive: true });
  };
  return { seen, told: told.promise, spanAgain: spanAgain.promise, all: all.promise, close };
}

const running = Array.from({ length: 50 }, (_, n) => n * 40);

test("stamps that jump back within a session are followed by a new pull", async () => {
  const ingest = await ingestOf([...running, ...Array.from({ length: 75 }, () => 1960)]);
  expect(await ingest.told).toBe("stamps-broke");
  await ingest.spanAgain;
  await ingest.close();
});

test("a few pictures with one stamp, and 240 pictures a second, are no such jump", async () => {
  const fast = Array.from({ length: 100 }, (_, n) => 2000 + Math.round((n * 1000) / 240));
  const ingest = await ingestOf([...running, 1960, 1960, 1960, ...fast]);
  await ingest.all;
  expect(ingest.seen).toHaveLength(153);
  await ingest.close();
});
