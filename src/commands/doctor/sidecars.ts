import { sidecarEngineSettings } from "../../config/sidecar-engine.ts";
import type { EdgeConfig } from "../../config/edge-config.ts";
import { readSettings } from "../../config/setting.ts";
import { configuredEndpoints, defaultStsUrl } from "../../config/worker-endpoints.ts";
import { claimAddress } from "../../mediamtx/listen-address.ts";
import { OwnSidecar } from "../../orchestrator/own-sidecar.ts";
import { executableCommand } from "../../process/self.ts";
import { parseEndpoint, type StsEndpoint } from "../../sts/endpoint.ts";
import { readHealth, unsupportedPair, type HealthReading } from "../../sts/health.ts";
import { createLogger } from "../../telemetry/log.ts";
import { quickCheckWeights } from "../../weights/check.ts";
import { modelsFolder } from "../../weights/store.ts";
import { bad, good, type Finding } from "./finding.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const healthWithinMs = 5000;
/** Loading and the self-test take seconds; the first run on a busy machine may take a minute. */
const ownWarmWithinMs = 180_000;
const askEveryMs = 500;

/** The configured sidecars, or one of our own started for the trial; each asked what it can do. */
export async function checkSidecars(
  config: EdgeConfig,
  environment: Environment,
  options: { readonly start: boolean },
): Promise<Finding[]> {
  const { values } = config;
  if (values.stsMode !== "enabled")
    return [good("sidecar", `not needed: WORKER_STS_MODE=${values.stsMode}, nothing is dubbed`)];
  const configured = configuredEndpoints(values);
  const command = configured.length > 0 ? undefined : executableCommand("livedub-sts", "livedub");
  if (command === undefined) {
    const list = configured.length > 0 ? configured : [{ url: defaultStsUrl }];
    const endpoints = list.map((one) => parseEndpoint(one, values.stsProtocol));
    const found = await Promise.all(
      endpoints.map(async (endpoint) =>
        judge(config, endpoint, await readHealth(endpoint, healthWithinMs)),
      ),
    );
    return found.flat();
  }
  const weights = await checkWeights(environment);
  if (!options.start) return [weights, good("sidecar", `${command.join(" ")} (not tried)`)];
  if (!weights.ok) return [weights];
  return [weights, ...(await tryOwnSidecar(config, command, environment))];
}

async function tryOwnSidecar(
  config: EdgeConfig,
  command: readonly string[],
  environment: Environment,
): Promise<Finding[]> {
  const died = Promise.withResolvers<HealthReading>();
  const own = new OwnSidecar({
    command,
    port: claimAddress("STS_PORT", { host: "127.0.0.1", port: 0 }).port,
    environment: { LOG_FORMAT: "text", ...environment, LOG_LEVEL: "error" },
    log: createLogger({ level: "silent", format: "json" }),
    childSpawned: () => {},
    childGone: () => died.resolve({ kind: "unreachable", detail: "it ended by itself" }),
  });
  own.start();
  try {
    const endpoint = parseEndpoint(own.endpoint, config.values.stsProtocol);
    const reading = await Promise.race([died.promise, warm(endpoint)]);
    return judge(
      config,
      { ...endpoint, shown: "livedub-sts (our own, started to try it)" },
      reading,
    );
  } finally {
    await own.close();
  }
}

/** Asks until the sidecar is warm, or the time is up. */
async function warm(endpoint: StsEndpoint): Promise<HealthReading> {
  const until = performance.now() + ownWarmWithinMs;
  for (;;) {
    const reading = await readHealth(endpoint, healthWithinMs);
    if (reading.kind === "ready" || performance.now() > until) return reading;
    await Bun.sleep(askEveryMs);
  }
}

function judge(config: EdgeConfig, endpoint: StsEndpoint, reading: HealthReading): Finding[] {
  const name = "sidecar";
  if (reading.kind === "unreachable")
    return [
      bad(
        name,
        `${endpoint.shown} cannot be reached: ${reading.detail}`,
        "start it (livedub-sts serve), or set WORKER_STS_SERVICE_URL; livedub-sts doctor tells what keeps it from starting",
      ),
    ];
  if (reading.kind === "starting")
    return [bad(name, `${endpoint.shown}: ${reading.detail}`, "wait until it is warm")];
  if (reading.kind === "unknown")
    return [
      good(name, `${endpoint.shown} answers, but does not tell what it serves (${reading.detail})`),
    ];
  if (reading.engine === "echo" || reading.engine === "tone")
    return [
      bad(
        name,
        `${endpoint.shown} is an ${reading.engine} sidecar: nothing is translated`,
        "point WORKER_STS_SERVICE_URL to a sidecar with STS_MODE=real",
      ),
    ];
  const engine = reading.engine === undefined ? "" : ` (${reading.engine})`;
  const warmLine = good(name, `${endpoint.shown} is warm${engine}`);
  return [warmLine, ...wantedPairs(config).map((pair) => judgePair(pair, reading))];
}

function judgePair(
  { source, target, streams }: WantedPair,
  reading: HealthReading & { kind: "ready" },
): Finding {
  const name = `${source} → ${target}`;
  const problem = unsupportedPair(reading.health, source, target);
  if (problem === undefined) return good(name, `is served (${streams.join(", ")})`);
  const [detail = problem, ...rest] = problem.split(". ");
  return bad(name, `${detail} (wanted for ${streams.join(", ")})`, rest.join(". "));
}

interface WantedPair {
  readonly source: string;
  readonly target: string;
  readonly streams: string[];
}

/** The pairs that the settings and each stream's section ask for. */
function wantedPairs({ values, streams }: EdgeConfig): WantedPair[] {
  const wanted = new Map<string, WantedPair>();
  const want = (stream: string, source: string, target: string) => {
    const key = `${source} ${target}`;
    const pair = wanted.get(key) ?? { source, target, streams: [] };
    pair.streams.push(stream);
    wanted.set(key, pair);
  };
  for (const target of values.targetLanguages) want("every stream", values.sourceLanguage, target);
  for (const [id, { source, target }] of streams)
    for (const one of target ?? values.targetLanguages)
      want(id, source ?? values.sourceLanguage, one);
  return [...wanted.values()];
}

async function checkWeights(environment: Environment): Promise<Finding> {
  const { modelsDir } = sidecarEngineSettings;
  const dir = modelsFolder({
    dir: readSettings({ modelsDir }, environment).modelsDir,
    env: environment,
  });
  const report = await quickCheckWeights(dir);
  const [first] = report.problems;
  if (first === undefined)
    return good("model weights", `${report.checkedFiles} files are right in ${dir}`);
  const more = report.problems.length > 1 ? ` (and ${report.problems.length - 1} more)` : "";
  return bad("model weights", `${first.message}${more}`, "run livedub-sts models pull");
}
