import { existsSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "citty";
import { commonSettings } from "../config/common.ts";
import { assertEdgeRules, loadEdgeConfig, type EdgeConfig } from "../config/edge-config.ts";
import { ConfigError, readSettings } from "../config/setting.ts";
import { statusPage } from "../console/status-page.ts";
import { chooseNet, type FoundNet, type NetWish } from "../separation/choose-net.ts";
import { extractEmbedded, ExtractionError } from "../media/embedded.ts";
import { FfmpegNotFoundError, type ResolvedFfmpeg, resolveFfmpeg } from "../media/ffmpeg-binary.ts";
import { MediaMtxMissingError, resolveMediaMtx } from "../mediamtx/binary.ts";
import { formatAddress, outwardHost, PortTakenError } from "../mediamtx/listen-address.ts";
import { StateDirectoryError } from "../orchestrator/state-dir.ts";
import { ChildStartError } from "../process/exit.ts";
import { Appliance } from "../server/appliance.ts";
import { furtherPublishUrls, watchBases } from "../server/appliance-snapshot.ts";
import { isExternal } from "../server/listeners.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { modelsDir } from "../weights/cache-paths.ts";

/** The sum of all bounded steps of stopping is below this; what is then still there is killed. */
const closeWithinMs = 25_000;

/** Runs the appliance until it is told to stop. */
export const serveCommand = defineCommand({
  meta: { name: "serve", description: "Run the appliance: live feeds in, dubbed feeds out" },
  args: {
    config: { type: "string", description: "Configuration file (LIVEDUB_CONFIG)" },
    target: { type: "string", description: "Language to dub into (WORKER_TARGET_LANG)" },
    sts: { type: "string", description: "URL of the sidecar (WORKER_STS_SERVICE_URL)" },
  },
  async run({ args }) {
    const code = await serve({
      ...(args.config ? { LIVEDUB_CONFIG: args.config } : {}),
      ...(args.target ? { WORKER_TARGET_LANG: args.target } : {}),
      ...(args.sts ? { WORKER_STS_SERVICE_URL: args.sts } : {}),
    });
    process.exit(code);
  },
});

/** Opens the appliance, waits for a signal, closes it. @returns the exit code */
async function serve(overrides: Record<string, string>): Promise<number> {
  // Heard from the first moment: a signal during the start ends the start.
  const stop = Promise.withResolvers<NodeJS.Signals>();
  let signals = 0;
  let appliance: Appliance | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    signals += 1;
    if (signals === 1) return stop.resolve(signal);
    appliance?.kill();
    process.exit(130);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  try {
    const config = loadEdgeConfig(process.env, overrides);
    assertEdgeRules(config);
    const { log, format } = openLog();
    appliance = await openAppliance(config, log, format);
    announce(appliance, config, log);
    const signal = await stop.promise;
    log.info({ event: "serve.stopping", signal }, "stopping");
    await closeWithin(appliance, log);
    log.info({ event: "serve.stopped" }, "stopped");
    return 0;
  } catch (error) {
    process.stderr.write(`livedub serve: ${explain(error)}\n`);
    return 1;
  }
}

/** The log, and the format that our children are to use as well. */
function openLog(): { log: Logger; format: "json" | "text" } {
  const settings = readSettings(commonSettings, process.env);
  const { logLevel, logStdout, runId, instanceId } = settings;
  const explicit = (process.env["LOG_FORMAT"] ?? "") !== "";
  const format = !explicit && process.stdout.isTTY ? "text" : settings.logFormat;
  const log = createLogger({
    level: logStdout ? logLevel : "silent",
    format,
    fields: {
      component: "serve",
      ...(runId === undefined ? {} : { runId }),
      ...(instanceId === undefined ? {} : { instanceId }),
    },
  });
  return { log, format };
}

async function openAppliance(
  config: EdgeConfig,
  log: Logger,
  logFormat: "json" | "text",
): Promise<Appliance> {
  for (const warning of config.warnings) log.warn({ event: "config" }, warning);
  const environment = {
    ...process.env,
    LOG_FORMAT: logFormat,
    ...(config.values.ffmpegBin ? { FFMPEG_BIN: config.values.ffmpegBin } : {}),
    ...(config.values.mediamtxBin ? { MEDIAMTX_BIN: config.values.mediamtxBin } : {}),
    ...(config.values.cacheDir ? { LIVEDUB_CACHE_DIR: config.values.cacheDir } : {}),
  };
  const [ffmpeg, mediaMtx] = await Promise.all([
    resolveFfmpeg(environment, () => extractEmbedded("ffmpeg", environment)),
    isExternal(config.values)
      ? undefined
      : resolveMediaMtx({ environment, embedded: () => extractEmbedded("mediamtx", environment) }),
  ]);
  log.info(
    { event: "programs", ffmpeg: ffmpeg.path, mediamtx: mediaMtx?.path },
    `FFmpeg ${ffmpeg.version} (${ffmpeg.source}), ` +
      `MediaMTX (${mediaMtx?.source ?? `external, ${config.values.mediamtxHost}`})`,
  );
  return Appliance.open({
    config: withJointOutput(config, ffmpeg, log),
    environment,
    log,
    ffmpegPath: ffmpeg.path,
    mediaMtxPath: mediaMtx?.path,
    vadModelPath: await findVadModel(environment, log),
    separation: await findSeparation(config.values.separation, environment, log),
    statusPage: (view) => statusPage(view),
  });
}

/** An FFmpeg that pushes one sound track alone costs the output that has them all, and nothing else. */
function withJointOutput(
  config: EdgeConfig,
  { version, isMultitrack }: Pick<ResolvedFfmpeg, "version" | "isMultitrack">,
  log: Logger,
): EdgeConfig {
  if (isMultitrack || !config.values.jointOutput) return config;
  const text = `FFmpeg ${version} pushes one sound track alone: no stream has live/<stream>/out_mul`;
  log.info({ event: "output.not-joint" }, text);
  return { ...config, values: { ...config.values, jointOutput: false } };
}

/** The gate's weights are optional: without them everything is sent to the sidecar. */
async function findVadModel(
  environment: Readonly<Record<string, string | undefined>>,
  log: Logger,
): Promise<string | undefined> {
  const folder = environment["LIVEDUB_MODELS_DIR"] || modelsDir(environment);
  const path = join(folder, "vad", "silero-v6", "silero_vad_v6.onnx");
  if (existsSync(path)) return path;
  const inside = await extractEmbedded("silero_vad_v6.onnx", environment);
  if (inside !== undefined) return inside;
  log.warn(
    { event: "vad.absent" },
    "no weights for voice activity detection: silence is sent to the sidecar too (run livedub-sts models pull)",
  );
  return undefined;
}

/** @throws {MissingNetError} when a net is asked for by name and is not there */
async function findSeparation(
  wish: NetWish,
  environment: Readonly<Record<string, string | undefined>>,
  log: Logger,
): Promise<FoundNet | undefined> {
  const found = await chooseNet(wish, environment);
  const what = found === undefined ? "none: dubs lie over the ducked original" : found.net;
  log.info({ event: "separation.net", net: found?.net ?? null }, `separation: ${what}`);
  return found;
}

/** For the person at the terminal; a service's log has the same in its own form. */
function announce(appliance: Appliance, config: EdgeConfig, log: Logger): void {
  const bases = watchBases(appliance.listeners);
  const { host, port } = appliance.httpAddress;
  const page = formatAddress({ host: outwardHost({ host, port }), port });
  const further = furtherPublishUrls(appliance.listeners);
  const addresses = { ...bases, ...further, http: `http://${page}` };
  log.info({ event: "serve.ready", ...addresses }, `encoders may publish to ${bases.rtmp}`);
  if (!process.stdout.isTTY) return;
  const key = config.values.publishKeys === undefined ? "" : "?key=YOUR_KEY";
  process.stdout.write(
    [
      "",
      `  publish   ${bases.rtmp}/live/STREAM/in${key}   (OBS: server ${bases.rtmp}/live/STREAM, key in${key})`,
      ...Object.values(further).map((url) => `            ${url}${keyIn(url, key)}`),
      `  watch     ${bases.rtmp}/live/STREAM/out`,
      `            ${bases.hls}/live/STREAM/out/`,
      `  status    http://${page}/`,
      "",
      "  Ctrl-C stops everything.",
      "",
    ].join("\n"),
  );
}

async function closeWithin(appliance: Appliance, log: Logger): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, closeWithinMs, "late");
  });
  if ((await Promise.race([appliance.close(), late])) === "late") {
    log.error({ event: "serve.stop-late" }, "stopping took too long: what is left is killed");
    appliance.kill();
  }
  clearTimeout(timer);
}

/** Faults of the configuration or the machine are told in their own words, everything else with its origin. */
function explain(error: unknown): string {
  const known =
    error instanceof ConfigError ||
    error instanceof PortTakenError ||
    error instanceof ExtractionError ||
    error instanceof FfmpegNotFoundError ||
    error instanceof MediaMtxMissingError ||
    error instanceof StateDirectoryError ||
    error instanceof ChildStartError;
  if (known) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** An SRT stream id has its own form for what follows the path. */
function keyIn(url: string, key: string): string {
  return url.startsWith("srt:") ? key.replace("?", ":") : key;
}
