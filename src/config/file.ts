import { readFileSync } from "node:fs";
import { z } from "zod";
import { nearest } from "./file-nearest.ts";
import { ConfigError, type SettingTable } from "./setting.ts";
import { streamId, streamSection, type StreamSection } from "./streams.ts";
import { variablesOf } from "./table.ts";

/** A config file as read: texts of settings by name, and one section per stream. */
export interface ConfigFile {
  readonly settings: Readonly<Record<string, string>>;
  readonly streams: ReadonlyMap<string, StreamSection>;
}

/** A config file larger than this is not one. */
const maxBytes = 1_048_576;

const settingValue = z.union([
  z.string(),
  z.number().transform(String),
  z.boolean().transform(String),
  z.record(z.string(), z.unknown()).transform((value) => JSON.stringify(value)),
  z.array(z.unknown()).transform((value) => JSON.stringify(value)),
]);

/**
 * Reads a config file: TOML when its name ends in `.toml`, else JSON. Settings stand under their own
 * names (or aliases) at the top, streams under `streams`. The values of settings are checked later,
 * together with those of the environment; their names and the stream sections are checked here.
 *
 * @param tables every setting that the file may hold
 * @throws {ConfigError} with one line for each problem, beginning with the file's path
 */
export function readConfigFile(path: string, tables: SettingTable): ConfigFile {
  const document = parseDocument(path);
  const problems: string[] = [];
  const settings: Record<string, string> = {};
  const names = Object.values(tables).flatMap(variablesOf);
  for (const [key, value] of Object.entries(document)) {
    if (key === "streams") continue;
    if (!names.includes(key)) {
      problems.push(`${path}: ${unknownKey(key, [...names, "streams"])}`);
      continue;
    }
    const text = settingValue.safeParse(value);
    if (text.success) settings[key] = text.data;
    else problems.push(`${path}: ${key}: must be text, a number, true or false`);
  }
  const streams = readStreams(document["streams"] ?? {}, (problem) =>
    problems.push(`${path}: ${problem}`),
  );
  if (problems.length > 0) throw new ConfigError(problems);
  return { settings, streams };
}

function readStreams(
  value: unknown,
  complain: (problem: string) => void,
): Map<string, StreamSection> {
  const streams = new Map<string, StreamSection>();
  const sections = z.record(z.string(), z.unknown()).safeParse(value);
  if (!sections.success) {
    complain("streams: must be an object of sections by stream id");
    return streams;
  }
  for (const [id, section] of Object.entries(sections.data)) {
    const problems: string[] = [];
    const checkedId = streamId.safeParse(id);
    if (!checkedId.success) problems.push(firstMessage(checkedId.error));
    const parsed = streamSection.safeParse(section);
    if (parsed.success) streams.set(id, parsed.data);
    else problems.push(...parsed.error.issues.map(describeIssue));
    for (const problem of problems) complain(`streams.${id}: ${problem}`);
  }
  return streams;
}

/** Never echoes a value: a destination's URL holds its stream key. */
function describeIssue(issue: z.core.$ZodIssue): string {
  const where = issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  if (issue.code !== "unrecognized_keys") return `${where}${issue.message}`;
  const known = issue.path.length > 0 ? ["name", "url"] : Object.keys(streamSection.shape);
  return `${where}${issue.keys.map((key) => unknownKey(key, known)).join("; ")}`;
}

function parseDocument(path: string): Record<string, unknown> {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError([`${path}: cannot be read (${(error as Error).message})`]);
  }
  if (content.length > maxBytes) throw new ConfigError([`${path}: larger than ${maxBytes} bytes`]);
  const isToml = path.toLowerCase().endsWith(".toml");
  let parsed: unknown;
  try {
    parsed = isToml ? Bun.TOML.parse(content) : JSON.parse(content);
  } catch (error) {
    const kind = isToml ? "TOML" : "JSON (name it .toml if it is TOML)";
    const why = withoutValues((error as Error).message);
    throw new ConfigError([`${path}: is not valid ${kind}: ${why}`]);
  }
  const document = z.record(z.string(), z.unknown()).safeParse(parsed);
  if (!document.success) throw new ConfigError([`${path}: must be an object of settings by name`]);
  return document.data;
}

/** A parser quotes what it stumbles over: a sign may be shown, a word may be a secret. */
function withoutValues(message: string): string {
  return message.replaceAll(/"[^"]*"?|'[^']*'?/g, (quoted) =>
    quoted.length <= 4 ? quoted : `${quoted[0]}***${quoted[0]}`,
  );
}

function unknownKey(key: string, known: readonly string[]): string {
  const right = nearest(key, known);
  const hint = right === undefined ? "" : `; did you mean ${right}?`;
  return `unknown key ${key}${hint}`;
}

function firstMessage(error: z.ZodError): string {
  return error.issues[0]?.message ?? "is not valid";
}
