/**
 * The whole appliance, live: `livedub serve` with its own sidecar dubs real speech for minutes while its
 * worker is killed twice. Prints each figure beside its bar; wants a machine that does nothing else.
 *
 * usage: bun test/bench/live-run.ts [echo|real] [SECONDS=120] [DELAY_MS=6000]
 *
 * The clip is the demo's speech under a flash and a beep at each second. With real models the beep is at
 * 14 kHz, where neither speech nor dub reach, so that it can be found under a dub too.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { words } from "../../src/media/live-commands.ts";
import { NativeChild } from "../../src/process/native-child.ts";
import { eventually, ServeProcess } from "../integration/serve/serve-process.ts";
import { findFlashesAndBeeps, longestSilence, median, offsetsMs } from "../media/flash-beep.ts";
import { decodeSound } from "../media/flash-beep.ts";
import { backwardSteps, latenciesMs, readFlvFile, Recording, steps } from "../media/recording.ts";
import { ffmpegPath, runFfmpeg } from "../media/tools.ts";

const engine = process.argv[2] === "real" ? "real" : "echo";
const seconds = Number(process.argv[3] ?? 120);
const delayMs = Number(process.argv[4] ?? 6000);
const folder = mkdtempSync(join(tmpdir(), "live-run-"));
const speechClip = join(import.meta.dir, "../fixtures/media/news.mp4");
const beep = engine === "real" ? { hz: 14_000, gain: 0.1 } : { hz: 1000, gain: 0.8 };
const speechGain = engine === "real" ? 1 : 0.25;
/** Leaves the beep alone, loud enough to be found when it is ducked. */
const beepBand = "bandpass=f=14000:t=h:w=1200";
const beepFilter = engine === "real" ? `${beepBand},${beepBand},volume=40` : "anull";

/** Both tracks are counted anew: where the speech clip repeats, its own stamps would leave them apart. */
async function makeClip(path: string): Promise<void> {
  const pulse = `if(gte(t,0.99999)*lt(mod(t+0.000001,1),0.05),${beep.gain}*sin(2*PI*${beep.hz}*t),0)`;
  const flash =
    "[0:v]setpts=N/30/TB,scale=1280:720[p];[p][1:v]overlay=enable='gte(t,0.99)*lt(mod(t+0.0005,1),0.1)'";
  await runFfmpeg([
    ...["-loglevel", "error", "-stream_loop", "-1", "-i", speechClip],
    ...["-f", "lavfi", "-i", `color=white:s=1280x720:r=30:d=${seconds}`],
    ...["-f", "lavfi", "-i", `aevalsrc='${pulse}|${pulse}':s=48000:d=${seconds}`],
    "-filter_complex",
    `${flash},format=yuv420p[v];[0:a]asetpts=N/SR/TB,volume=${speechGain}[s];[s][2:a]amix=normalize=0[a]`,
    ...["-map", "[v]", "-map", "[a]", "-t", String(seconds)],
    ...words("-c:v libx264 -preset ultrafast -b:v 2M -bf 3 -g 250 -c:a aac -b:a 160k"),
    path,
  ]);
}

/** The clip over RTMP, and the very same packets to us, to know when each was sent. */
async function publish(clip: string, url: string): Promise<NativeChild> {
  const flv = words("-map 0 -c copy -f flv -flvflags no_duration_filesize");
  return NativeChild.start({
    name: "publisher",
    command: [
      await ffmpegPath(),
      ...words("-hide_banner -loglevel error -nostdin -re -i"),
      clip,
      ...flv,
      url,
      ...flv,
      ...words("-flush_packets 1 pipe:1"),
    ],
    stdout: "pipe",
  });
}

async function beepOffsets(path: string): Promise<number[]> {
  if (engine === "echo") return offsetsMs(await findFlashesAndBeeps(path));
  const filtered = `${path}.beeps.mkv`;
  await runFfmpeg([
    ...["-loglevel", "fatal", "-copyts", "-i", path, "-c:v", "copy"],
    ...["-af", beepFilter, "-c:a", "pcm_s16le", filtered],
  ]);
  return offsetsMs(await findFlashesAndBeeps(filtered));
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const clip = join(folder, "clip.flv");
await makeClip(clip);
await using serve = await ServeProcess.start({
  WORKER_STS_MODE: "enabled",
  STS_MODE: engine,
  WORKER_PLAYOUT_DELAY_MS: String(delayMs),
  LOG_LEVEL: "info",
});
await serve.logged((line) => line.message === "sidecar: ready", 120_000);
const publisher = await publish(clip, serve.publishUrl("live"));
const input = Recording.of(publisher, join(folder, "in.flv"));
const publishedAt = performance.now();
const outStands = async () => (await serve.view()).streams[0]?.outAvailable === true;
await eventually(outStands, delayMs + 30_000, "out stands");
const availableMs = performance.now() - publishedAt;
const output = await Recording.start(serve.watchUrl("live"), join(folder, "out.flv"));

const killed: number[] = [];
for (const share of [1 / 3, 2 / 3]) {
  await Bun.sleep(Math.max(0, publishedAt + seconds * 1000 * share - performance.now()));
  const { pid } = (await serve.stream("live")).worker;
  if (pid === null) throw new Error("there is no worker to kill");
  process.kill(pid, "SIGKILL");
  const replaced = async () => {
    const worker = (await serve.stream("live")).worker;
    return worker.pid !== null && worker.pid !== pid && worker.status !== null;
  };
  killed.push(await eventually(replaced, 10_000, "the worker is replaced"));
}
await Bun.sleep(Math.max(0, publishedAt + seconds * 1000 - 1500 - performance.now()));
const stream = await serve.stream("live");
const metrics = await (await fetch(`${serve.addresses.http}/metrics`)).text();
await publisher.exited;
await Bun.sleep(delayMs - 1000);
await Promise.all([input.stop(), output.stop()]);

const known = new Set((await readFlvFile(clip)).map(({ hash }) => hash));
const sourceOffset = median(await beepOffsets(clip));
const deltas = (await beepOffsets(output.path)).map((offset) => offset - sourceOffset);
const late = latenciesMs(input, output).map((latency) => latency - delayMs);
const audioSteps = steps(output.audio);
const videoGapMs = Math.max(...steps(output.video));
const sound = (await decodeSound(output.path)).subarray(96_000 * 5);
const fragments = [...metrics.matchAll(/^(?:livedub_fragments_total|worker_fallback_total)\{.*$/gm)]
  .map(([line]) => line.replace(/stream_id="live",?/, "").replace("livedub_", ""))
  .join("\n");

const two = (value: number) => value.toFixed(2);
console.table([
  { figure: "engine", value: String(stream.worker.status?.sts.engine), bar: engine },
  { figure: "access units read from out", value: String(output.video.length), bar: "" },
  {
    figure: "of them not the publisher's",
    value: String(output.video.filter(({ hash }) => !known.has(hash)).length),
    bar: "0",
  },
  { figure: "beeps found under flashes", value: String(deltas.length), bar: "" },
  { figure: "A/V, median against the source (ms)", value: two(median(deltas)), bar: "within ±3" },
  {
    figure: "A/V, range (ms)",
    value: `${two(Math.min(...deltas))} … ${two(Math.max(...deltas))}`,
    bar: "-60 … +40",
  },
  { figure: "latency beyond D, median (ms)", value: two(median(late)), bar: "" },
  { figure: "latency beyond D, p99 (ms)", value: two(percentile(late, 0.99)), bar: "≤ 200" },
  {
    figure: "DTS going back, video / audio",
    value: `${backwardSteps(output.video)} / ${backwardSteps(output.audio)}`,
    bar: "0 / 0",
  },
  {
    figure: "audio steps (ms)",
    value: `${Math.min(...audioSteps)} … ${Math.max(...audioSteps)}`,
    bar: "21 … 22",
  },
  { figure: "longest step between pictures (ms)", value: String(videoGapMs), bar: "" },
  { figure: "longest silence (s)", value: two(longestSilence(sound)), bar: "" },
  { figure: "publish → out (ms)", value: two(availableMs), bar: "" },
  {
    figure: "workers replaced after (ms)",
    value: killed.map((ms) => ms.toFixed(0)).join(", "),
    bar: "≤ 2000",
  },
  { figure: "relay restarts", value: String(stream.relay.restarts), bar: "0" },
]);
process.stdout.write(`${fragments}\n`);
rmSync(folder, { recursive: true });
