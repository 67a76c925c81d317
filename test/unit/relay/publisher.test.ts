import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Publisher } from "../../../src/relay/publisher.ts";
import type { VideoPacket } from "../../../src/relay/video-queue.ts";

/** The publisher's clock runs this much faster than the wall's. */
const haste = 3;

function keyframe(dtsMs: number): VideoPacket {
  const info = {
    codec: "avc1",
    kind: "picture",
    isKeyframe: true,
    compositionOffsetMs: 0,
  } as const;
  return { dtsMs, info, data: new Uint8Array(40_000) };
}

test("a push that takes data steadily, but slower than it comes, is replaced before much of it waits", async () => {
  const folder = mkdtempSync(join(tmpdir(), "publisher-"));
  const slow = join(folder, "slow-ffmpeg");
  writeFileSync(
    slow,
    "#!/bin/bash\ncat <&4 >/dev/null &\nwhile head -c 40000 <&3 >/dev/null; do sleep 0.02; done\n",
  );
  chmodSync(slow, 0o755);
  const failed = Promise.withResolvers<{ code: string; message: string }>();
  const publisher = new Publisher(slow, "pt", {
    requestUrl: () => Promise.resolve("rtmp://127.0.0.1:1/live/x/out"),
    event: (_, code, message) => failed.resolve({ code, message }),
    now: () => performance.now() * haste,
  });
  // Under `bun test` the first child with further pipes is never announced as spawned; any other before it helps.
  await Bun.spawn(["true"]).exited;
  publisher.open();
  let dtsMs = 0;
  const feeding = setInterval(() => {
    dtsMs += 40;
    if (publisher.isReady) publisher.video(keyframe(dtsMs));
    publisher.check(() => undefined);
  }, 8);
  const { code, message } = await failed.promise;
  clearInterval(feeding);
  expect(code).toBe("push-stuck");
  const waiting = Number(/\((\d+) bytes wait/.exec(message)?.[1]);
  expect(waiting).toBeGreaterThan(100_000);
  expect(waiting).toBeLessThan(16e6);
  await publisher.close();
  rmSync(folder, { recursive: true });
}, 15_000);
