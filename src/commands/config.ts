import { defineCommand } from "citty";
import { assertEdgeRules, edgeFileTable, loadEdgeConfig } from "../config/edge-config.ts";
import { readConfigFile } from "../config/file.ts";
import { ConfigError } from "../config/setting.ts";
import { shownText, type EffectiveSetting } from "../config/table.ts";

/** Shows the settings in effect, or checks a config file. */
export const configCommand = defineCommand({
  meta: { name: "config", description: "Show the settings in effect, or check a config file" },
  args: {
    action: {
      type: "positional",
      required: false,
      description: "`check FILE` reads a config file as serve would",
    },
    file: { type: "positional", required: false, description: "the file to check" },
    config: { type: "string", description: "Configuration file (LIVEDUB_CONFIG)" },
    json: { type: "boolean", description: "Print JSON" },
  },
  run({ args }) {
    try {
      const { action, file } = args;
      if (action !== undefined && action !== "check")
        throw new ConfigError([`unknown action ${action}; known: check`]);
      if (action === "check" && file === undefined)
        throw new ConfigError(["name the file: livedub config check FILE"]);
      process.stdout.write(
        file === undefined ? show(args.config, args.json === true) : check(file),
      );
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    }
  },
});

/** Each setting, its value (`***` for secrets) and where it came from; then the streams of the file. */
function show(path: string | undefined, json: boolean): string {
  const config = loadEdgeConfig(process.env, path ? { LIVEDUB_CONFIG: path } : {});
  const settings = config.effective.map((one) => ({
    name: one.setting.name,
    value: shownText(one),
    origin: originOf(one),
  }));
  const streams = Object.fromEntries(
    [...config.streams].map(([id, { egress, ...section }]) => [
      id,
      { ...section, egress: egress?.map((destination) => destination.name) ?? [] },
    ]),
  );
  if (json) return `${JSON.stringify({ settings, streams, warnings: config.warnings }, null, 2)}\n`;
  const width = Math.max(...settings.map(({ name }) => name.length));
  const lines = settings.map(({ name, value, origin }) =>
    `${name.padEnd(width)}  ${value.padEnd(24)}  ${origin}`.trimEnd(),
  );
  const sections = Object.entries(streams).map(
    ([id, section]) => `streams.${id}  ${JSON.stringify(section)}`,
  );
  const warnings = config.warnings.map((warning) => `warning: ${warning}`);
  return `${[...lines, ...sections, ...warnings].join("\n")}\n`;
}

function originOf({ origin, variable, setting }: EffectiveSetting): string {
  return variable === setting.name ? origin : `${origin} (as ${variable})`;
}

/**
 * Reads a file alone, without this shell's environment, so that the answer is about the file.
 * @throws {ConfigError} with one line for each thing that is wrong
 */
function check(path: string): string {
  readConfigFile(path, edgeFileTable);
  const config = loadEdgeConfig({ LIVEDUB_CONFIG: path });
  assertEdgeRules(config);
  const warnings = config.warnings.map((warning) => `warning: ${warning}\n`).join("");
  return `${warnings}${path}: ok, ${config.streams.size} streams\n`;
}
