/**
 * The relay's timing bars, measured over minutes: what needs the wall clock, and a machine that does
 * nothing else. Prints each figure beside its bar.
 *
 * usage: bun test/bench/relay-timing.ts [SECONDS=120] [DELAY_MS=6000] [GOP_FRAMES=50]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NativeChild } from "../../src/process/native-child.ts";
import { RelayUnderTest } from "../integration/relay/relay-under-test.ts";
import {
  decodeSound,
  findFlashesAndBeeps,
  longestSilence,
  makeFlashBeepClip,
  median,
  offsetsMs,
} from "../media/flash-beep.ts";
import { TestMediaMtx } from "../media/mediamtx.ts";
import { publishClip } from "../media/publish.ts";
import { backwardSteps, latenciesMs, readFlvFile, Recording, steps } from "../media/recording.ts";

const [seconds = 120, delayMs = 6000, gopFrames = 50] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "relay-timing-"));

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const rows: Record<string, string>[] = [];
function row(figure: string, value: string | number, bar: string): void {
  rows.push({ figure, value: typeof value === "number" ? value.toFixed(2) : value, bar });
}

/** CPU time of a process so far, in seconds. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await Bun.file(`/proc/${pid}/stat`).text();
  const [user, system] = stat.slice(stat.lastIndexOf(")")).split(" ").slice(12, 14).map(Number);
  return ((user ?? 0) + (system ?? 0)) / 100;
}

async function residentMb(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

const clipFramesPerSecond = 25;
const clip = await makeFlashBeepClip({
  ...{ path: join(folder, "clip.flv"), seconds, gopFrames },
  framesPerSecond: clipFramesPerSecond,
});
await using server = await TestMediaMtx.start();
await using relay = await RelayUnderTest.start(server, folder, "s", { playoutDelayMs: delayMs });
const startWorker = () =>
  NativeChild.start({
    name: "worker",
    command: [
      process.execPath,
      join(import.meta.dir, "../integration/relay/worker.fixture.ts"),
      ...[relay.spec.socketPath, "pt", "replace"],
    ],
  });
await using first = await startWorker();
const publishedAt = performance.now();
await using publisher = await publishClip(clip, server.url("live/s/in"));
relay.say({ type: "input-available", sourceId: await server.sourceId("live/s/in") });
const input = await Recording.start(server.url("live/s/in"), join(folder, "in.flv"));
await server.sourceId("live/s/out", 60_000);
const availableMs = performance.now() - publishedAt;
const output = await Recording.start(server.url("live/s/out"), join(folder, "out.flv"));
const cpuBefore = await cpuSeconds(relay.pid);
const measuredFrom = performance.now();

const killAfterMs = (seconds * 1000 - availableMs) / 3;
await Bun.sleep(killAfterMs);
first.signal("SIGKILL");
await using second = await startWorker();
await Bun.sleep(killAfterMs);
second.signal("SIGSTOP");
await using third = await startWorker();
await publisher.exited;
const cpuShare = (await cpuSeconds(relay.pid)) - cpuBefore;
const measuredMs = performance.now() - measuredFrom;
const memoryMb = await residentMb(relay.pid);
await Bun.sleep(delayMs / 2);
await Promise.all([input.stop(), output.stop()]);

const source = (await readFlvFile(clip)).filter(({ kind }) => kind === "video");
const known = new Set(source.map(({ hash }) => hash));
const sourceOffset = median(offsetsMs(await findFlashesAndBeeps(clip)));
const offsets = offsetsMs(await findFlashesAndBeeps(output.path));
const deltas = offsets.map((offset) => offset - sourceOffset);
const late = latenciesMs(input, output).map((latency) => latency - delayMs);
const audioSteps = steps(output.audio);

row("access units read from out", String(output.video.length), "");
row(
  "of them not the publisher's",
  String(output.video.filter(({ hash }) => !known.has(hash)).length),
  "0",
);
row("A/V, median against the source (ms)", median(deltas), "within ±3");
row(
  "A/V, range (ms)",
  `${Math.min(...deltas).toFixed(2)} … ${Math.max(...deltas).toFixed(2)}`,
  "-60 … +40",
);
row("latency beyond D, median (ms)", median(late), "");
row("latency beyond D, p99 (ms)", percentile(late, 0.99), "≤ 200");
row("latency beyond D, most (ms)", Math.max(...late), "");
row(
  "DTS going back, video / audio",
  `${backwardSteps(output.video)} / ${backwardSteps(output.audio)}`,
  "0 / 0",
);
row("audio steps (ms)", `${Math.min(...audioSteps)} … ${Math.max(...audioSteps)}`, "21 … 22");
row(
  "longest silence (s)",
  longestSilence((await decodeSound(output.path)).subarray(96_000 * 5)),
  "< 0.05",
);
const gopMs = (gopFrames / clipFramesPerSecond) * 1000;
row("publish → out available, beyond D (ms)", availableMs - delayMs, `≤ ${3000 + gopMs}`);
row("relay, share of a core (%)", (cpuShare / measuredMs) * 100_000, "1.2");
row("relay, memory (MB)", memoryMb, "53");
row("workers (two killed)", String(relay.lastStatus.counters["workers"]), "3");
row("packets late", String(relay.lastStatus.counters["latePackets"]), "0");
console.table(rows);
await third.stop();
rmSync(folder, { recursive: true });
