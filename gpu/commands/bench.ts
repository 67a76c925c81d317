import { defineCommand } from "citty";
import { ConfigError } from "../../src/config/setting.ts";
import type { SidecarConfig } from "../../src/config/sidecar-rules.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { requireModelsFolder } from "../../src/weights/store.ts";
import { benchTable } from "../bench/bench-table.ts";
import { capacityOf } from "../bench/capacity.ts";
import { benchLanguage, benchSentences, measureStages } from "../inference/stage-figures.ts";
import type { DubEngine } from "../inference/engine.ts";
import type { EngineStages } from "../inference/stages.ts";
import { createConfiguredEngine } from "../server/configured-engine.ts";
import { exitBadConfig, settingsOrExit } from "./settings.ts";
import { readVoiceProfiles } from "./voice-profiles.ts";

interface Wish {
  readonly source: string;
  readonly target: string | undefined;
}

/** `livedub-sts bench`: what each stage takes on this machine, and how many streams it carries. */
export const benchCommand = defineCommand({
  meta: {
    name: "bench",
    description: "Measure the stages on this machine, and how many streams it can carry",
  },
  args: {
    source: { type: "string", description: "Language that is spoken", default: benchLanguage },
    target: { type: "string", description: "Language to dub into; default: the first one served" },
    json: { type: "boolean", description: "Print JSON instead of a table", default: false },
  },
  async run({ args }) {
    const config = settingsOrExit(process.env);
    if (config.mode === "echo") {
      process.stderr.write("livedub-sts bench: STS_MODE=echo: runs no models; set STS_MODE=real\n");
      process.exit(exitBadConfig);
    }
    process.exit(await bench(config, args, args.json));
  },
});

/** @returns the exit code: 0 measured, 1 failed, 2 configured wrongly */
async function bench(config: SidecarConfig, wish: Wish, asJson: boolean): Promise<number> {
  try {
    process.env["CUDA_VISIBLE_DEVICES"] = config.cudaVisibleDevices; // the models' processes inherit it
    const voiceProfiles = readVoiceProfiles(config.voiceProfilesPath, config.ttsProvider);
    const modelsDir = await requireModelsFolder({ dir: config.modelsDir, env: process.env });
    await using engine = createConfiguredEngine(
      config,
      { modelsDir, ...(voiceProfiles && { voiceProfiles }) },
      createLogger({ level: "silent", format: "json" }),
    );
    process.stderr.write("loading the models\n");
    await engine.start();
    const { source, target } = benchPair(engine, wish);
    const figures = await measureStages(engine, {
      source,
      target,
      sentences: await sentencesIn(source, engine),
      onProgress: (done, of) => process.stderr.write(`sentence ${done}/${of}\n`),
    });
    const report = {
      source,
      target,
      models: engine.models,
      figures,
      capacity: capacityOf(figures),
    };
    process.stdout.write(asJson ? `${JSON.stringify(report)}\n` : benchTable(report));
    return 0;
  } catch (error) {
    process.stderr.write(`livedub-sts bench: ${(error as Error).message}\n`);
    return error instanceof ConfigError ? exitBadConfig : 1;
  }
}

/** @throws {ConfigError} naming the argument and what is served */
function benchPair(engine: DubEngine, { source, target }: Wish) {
  const pairs = engine.pairs();
  const targets = pairs.filter(([from]) => from === source).map(([, to]) => to);
  const [first] = targets;
  const served = pairs.map((pair) => pair.join(" to ")).join(", ");
  if (first === undefined)
    throw new ConfigError([
      `--source ${source}: is not recognised or not translated; served are ${served}`,
    ]);
  if (target !== undefined && !targets.includes(target))
    throw new ConfigError([`--target ${target}: no way from ${source}; served are ${served}`]);
  if (!engine.hasVoice("default", source))
    throw new ConfigError([`--source ${source}: has no voice to speak the sentences with`]);
  return { source, target: target ?? first };
}

/** @throws {ConfigError} where the sentences cannot be put into the language */
async function sentencesIn(
  source: string,
  engine: DubEngine & EngineStages,
): Promise<readonly string[]> {
  if (source === benchLanguage) return benchSentences;
  if (!engine.pairs().some(([from, to]) => from === benchLanguage && to === source))
    throw new ConfigError([
      `--source ${source}: the sentences are in ${benchLanguage} and cannot be translated into it`,
    ]);
  const answers = benchSentences.map((text) =>
    engine.translate({ text, source: benchLanguage, target: source }),
  );
  return (await Promise.all(answers)).map((answer) => answer.text);
}
