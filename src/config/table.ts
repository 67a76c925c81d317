import {
  ConfigError,
  readSettings,
  type Environment,
  type Setting,
  type SettingTable,
  type SettingValues,
} from "./setting.ts";

/** Where a value came from, strongest first. */
export type SettingOrigin = "command line" | "environment" | "config file" | "default" | "unset";

/** Texts of settings by name (or alias), from one source. */
export interface SettingLayer {
  readonly origin: Exclude<SettingOrigin, "default" | "unset">;
  readonly values: Environment;
}

/** The text of one setting as it takes effect, and where it was found. */
export interface EffectiveSetting {
  readonly setting: Setting<unknown>;
  readonly origin: SettingOrigin;
  /** The variable that held it: the name, an alias, or `<NAME>_FILE`. */
  readonly variable: string;
  readonly text: string | undefined;
}

/**
 * Finds each setting of a table in the strongest layer that has it. Within a layer a name is read
 * before its aliases, and a secret's value before its `*_FILE`; empty means unset.
 */
export function effectiveSettings(
  table: SettingTable,
  layers: readonly SettingLayer[],
): EffectiveSetting[] {
  return Object.values(table).map((setting) => {
    for (const layer of layers) {
      const variable = variablesOf(setting).find((name) => (layer.values[name] ?? "") !== "");
      if (variable !== undefined)
        return { setting, origin: layer.origin, variable, text: layer.values[variable] };
    }
    const origin = setting.default === undefined ? "unset" : "default";
    return { setting, origin, variable: setting.name, text: setting.default };
  });
}

/** The values of a table read from layers, strongest first; each problem says which layer it stands in. */
export function readLayers<Table extends SettingTable>(
  table: Table,
  layers: readonly SettingLayer[],
): SettingValues<Table> {
  const effective = effectiveSettings(table, layers);
  const environment: Record<string, string | undefined> = {};
  for (const { variable, text, origin } of effective)
    if (origin !== "default" && origin !== "unset") environment[variable] = text;
  try {
    return readSettings(table, environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.problems.map((problem) => withOrigin(problem, effective)));
  }
}

/** Every name under which a setting may be given, in the order in which they are read. */
export function variablesOf(setting: Setting<unknown>): string[] {
  return [setting.name, ...setting.aliases].flatMap((name) =>
    setting.secret ? [name, `${name}_FILE`] : [name],
  );
}

/** One line for each setting that was given although nothing reads it. */
export function ignoredWarnings(
  table: SettingTable,
  layers: readonly SettingLayer[],
): readonly string[] {
  return effectiveSettings(table, layers).flatMap(({ setting, variable, origin }) =>
    setting.ignored === undefined || origin === "default" || origin === "unset"
      ? []
      : [`${variable} has no effect: ${setting.ignored}`],
  );
}

/** The text as it may be shown: `***` for secrets and for a user and password inside a URL. */
export function shownText(effective: EffectiveSetting): string {
  if (effective.text === undefined) return "";
  return effective.setting.secret ? "***" : effective.text.replaceAll(/\/\/[^/@\s]+@/g, "//***@");
}

function withOrigin(problem: string, effective: readonly EffectiveSetting[]): string {
  const variable = problem.slice(0, problem.indexOf("="));
  const found = effective.find((one) => one.variable === variable);
  return found?.origin === "config file" || found?.origin === "command line"
    ? `${problem} (${found.origin})`
    : problem;
}
