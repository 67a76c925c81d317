import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { ServeProcess } from "../serve/serve-process.ts";

test("hooks that never arrive change nothing: streams start and end by the path list", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lost-hooks-"));
  const clip = await makeFlashBeepClip({ path: join(folder, "clip.flv"), seconds: 30 });
  await using serve = await ServeProcess.start({
    ORCH_HOOK_BASE_URL: "http://127.0.0.1:1",
    ORCH_GRACE_PERIOD: "1s",
  });
  const running = serve.nextLogged((line) => line.message === "starting → running", 20_000);
  const publisher = await publishClip(clip, serve.publishUrl("match"));
  await running;
  const ended = serve.nextLogged((line) => line.message === "stopping → idle", 20_000);
  await publisher.stop();
  await ended;
  rmSync(folder, { recursive: true });
}, 60_000);

test("hooks in any order, doubled and for streams that nobody publishes, start nothing", async () => {
  await using serve = await ServeProcess.start();
  const post = (event: string, streamId: string) =>
    fetch(`${serve.addresses.http}/v1/mediamtx/events/${event}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        path: `live/${streamId}/in`,
        sourceType: "rtmpConn",
        sourceId: crypto.randomUUID(),
      }),
    });
  const events = Array.from({ length: 60 }, (_, n) =>
    post(n % 3 === 0 ? "not-ready" : "ready", `s${n % 5}`),
  );
  const statuses = (await Promise.all(events)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect((await serve.view()).streams).toEqual([]);
  expect(serve.descendants()).toHaveLength(1); // MediaMTX alone
}, 40_000);
