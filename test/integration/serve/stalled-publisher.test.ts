import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { eventually, ServeProcess } from "./serve-process.ts";

test("an encoder that lost its connection and comes again is not kept out by its own dead connection", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stalled-"));
  const clip = await makeFlashBeepClip({ path: join(folder, "clip.flv"), seconds: 40 });
  await using serve = await ServeProcess.start();
  const first = await publishClip(clip, serve.publishUrl("match"));
  await serve.logged((line) => line.message.includes("is publishing to path 'live/match/in'"));
  const publisherId = async () => (await serve.stream("match")).publisher?.id;
  await eventually(async () => (await publisherId()) !== undefined, 5000, "the publisher is seen");
  const before = await publisherId();
  const { runId } = await serve.stream("match");

  first.signal("SIGSTOP"); // its connection stays open and silent, as after a change of network
  const stoppedAt = performance.now();
  for (let taken = false; !taken;) {
    const second = await publishClip(clip, serve.publishUrl("match"));
    const refused = second.exited.then(() => false);
    const seen = eventually(
      async () => ![undefined, before].includes(await publisherId()),
      6000,
      "the second publisher is seen",
    ).then(() => true);
    taken = await Promise.race([refused, seen]).catch(() => false);
    await (taken ? Promise.resolve() : second.stop());
    if (taken) {
      const tookMs = performance.now() - stoppedAt;
      process.stderr.write(`taken over after ${tookMs.toFixed(0)} ms\n`);
      await second.stop();
    }
    expect(performance.now() - stoppedAt).toBeLessThan(30_000);
  }
  expect(serve.log.some((line) => line["stalled"] === true)).toBe(true);
  expect((await serve.stream("match")).runId).toBe(runId);
  first.signal("SIGCONT");
  await first.stop();
  rmSync(folder, { recursive: true });
}, 90_000);
