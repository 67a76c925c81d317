import { z } from "zod";
import { bool, choice, text } from "./scalars.ts";
import { setting } from "./setting.ts";

/** `debug info warn error silent` in any case; `warning` is `warn`. */
const logLevel = z
  .string()
  .transform((value) => (value.trim().toLowerCase() === "warning" ? "warn" : value))
  .pipe(choice("debug", "info", "warn", "error", "silent"));

/** A name that ends in every log line; the contract allows 64 characters. */
const shortId = text.max(64, "must be at most 64 characters");

const logsGoToStdout =
  "logs go to standard output, where the service manager or container engine keeps them";

/** What every process of livedub reads (contract 7.1). */
export const commonSettings = {
  logLevel: setting({
    name: "LOG_LEVEL",
    scope: "common",
    schema: logLevel,
    default: "info",
    doc: "`debug`, `info`, `warn`, `error` or `silent`",
  }),
  logFormat: setting({
    name: "LOG_FORMAT",
    scope: "common",
    schema: choice("json", "text"),
    default: "json",
    doc: "`json` for machines, `text` for a person at a terminal",
  }),
  logStdout: setting({
    name: "LOG_STDOUT",
    scope: "common",
    schema: bool,
    default: "true",
    doc: "`false` silences the log",
  }),
  logDir: setting<string | undefined>({
    name: "LOG_DIR",
    scope: "common",
    schema: text,
    doc: "Folder of log files",
    ignored: logsGoToStdout,
  }),
  logFileBasename: setting<string | undefined>({
    name: "LOG_FILE_BASENAME",
    scope: "common",
    schema: text,
    doc: "Name of the log file",
    ignored: logsGoToStdout,
  }),
  runId: setting<string | undefined>({
    name: "RUN_ID",
    scope: "common",
    schema: shortId,
    doc: "Written as `runId` into every log line, at most 64 characters",
  }),
  instanceId: setting<string | undefined>({
    name: "INSTANCE_ID",
    scope: "common",
    schema: shortId,
    doc: "Written as `instanceId` into every log line, at most 64 characters",
  }),
};
