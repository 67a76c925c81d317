import { commonSettings } from "../../src/config/common.ts";
import { ConfigError } from "../../src/config/setting.ts";
import { readSidecarConfig, type SidecarConfig } from "../../src/config/sidecar-rules.ts";
import { sidecarSettings } from "../../src/config/sidecar.ts";
import { ignoredWarnings } from "../../src/config/table.ts";
import { createLogger, type Logger } from "../../src/telemetry/log.ts";

/** Exit code of a program that was configured wrongly; nothing was started. */
export const exitBadConfig = 2;

/** Settings that were given although nothing reads them. */
export function settingWarnings(env: NodeJS.ProcessEnv): readonly string[] {
  return ignoredWarnings({ ...commonSettings, ...sidecarSettings }, [
    { origin: "environment", values: env },
  ]);
}

/** The settings of this process; what is wrong with them is listed on stderr, and ends it with code 2. */
export function settingsOrExit(env: NodeJS.ProcessEnv): SidecarConfig {
  try {
    return readSidecarConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.problems.map((problem) => `  ${problem}`);
    process.stderr.write(`livedub-sts: these settings are wrong:\n${lines.join("\n")}\n`);
    return process.exit(exitBadConfig);
  }
}

/** The log of `livedub-sts serve`. */
export function openLog(config: SidecarConfig): Logger {
  return createLogger({
    level: config.logStdout ? config.logLevel : "silent",
    format: config.logFormat,
    fields: {
      component: "sts",
      ...(config.runId !== undefined && { runId: config.runId }),
      ...(config.instanceId !== undefined && { instanceId: config.instanceId }),
    },
  });
}
