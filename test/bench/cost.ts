/**
 * What one 720p30 stream costs on the edge, in cores and memory: relay, worker and both FFmpegs of the
 * compiled executable in steady run, without and with separation.
 *
 * usage: bun test/bench/cost.ts [--seconds 60] [--engine echo|real] [--nets off,auto] [--source]
 *
 * CPU time is the processes' own (`/proc/<pid>/stat`), so that other work on the machine changes little.
 * `--nets` names what is measured (`off`, `auto`, `dtln`, `dfn3`, `gtcrn-wasm`); weights are looked for in
 * LIVEDUB_MODELS_DIR. `--source` runs the sources instead of `dist/livedub`, which is built where it is absent.
 * The clip is the demo's, 72 % of which is speech, at 3 Mbit/s. The sidecar is nobody's cost here.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { words } from "../../src/media/live-commands.ts";
import { descendantsOf, eventually, ServeProcess } from "../integration/serve/serve-process.ts";
import { publishClip } from "../media/publish.ts";
import { runFfmpeg } from "../media/tools.ts";
import { buildExecutables } from "../smoke/executables.ts";
import { Figures } from "./figures.ts";
import { commandLineOf, cpuSeconds, memoryOf } from "./process-cost.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    engine: { type: "string", default: "echo" },
    nets: { type: "string", default: "off,auto" },
    source: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
const delayMs = 6000;
/** From publish to steady run: the delay, what the media server looks at, and the caches to fill. */
const settleSeconds = 20;
const bars = { off: { cores: 0.08, mb: 300 }, separated: { cores: 0.35, mb: 400 } } as const;
const executable = join(import.meta.dir, "../../dist/livedub");
if (!values.source && !existsSync(executable)) await buildExecutables();
const folder = mkdtempSync(join(tmpdir(), "livedub-cost-"));

interface Part {
  readonly name: string;
  readonly pid: number;
}

/** A stream's processes by what they do; the media server, `serve` and the sidecar serve all streams. */
function partsOf(serve: ServeProcess): Part[] {
  return descendantsOf(serve.child.pid).flatMap((pid) => {
    const line = commandLineOf(pid);
    const name = partName(line, line.join(" "));
    return name === undefined ? [] : [{ name, pid }];
  });
}

function partName(line: readonly string[], text: string): string | undefined {
  for (const command of ["relay", "worker"]) if (line.includes(command)) return command;
  if (!line[0]?.includes("ffmpeg")) return undefined;
  if (text.includes("smjpeg pipe:4")) return "ffmpeg pull";
  return text.includes("-i pipe:4") ? "ffmpeg push" : undefined;
}

async function measure(net: string, clip: string): Promise<void> {
  await using serve = await ServeProcess.start(
    {
      WORKER_STS_MODE: "enabled",
      STS_MODE: values.engine,
      WORKER_PLAYOUT_DELAY_MS: String(delayMs),
      WORKER_SEPARATION: net,
      LOG_LEVEL: "info",
    },
    values.source ? undefined : executable,
  );
  await serve.logged((line) => line.message === "sidecar: ready", 120_000);
  await using _ = await publishClip(clip, serve.publishUrl("live"));
  const outStands = async () => (await serve.view()).streams[0]?.outAvailable === true;
  await eventually(outStands, delayMs + 30_000, "out stands");
  await Bun.sleep(settleSeconds * 1000);
  const parts = partsOf(serve);
  const before = parts.map(({ pid }) => cpuSeconds(pid));
  const from = performance.now();
  await Bun.sleep(seconds * 1000);
  const elapsed = (performance.now() - from) / 1000;
  const figures = new Figures();
  let [cores, rssMb, pssMb] = [0, 0, 0];
  for (const [n, { name, pid }] of parts.entries()) {
    const share = (cpuSeconds(pid) - before[n]!) / elapsed;
    const memory = memoryOf(pid);
    figures.add(
      name,
      `${share.toFixed(3)} core, PSS ${memory.pssMb.toFixed(0)} MB, RSS ${memory.rssMb.toFixed(0)} MB`,
    );
    cores += share;
    rssMb += memory.rssMb;
    pssMb += memory.pssMb;
  }
  const { worker, relay } = await serve.stream("live");
  const bar = net === "off" ? bars.off : bars.separated;
  figures.add("cores in all", cores.toFixed(3), `≤ ${bar.cores}`, cores <= bar.cores);
  figures.add("memory in all, PSS (MB)", pssMb.toFixed(0), `≤ ${bar.mb}`, pssMb <= bar.mb);
  figures.add("memory in all, RSS (MB)", rssMb.toFixed(0));
  figures.add("engine, playing", `${worker.status?.sts.engine}, ${relay.status?.playing}`);
  figures.add("speech heard (s)", (worker.status?.counters["speech_ms"] ?? 0) / 1000);
  figures.add("separated (s)", (worker.status?.counters["bed_separated_ms"] ?? 0) / 1000);
  figures.print(
    `separation ${net}, ${values.source ? "from source" : "compiled"}, ${elapsed.toFixed(0)} s`,
  );
}

const clip = join(folder, "clip.flv");
await runFfmpeg([
  ...["-loglevel", "error", "-stream_loop", "-1"],
  ...["-i", join(import.meta.dir, "../fixtures/media/news.mp4")],
  ...[
    "-filter_complex",
    "[0:v]setpts=N/30/TB[v];[0:a]asetpts=N/SR/TB[a]",
    "-map",
    "[v]",
    "-map",
    "[a]",
  ],
  ...["-t", String(seconds + settleSeconds + 30 + delayMs / 1000)],
  ...words(
    "-c:v libx264 -preset ultrafast -b:v 3M -minrate 3M -maxrate 3M -bufsize 3M -nal-hrd cbr -bf 3 -g 60 -c:a aac -b:a 160k",
  ),
  clip,
]);
for (const net of values.nets.split(",")) await measure(net, clip);
rmSync(folder, { recursive: true });
