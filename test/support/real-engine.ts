import type { InferenceTask } from "../../gpu/inference/engine.ts";
import { createRealEngine } from "../../gpu/inference/real-engine.ts";
import { selfCommand } from "../../src/process/self.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { requireModelsFolder } from "../../src/weights/store.ts";

type RealEngine = ReturnType<typeof createRealEngine>;

/** Stages that ran in {@link realEngine}, in order; tests empty it. */
export const stagesRun: string[] = [];
export const quietLogger = createLogger({ level: "silent", format: "json" });
export const childCommand = (task: InferenceTask) => selfCommand("livedub-sts", task);

let shared: Promise<RealEngine> | undefined;

/** The weights that the tests use. @throws where there are none, with the remedy */
export function modelsForTests(): Promise<string> {
  const { LIVEDUB_MODELS_DIR: dir } = process.env;
  return requireModelsFolder({ dir, env: process.env });
}

/**
 * The one engine of real models that all tests of a process share: loading takes seconds. It is ready when
 * the promise resolves, and its children end with this process.
 */
export function realEngine(): Promise<RealEngine> {
  shared ??= start();
  return shared;
}

async function start(): Promise<RealEngine> {
  const engine = createRealEngine({
    modelsDir: await modelsForTests(),
    logger: quietLogger,
    childCommand,
    onStage: (stage) => stagesRun.push(stage),
  });
  await engine.start();
  return engine;
}
