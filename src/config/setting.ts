import { readFileSync } from "node:fs";
import type { z } from "zod";

/** Which part of livedub reads a setting; the tables in the README are grouped by it. */
export type SettingScope = "common" | "edge" | "worker" | "egress" | "sidecar";

/**
 * One setting, written once: its environment variable, its other names, what it takes and what it means.
 * The README's tables, `.env.example` and `livedub config` are generated from these.
 */
export interface Setting<T = unknown> {
  readonly name: string;
  /** Other names, read in this order when `name` is unset (or empty). */
  readonly aliases: readonly string[];
  readonly scope: SettingScope;
  /** Parses the text of the variable; its error message says what would be right. */
  readonly schema: z.ZodType<T, string>;
  /** The value when nothing is set; as text, exactly as a user would write it; undefined = unset. */
  readonly default: string | undefined;
  readonly doc: string;
  /** Never shown; may also be given as `<NAME>_FILE`, the path of a file that holds it. */
  readonly secret: boolean;
  /** Why nothing reads it any more: setting it is accepted and gives one warning. */
  readonly ignored: string | undefined;
}

/** A bad value, named together with what would be right. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** Declares a setting; keeps the type of its parsed value. */
export function setting<T>(options: {
  name: string;
  aliases?: readonly string[];
  scope: SettingScope;
  schema: z.ZodType<T, string>;
  default?: string;
  doc: string;
  secret?: boolean;
  ignored?: string;
}): Setting<T> {
  return {
    name: options.name,
    aliases: options.aliases ?? [],
    scope: options.scope,
    schema: options.schema,
    default: options.default,
    doc: options.doc,
    secret: options.secret ?? false,
    ignored: options.ignored,
  };
}

export type SettingTable = Readonly<Record<string, Setting<unknown>>>;
type ValueOf<S> = S extends Setting<infer T> ? T : never;
type HasDefault<S> = undefined extends ValueOf<S> ? ValueOf<S> : ValueOf<S>;
/** The parsed values of a table; a setting without a default may be undefined (its schema says so). */
export type SettingValues<Table> = { readonly [K in keyof Table]: HasDefault<Table[K]> };

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads every setting of a table from the environment. Empty means unset; a name is read before its aliases.
 *
 * @throws {ConfigError} with one line for each bad value: the variable, the value (`***` for secrets) and what would be right
 */
export function readSettings<Table extends SettingTable>(
  table: Table,
  environment: Environment,
): SettingValues<Table> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [key, declared] of Object.entries(table)) {
    const found = findValue(declared, environment, problems);
    const text = found?.text ?? declared.default;
    if (text === undefined) {
      values[key] = undefined;
      continue;
    }
    const parsed = declared.schema.safeParse(text);
    if (parsed.success) values[key] = parsed.data;
    else problems.push(describe(declared, found?.name ?? declared.name, text, parsed.error));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return values as SettingValues<Table>;
}

function findValue(
  declared: Setting<unknown>,
  environment: Environment,
  problems: string[],
): { name: string; text: string } | undefined {
  for (const name of [declared.name, ...declared.aliases]) {
    const text = environment[name];
    if (text !== undefined && text !== "") return { name, text };
    if (!declared.secret) continue;
    const path = environment[`${name}_FILE`];
    if (path === undefined || path === "") continue;
    try {
      return { name, text: readFileSync(path, "utf8").trim() };
    } catch (error) {
      problems.push(`${name}_FILE=${path}: cannot be read (${(error as Error).message})`);
    }
  }
  return undefined;
}

function describe(
  declared: Setting<unknown>,
  name: string,
  text: string,
  error: z.ZodError,
): string {
  const shown = declared.secret ? "***" : text.replace(/\/\/[^/@\s]*@/, "//***@");
  const wanted = error.issues.map((issue) => issue.message).join("; ");
  return `${name}=${shown}: ${wanted}`;
}
