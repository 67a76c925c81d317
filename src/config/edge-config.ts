import { commonSettings } from "./common.ts";
import { ignoredEdgeSettings } from "./edge-ignored.ts";
import { edgeSettings } from "./edge.ts";
import { brokenRules } from "./edge-rules.ts";
import { egressSettings, type EgressRules } from "./egress.ts";
import { readConfigFile, type ConfigFile } from "./file.ts";
import { ConfigError, type Environment, type SettingValues } from "./setting.ts";
import type { StreamSection } from "./streams.ts";
import {
  effectiveSettings,
  ignoredWarnings,
  readLayers,
  type EffectiveSetting,
  type SettingLayer,
} from "./table.ts";
import { ignoredWorkerSettings } from "./worker-ignored.ts";
import { workerSettings } from "./worker.ts";

/** Every setting that `livedub serve` reads, by the key of its value. */
export const edgeTable = {
  ...commonSettings,
  ...edgeSettings,
  ...workerSettings,
  ...egressSettings,
};

/** The same together with those that are accepted without effect: all that a config file may hold. */
export const edgeFileTable = {
  ...edgeTable,
  ...ignoredEdgeSettings,
  ...ignoredWorkerSettings,
};

/** The edge's configuration, parsed and checked: what `serve` runs on. */
export interface EdgeConfig {
  readonly values: SettingValues<typeof edgeTable>;
  /** Sections of the config file; {@link resolveStream} lays them over `values`. */
  readonly streams: ReadonlyMap<string, StreamSection>;
  readonly egressRules: EgressRules;
  /** For the log at start, each once. */
  readonly warnings: readonly string[];
  /** What took effect and from where, for `livedub config`. */
  readonly effective: readonly EffectiveSetting[];
}

/**
 * The edge's configuration: command line over environment over config file (`LIVEDUB_CONFIG`) over defaults.
 *
 * @param overrides settings given on the command line, by the names of their variables
 * @throws {ConfigError} with one line for each bad value and unknown key
 */
export function loadEdgeConfig(
  environment: Environment,
  overrides: Readonly<Record<string, string>> = {},
): EdgeConfig {
  const path = overrides["LIVEDUB_CONFIG"] || environment["LIVEDUB_CONFIG"];
  const file: ConfigFile = path
    ? readConfigFile(path, edgeFileTable)
    : { settings: {}, streams: new Map() };
  const layers: SettingLayer[] = [
    { origin: "command line", values: overrides },
    { origin: "environment", values: environment },
    { origin: "config file", values: file.settings },
  ];
  const values = readLayers(edgeTable, layers);
  return {
    values,
    streams: file.streams,
    egressRules: values.egressRules ?? new Map(),
    warnings: ignoredWarnings(edgeFileTable, layers),
    effective: effectiveSettings(edgeTable, layers),
  };
}

/**
 * Refuses a configuration that is right word by word and wrong as a whole ({@link brokenRules}).
 * @throws {ConfigError}
 */
export function assertEdgeRules(config: EdgeConfig): void {
  const problems = brokenRules(config.values);
  if (problems.length > 0) throw new ConfigError(problems);
}
