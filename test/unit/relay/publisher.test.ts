import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asInt16 } from "../../../src/audio/pcm.ts";
import { FlvParser } from "../../../src/media/flv.ts";
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

test("pictures and sound reach the push whole and in order, those after the last tick when it closes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "publisher-"));
  const program = join(folder, "recording-ffmpeg");
  const [pictures, sounds] = [join(folder, "pictures.flv"), join(folder, "sounds.pcm")];
  writeFileSync(program, `#!/bin/bash\ncat <&4 >'${sounds}' &\ncat <&3 >'${pictures}'\nwait\n`);
  chmodSync(program, 0o755);
  const publisher = new Publisher(program, "pt", {
    requestUrl: () => Promise.resolve("rtmp://127.0.0.1:1/live/x/out"),
    event: (_, code, message) => expect.unreachable(`${code}: ${message}`),
    now: () => performance.now(),
  });
  await Bun.spawn(["true"]).exited; // as above
  publisher.open();
  while (!publisher.isReady) await new Promise(setImmediate);
  const block = (n: number) => new Int16Array(1920).fill(n);
  const dtsMs = [0, 20, 40, 60];
  for (const [n, at] of dtsMs.entries()) {
    publisher.video(keyframe(at));
    publisher.sound(n * 960, block(n + 1));
    if (n === 1) publisher.check(() => undefined);
  }
  await publisher.close();
  const tags = new FlvParser().push(await Bun.file(pictures).bytes());
  const primeMs = tags.at(-1)!.timestampMs - 60;
  expect(tags.slice(-4).map(({ timestampMs }) => timestampMs - primeMs)).toEqual(dtsMs);
  const sound = asInt16(await Bun.file(sounds).bytes());
  expect(sound.slice(primeMs * 96)).toEqual(
    Int16Array.from([1, 2, 3, 4].flatMap((n) => [...block(n)])),
  );
  rmSync(folder, { recursive: true });
}, 15_000);
