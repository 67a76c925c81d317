import type { DubReport } from "../../../src/commands/dub-report.ts";
import { DubFolder, startDub } from "../../integration/dub/dub-command.ts";

/** How many times faster than real time `livedub dub` is with its own sidecar's echo engine. */
export async function echoSpeed(
  clip: string,
  environment: Record<string, string> = {},
): Promise<{ readonly dubbing: number; readonly wholeCommand: number }> {
  using folder = new DubFolder();
  const startedAt = performance.now();
  const report = folder.file("report.json");
  const run = startDub([clip, "-o", folder.file("out.mp4"), "--target", "pt", "--report", report], {
    STS_MODE: "echo",
    ...environment,
  });
  const { code, stderr } = await run.finished;
  const wholeMs = performance.now() - startedAt;
  if (code !== 0) throw new Error(`livedub dub ended with ${code}\n${stderr}`);
  const { engine, totals } = (await Bun.file(report).json()) as DubReport;
  if (engine !== "echo") throw new Error(`the engine was ${engine}, not echo`);
  return {
    dubbing: totals.durationMs / totals.wallMs,
    wholeCommand: totals.durationMs / wholeMs,
  };
}
