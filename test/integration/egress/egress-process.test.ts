import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeChild } from "../../../src/process/native-child.ts";
import { forwardOnce } from "../../../src/egress/forward-run.ts";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { freePort, TestMediaMtx } from "../../media/mediamtx.ts";
import { readFlvFile, Recording, type RecordedPacket } from "../../media/recording.ts";
import { ffmpegPath } from "../../media/tools.ts";
import { DestinationServer, goodKey } from "./destination-server.ts";
import { publishForever } from "./endless-publisher.ts";
import { runEgress, startEgress } from "./egress-run.ts";

const folder = mkdtempSync(join(tmpdir(), "livedub-egress-"));
const clip = join(folder, "clip.flv");
let source: TestMediaMtx;
let destination: DestinationServer;
let publisher: NativeChild;
let inputUrl: string;

beforeAll(async () => {
  await makeFlashBeepClip({ path: clip, seconds: 40, gopFrames: 25 });
  [source, destination] = await Promise.all([TestMediaMtx.start(), DestinationServer.start()]);
  inputUrl = source.url("live/match/out");
  publisher = await publishForever(clip, inputUrl);
  await source.sourceId("live/match/out");
}, 60_000);

afterAll(async () => {
  await publisher.stop();
  await Promise.all([source[Symbol.asyncDispose](), destination[Symbol.asyncDispose]()]);
  rmSync(folder, { recursive: true });
});

const input = () => ({ EGRESS_INPUT_URL: inputUrl });

/** Where `part` stands in `whole` by content; -1 when it is not there in one piece. */
function indexOfRun(whole: readonly string[], part: readonly string[]): number {
  return whole.findIndex((_, at) => part.every((hash, index) => whole[at + index] === hash));
}

const spacing = (packets: readonly RecordedPacket[]) =>
  packets.map(({ ptsMs }, index) => ptsMs - (packets[index - 1]?.ptsMs ?? ptsMs));

test("what arrives at the destination is bit for bit what was sent, and ends cleanly when asked", async () => {
  const egress = await startEgress({ ...input(), DEST_RTMP_URL: destination.publishUrl(goodKey) });
  await egress.logged("egress.forwarding.started");
  await destination.untilAvailable();
  const recording = await Recording.start(destination.readUrl(), join(folder, "arrived.flv"));
  await recording.until(() => recording.video.length >= 100, 20_000);
  const stoppedAt = performance.now();
  egress.stop();
  const run = await egress.done;
  expect(performance.now() - stoppedAt).toBeLessThan(5000);
  await recording.stop();

  const sent = await readFlvFile(clip);
  for (const kind of ["video", "audio"] as const) {
    const wanted = sent.filter((packet) => packet.kind === kind);
    const arrived = recording.packets.filter((packet) => packet.kind === kind);
    const at = indexOfRun(
      wanted.map(({ hash }) => hash),
      arrived.map(({ hash }) => hash),
    );
    expect({ kind, found: at >= 0, enough: arrived.length >= 100 }).toEqual({
      kind,
      found: true,
      enough: true,
    });
    const original = wanted.slice(at, at + arrived.length);
    const shifts = spacing(arrived).map((gap, index) => gap - (spacing(original)[index] ?? 0));
    expect(Math.max(...shifts.map(Math.abs))).toBeLessThanOrEqual(1);
  }
  expect(run.exitCode).toBe(0);
  const names = run.events.map(({ event }) => event);
  expect(names).toEqual([
    "egress.starting",
    "egress.input.connecting",
    "egress.input.connected",
    "egress.output.connecting",
    "egress.output.connected",
    "egress.forwarding.started",
    "egress.forwarding.stopped",
    "egress.exit",
  ]);
  expect(run.events.at(-1)).toMatchObject({
    level: "info",
    service: "egress-forwarder",
    streamId: "match",
    runId: "run1",
    instanceId: "instance1",
    exitCode: 0,
    destHost: `127.0.0.1:${destination.rtmpPort}`,
    destApp: "app",
  });
  expect(run.output).not.toContain(goodKey);
}, 60_000);

test("sound and picture arrive in step by SRT too", async () => {
  const egress = await startEgress({
    ...input(),
    DEST_RTMP_URL: destination.srtUrl(goodKey, "app/srt"),
  });
  await egress.logged("egress.forwarding.started");
  await destination.untilAvailable("app/srt");
  const recording = await Recording.start(destination.readUrl("app/srt"), join(folder, "srt.flv"));
  await recording.until(() => recording.video.length >= 50, 20_000);
  egress.stop();
  expect((await egress.done).exitCode).toBe(0);
  await recording.stop();
  const hashes = (await readFlvFile(clip)).flatMap(({ kind, hash }) =>
    kind === "video" ? [hash] : [],
  );
  const arrived = recording.video.map(({ hash }) => hash);
  // the clip may have begun anew meanwhile
  expect(indexOfRun([...hashes, ...hashes], arrived)).toBeGreaterThanOrEqual(0);
}, 60_000);

test("a wrong stream key ends with 30, without ever showing the key", async () => {
  const key = "wrong-stream-key";
  // FFmpeg loses libsrt's word of a rejection now and then; with more tries one of them is told.
  const tries = [
    { url: destination.publishUrl(key), attempts: 2 },
    { url: destination.srtUrl(key), attempts: 4 },
  ];
  const runs = await Promise.all(
    tries.map(({ url, attempts }) =>
      runEgress({
        ...input(),
        DEST_RTMP_URL: url,
        EGRESS_MAX_DESTINATION_FAILURES: String(attempts),
      }),
    ),
  );
  for (const [n, run] of runs.entries()) {
    expect(run.exitCode).toBe(30);
    const attempt = tries[n]!.attempts;
    expect(run.events.at(-1)).toMatchObject({ event: "egress.exit", level: "error", attempt });
    expect(run.output).toContain("egress.retry.scheduled");
    expect(run.output).not.toContain(key);
  }
}, 60_000);

test("a destination that does not know the path ends with 30", async () => {
  const url = destination.publishUrl(goodKey, "unknown/feed");
  const run = await runEgress({ ...input(), DEST_RTMP_URL: url });
  expect(run.exitCode).toBe(30);
  expect(run.events.at(-1)).toMatchObject({ error: { kind: "rtmp_publish_denied" } });
}, 60_000);

test("a destination that is not there ends with 40, by RTMP and by SRT", async () => {
  const port = await freePort();
  const urls = [
    `rtmp://127.0.0.1:${port}/app/some-key`,
    `srt://127.0.0.1:${port}?streamid=some-key`,
  ];
  const runs = await Promise.all(urls.map((url) => runEgress({ ...input(), DEST_RTMP_URL: url })));
  for (const run of runs) {
    expect(run.exitCode).toBe(40);
    expect(run.output).not.toContain("some-key");
  }
}, 60_000);

test("an input that does not come within its grace time ends with 20", async () => {
  const run = await runEgress({
    EGRESS_INPUT_URL: source.url("live/nobody/out"),
    DEST_RTMP_URL: destination.publishUrl(goodKey),
  });
  expect(run.exitCode).toBe(20);
  expect(run.seconds).toBeGreaterThan(2);
  expect(run.seconds).toBeLessThan(8);
  expect(run.events.at(-1)).toMatchObject({ error: { kind: "rtmp_connect" } });
}, 30_000);

test("a missing or wrong destination ends with 10 at once, a disabled one with 0", async () => {
  const missing = await runEgress(input());
  expect(missing.exitCode).toBe(10);
  expect(missing.output).toContain("DEST_RTMP_URL must be set");
  const wrong = await runEgress({ ...input(), DEST_RTMP_URL: "http://host/secret-key" });
  expect(wrong.exitCode).toBe(10);
  expect(wrong.output).toContain("DEST_RTMP_URL=***: must be a URL that starts with rtmp://");
  expect(wrong.output).not.toContain("secret-key");
  const disabled = await runEgress({ ...input(), EGRESS_ENABLED: "false" });
  expect(disabled.exitCode).toBe(0);
  expect(disabled.events.map(({ event }) => event)).toEqual(["egress.disabled"]);
}, 30_000);

test("an FFmpeg that cannot be run ends with 50", async () => {
  const run = await runEgress({
    ...input(),
    DEST_RTMP_URL: destination.publishUrl(goodKey),
    FFMPEG_BIN: join(folder, "no-such-ffmpeg"),
  });
  expect(run.exitCode).toBe(50);
  expect(run.events.at(-1)).toMatchObject({ error: { kind: "ffmpeg_start" } });
}, 30_000);

test("a destination that takes the connection and stays silent is given up", async () => {
  const silent: Server = createServer(() => {});
  const port = await new Promise<number>((resolve) => {
    silent.listen(0, "127.0.0.1", () => {
      const address = silent.address();
      resolve(typeof address === "object" && address ? address.port : 0);
    });
  });
  const result = await forwardOnce({
    ffmpegPath: await ffmpegPath(),
    inputUrl,
    destinationUrl: `rtmp://127.0.0.1:${port}/app/key`,
    signal: new AbortController().signal,
    onProgress: () => {},
    stallMs: { "opening-input": 20_000, "opening-output": 1000, forwarding: 1000 },
  });
  silent.close();
  expect(result.failure).toMatchObject({ side: "destination-io", kind: "io_timeout" });
}, 30_000);
