/**
 * Sets up all that livedub needs on this machine, and nothing that is there already: dependencies, the
 * reference FFmpeg, MediaMTX, espeak-ng, weights. An interrupted run goes on where it stopped.
 * usage: scripts/bootstrap [STEP...]      all steps without arguments
 */
import { installDependencies } from "./setup/dependencies.ts";
import { progressLine } from "./setup/progress-line.ts";
import { runSteps } from "./setup/steps.ts";

const output = process.stderr;
const line = progressLine(output);
const wanted = new Set(process.argv.slice(2));
const known = ["dependencies", "ffmpeg", "mediamtx", "espeak-ng", "weights"];
const unknown = [...wanted].filter((name) => !known.includes(name));
if (unknown.length > 0) {
  output.write(`There is no step ${unknown.join(", ")}; the steps are ${known.join(", ")}.\n`);
  process.exit(2);
}

const ok = await runSteps(
  [
    { name: "dependencies", run: () => installDependencies() },
    // Loaded only now: these import packages that the first step installs.
    {
      name: "ffmpeg",
      run: async () => (await import("./setup/ffmpeg.ts")).setUpFfmpeg(process.env, line),
    },
    {
      name: "mediamtx",
      run: async () => (await import("./setup/mediamtx.ts")).setUpMediamtx(process.env, line),
    },
    {
      name: "espeak-ng",
      run: async () => (await import("./setup/espeak.ts")).setUpEspeak(line),
    },
    {
      name: "weights",
      run: async () => (await import("./setup/weights.ts")).setUpWeights(process.env, output),
    },
  ].filter((step) => wanted.size === 0 || wanted.has(step.name)),
  { output, line },
);
process.exit(ok ? 0 : 1);
