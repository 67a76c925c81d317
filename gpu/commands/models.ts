import { defineCommand } from "citty";
import { sidecarSettings } from "../../src/config/sidecar.ts";
import { readSettings } from "../../src/config/setting.ts";
import { verifyWeights } from "../../src/weights/check.ts";
import { pullWeights, type PullProgress } from "../../src/weights/pull.ts";
import { listWeights, modelsFolder, requireModelsFolder } from "../../src/weights/store.ts";
import { WeightsError } from "../../src/weights/weights-error.ts";

const dirArgument = {
  type: "string",
  description: "Folder of the weights (MODEL_CACHE_DIR); default: the user's cache folder",
  valueHint: "DIR",
} as const;

function folderOptions(dir: string | undefined) {
  const { modelsDir } = readSettings({ modelsDir: sidecarSettings.modelsDir }, process.env);
  return { dir: dir ?? modelsDir, env: process.env };
}

const list = defineCommand({
  meta: { name: "list", description: "Every file of weights, and whether it is there" },
  args: { dir: dirArgument },
  run: ({ args }) =>
    orExplain(async () => {
      const dir = modelsFolder(folderOptions(args.dir));
      const files = await listWeights(dir);
      process.stdout.write(`${dir}\n`);
      for (const file of files)
        process.stdout.write(
          `  ${file.state.padEnd(10)} ${megabytes(file.bytes)}  ${file.licence.padEnd(12)} ${file.path}\n`,
        );
      return files.every((file) => file.state === "present") ? 0 : 1;
    }),
});

const pull = defineCommand({
  meta: { name: "pull", description: "Fetch or build what is missing, and verify it" },
  args: { dir: dirArgument },
  run: ({ args }) =>
    orExplain(async () => {
      const dir = modelsFolder(folderOptions(args.dir));
      let last = "";
      const report = await pullWeights(dir, {
        onProgress: (progress) => {
          const line = progressLine(progress);
          if (line !== last) process.stderr.write(`${line}\n`);
          last = line;
        },
      });
      process.stdout.write(`${report.checkedFiles} files of weights are complete in ${dir}\n`);
      return 0;
    }),
});

const verify = defineCommand({
  meta: { name: "verify", description: "Read every file of weights and compare its SHA-256" },
  args: { dir: dirArgument },
  run: ({ args }) =>
    orExplain(async () => {
      const dir = await requireModelsFolder(folderOptions(args.dir));
      const report = await verifyWeights(dir);
      for (const problem of report.problems) process.stderr.write(`${problem.message}\n`);
      const good = report.checkedFiles - report.problems.length;
      process.stdout.write(`${good} of ${report.checkedFiles} files are right in ${dir}\n`);
      return report.problems.length === 0 ? 0 : 1;
    }),
});

/** `livedub-sts models`: the weights on this machine. */
export const modelsCommand = defineCommand({
  meta: { name: "models", description: "List, fetch and verify the weights" },
  subCommands: { list, pull, verify },
});

/** One line of progress in steps that a person can follow: it changes about fifty times a file. */
export function progressLine(progress: PullProgress): string {
  if (progress.phase === "check") {
    const percent = Math.floor((20 * progress.doneBytes) / Math.max(1, progress.totalBytes)) * 5;
    return `checking ${percent} %`;
  }
  return `${progress.phase} ${progress.step}/${progress.steps}: ${progress.what}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1).padStart(7)} MB`;
}

async function orExplain(act: () => Promise<number>): Promise<void> {
  try {
    process.exit(await act());
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    process.stderr.write(`livedub-sts models: ${error.message}\n`);
    process.exit(1);
  }
}
