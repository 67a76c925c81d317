import { defineCommand } from "citty";
import { ConfigError } from "../../src/config/setting.ts";
import type { SidecarConfig } from "../../src/config/sidecar-rules.ts";
import type { Logger } from "../../src/telemetry/log.ts";
import { pullWeights } from "../../src/weights/pull.ts";
import { modelsFolder, requireModelsFolder } from "../../src/weights/store.ts";
import { findFfmpeg } from "../codec/ffmpeg-program.ts";
import { StsService } from "../server/sts-service.ts";
import { progressLine } from "./models.ts";
import { exitBadConfig, openLog, settingsOrExit, settingWarnings } from "./settings.ts";
import { readVoiceProfiles } from "./voice-profiles.ts";

/** `livedub-sts serve`: runs until SIGTERM or SIGINT. */
export const serveCommand = defineCommand({
  meta: {
    name: "serve",
    description:
      "Serve Socket.IO and HTTP until told to stop; settings come from the environment (STS_PORT, STS_API_KEY, …)",
  },
  args: {
    port: { type: "string", description: "STS_PORT", valueHint: "8000" },
    host: { type: "string", description: "STS_HOST", valueHint: "127.0.0.1" },
    mode: { type: "string", description: "STS_MODE: real, or echo (no models)", valueHint: "real" },
    pull: { type: "boolean", description: "Fetch or build missing weights first", default: false },
  },
  async run({ args }) {
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      ...(args.port !== undefined && { STS_PORT: args.port }),
      ...(args.host !== undefined && { STS_HOST: args.host }),
      ...(args.mode !== undefined && { STS_MODE: args.mode }),
    };
    const config = settingsOrExit(env);
    const log = openLog(config);
    for (const warning of settingWarnings(env)) log.warn(warning);
    process.exit(await serve(config, env, log, args.pull));
  },
});

/** @returns the exit code: 0 asked to stop, 1 failed, 2 configured wrongly */
async function serve(
  config: SidecarConfig,
  env: NodeJS.ProcessEnv,
  log: Logger,
  pull: boolean,
): Promise<number> {
  const stopped = untilSignal(log);
  try {
    process.env["CUDA_VISIBLE_DEVICES"] = config.cudaVisibleDevices; // the models' processes inherit it
    const models = config.mode === "echo" ? undefined : await findModels(config, env, log, pull);
    await using service = new StsService({ config, env, logger: log, models });
    service.listen();
    log.info({ url: service.url, mode: config.mode }, "listening");
    warnOfMissingFfmpeg(env, log);
    const warm = service.warm().then(() => {
      log.info({ pairs: service.sidecar.engine?.pairs() }, "ready");
      return stopped;
    });
    await Promise.race([stopped, warm]);
    log.info("stopping: what is in flight may finish");
    await service.close();
    log.info("stopped");
    return 0;
  } catch (error) {
    process.stderr.write(`livedub-sts serve: ${explain(error)}\n`);
    return error instanceof ConfigError ? exitBadConfig : 1;
  }
}

async function findModels(
  config: SidecarConfig,
  env: NodeJS.ProcessEnv,
  log: Logger,
  pull: boolean,
) {
  const voiceProfiles = readVoiceProfiles(config.voiceProfilesPath, config.ttsProvider);
  const folder = { dir: config.modelsDir, env };
  if (pull) await pullMissing(modelsFolder(folder), log);
  const modelsDir = await requireModelsFolder(folder);
  return { modelsDir, ...(voiceProfiles && { voiceProfiles }) };
}

/** Health is not served meanwhile: whoever asks sees a sidecar that is not there yet. */
async function pullMissing(dir: string, log: Logger): Promise<void> {
  let last = "";
  await pullWeights(dir, {
    onProgress: (progress) => {
      const line = progressLine(progress);
      if (line !== last) log.info({ dir }, line);
      last = line;
    },
  });
}

function warnOfMissingFfmpeg(env: NodeJS.ProcessEnv, log: Logger): void {
  try {
    findFfmpeg(env);
  } catch (error) {
    log.warn((error as Error).message);
  }
}

/** Resolves at the first SIGTERM or SIGINT; the second ends the process at once. */
function untilSignal(log: Logger): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (signal: NodeJS.Signals) => {
      if (asked) process.exit(128 + (signal === "SIGINT" ? 2 : 15));
      asked = true;
      log.info({ signal }, "asked to stop");
      resolve();
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return `these settings are wrong:\n  ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
