import { defineCommand } from "citty";
import { egressProcessSettings } from "../config/egress.ts";
import { ConfigError, readSettings } from "../config/setting.ts";
import { runEgressProcess } from "../egress/egress-process.ts";
import { egressCommandMessage, type EgressReport } from "../egress/egress-report.ts";
import { egressExitCodes } from "../egress/exit-codes.ts";
import { extractEmbedded } from "../media/embedded.ts";
import { resolveFfmpeg } from "../media/ffmpeg-binary.ts";
import { createLogger } from "../telemetry/log.ts";
import { ParentChannel } from "../process/parent-channel.ts";

/** Hidden: forwards one stream's `out` to one destination; started by `serve`, configured by its environment. */
export const egressCommand = defineCommand({
  meta: { name: "egress", description: "Forward one stream to one destination", hidden: true },
  args: {
    stream: { type: "positional", required: false, description: "stream id" },
    destination: { type: "positional", required: false, description: "destination name" },
  },
  async run({ args }) {
    process.exitCode = await runFromEnvironment(args.stream, args.destination);
    process.exit();
  },
});

/** Reads the environment, wires signals and the supervisor's channel, and runs to an exit code. */
async function runFromEnvironment(
  stream: string | undefined,
  destinationName: string | undefined,
): Promise<number> {
  let settings;
  try {
    settings = readSettings(egressProcessSettings, process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) process.stderr.write(`${problem}\n`);
    return egressExitCodes.configuration;
  }
  const streamId = settings.streamId ?? stream;
  const logger = createLogger({
    level: settings.logStdout ? settings.logLevel : "silent",
    format: settings.logFormat,
    fields: {
      service: "egress-forwarder",
      component: "egress",
      ...(streamId === undefined ? {} : { streamId }),
      ...(settings.runId === undefined ? {} : { runId: settings.runId }),
      ...(settings.instanceId === undefined ? {} : { instanceId: settings.instanceId }),
      ...(destinationName === undefined ? {} : { destination: destinationName }),
    },
  });
  if (settings.enabled !== true) {
    logger.info({ event: "egress.disabled" }, "egress.disabled");
    return egressExitCodes.stopped;
  }
  const base = settings.inputBaseUrl ?? "rtmp://127.0.0.1:1935";
  const inputUrl = settings.inputUrl ?? `${base.replace(/\/+$/, "")}/live/${streamId}/out`;
  const missing = [
    ...(streamId === undefined ? ["STREAM_ID"] : []),
    ...(settings.runId === undefined ? ["RUN_ID"] : []),
    ...(settings.instanceId === undefined ? ["INSTANCE_ID"] : []),
    ...(settings.destinationUrl === undefined ? ["DEST_RTMP_URL"] : []),
  ];
  if (missing.length > 0 || settings.destinationUrl === undefined) {
    const message = `${missing.join(", ")} must be set`;
    const error = { kind: "configuration", message };
    logger.error({ event: "egress.exit", exitCode: 10, error }, "egress.exit");
    return egressExitCodes.configuration;
  }
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  return runEgressProcess({
    ...settings,
    inputUrl,
    destinationUrl: settings.destinationUrl,
    ffmpegPath: await findFfmpeg(),
    inputGraceMs: settings.inputGraceSeconds * 1000,
    logger,
    signal: stopping.signal,
    onReport: reporter(stop),
  });
}

/** `serve` names the FFmpeg that it has tested; by hand the usual search finds one. */
async function findFfmpeg(): Promise<string> {
  const named = process.env["FFMPEG_BIN"];
  if (named) return named;
  const embedded = () => extractEmbedded("ffmpeg", process.env);
  return (await resolveFfmpeg(process.env, embedded)).path;
}

/** Reports go to the supervisor, when there is one; by hand the log has to do. */
function reporter(stop: () => void): (report: EgressReport) => void {
  if (process.send === undefined) return () => {};
  const channel = new ParentChannel<{ type: "stop" }, EgressReport>({
    incoming: egressCommandMessage,
    onMessage: stop,
    onOrphaned: stop,
  });
  return (report) => void channel.send(report);
}
