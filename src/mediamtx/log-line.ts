import { z } from "zod";

/** One line of MediaMTX's structured log, in our levels. */
export interface ServerLogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
}

const structured = z.object({ level: z.string(), message: z.string() });
const levels: Record<string, ServerLogLine["level"]> = {
  DEB: "debug",
  INF: "info",
  WAR: "warn",
  ERR: "error",
};

/**
 * Reads one line that MediaMTX printed. Lines that are not structured (hooks print through its stdout,
 * a panic prints to stderr) pass as `info` resp. as they are; query values never pass, they hold keys.
 */
export function readLogLine(line: string): ServerLogLine {
  const parsed = structured.safeParse(parseJson(line));
  if (!parsed.success) return { level: "info", message: withoutSecrets(line) };
  return {
    level: levels[parsed.data.level] ?? "info",
    message: withoutSecrets(parsed.data.message),
  };
}

function withoutSecrets(message: string): string {
  return message.replace(/([?&][A-Za-z_-]+=)[^&\s'"]*/g, "$1***");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
