import type { Destination } from "../config/egress.ts";
import { BunChild } from "../process/bun-child.ts";
import type { ExitInfo } from "../process/exit.ts";
import { selfCommand } from "../process/self.ts";
import type { Logger } from "../telemetry/log.ts";
import { destinationLabel } from "./destination-label.ts";
import { egressReport, type EgressCommandMessage, type EgressReport } from "./egress-report.ts";
import { egressExitCodes } from "./exit-codes.ts";
import { moves, stateOfPhase, type EgressState } from "./lifecycle.ts";
import { RestartPolicy } from "./restart-policy.ts";

/** The settings of {@link egressSettings} that a forwarder and its process need. */
export interface EgressPolicySettings {
  readonly egressMaxDestinationFailures: number;
  readonly egressRetryBackoffMs: number;
  readonly egressInputGraceSeconds: number;
  readonly retryBaseDelayMs: number;
  readonly retryMaxDelayMs: number;
  readonly retryJitterMs: number;
  readonly retryMaxAttempts: number;
  readonly restartMaxPer10Min: number;
  readonly restartCooldownSeconds: number;
}

/** A forwarder as API, status page and metrics show it; holds no secret. */
export interface EgressSnapshot {
  readonly streamId: string;
  readonly runId: string;
  readonly instanceId: string;
  readonly destination: string;
  readonly destHost: string;
  readonly destApp: string;
  readonly state: EgressState;
  readonly pid: number | null;
  /** New processes after the first. */
  readonly restarts: number;
  /** Since the forwarder was made, over all its processes. */
  readonly bytesOut: number;
  readonly retries: Readonly<Record<string, number>>;
  readonly connectLatencyMs: EgressReport["connectLatencyMs"];
  readonly lastError: EgressReport["lastError"];
  readonly lastExitCode: number | null;
}

export interface EgressForwarderOptions {
  readonly streamId: string;
  readonly runId: string;
  readonly instanceId: string;
  readonly destination: Destination;
  /** Where `out` is read; may carry a secret in its query. */
  readonly inputUrl: string;
  readonly ffmpegPath: string;
  readonly settings: EgressPolicySettings;
  /** What the process inherits (PATH and the like); secrets of ours have no business there. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly onState: (snapshot: EgressSnapshot) => void;
  /** The process to run; our own hidden command unless told. */
  readonly command?: readonly string[];
}

/** One egress push: keeps a `livedub egress` process alive for one destination, by the policy of its exit codes. */
export class EgressForwarder implements AsyncDisposable {
  #state: EgressState = "idle";
  #child: BunChild<EgressReport, EgressCommandMessage> | undefined;
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  #policy: RestartPolicy;
  #restarts = -1;
  #report: EgressReport | undefined;
  #bytesOfEarlier = 0;
  #retriesOfEarlier: Record<string, number> = {};
  #lastExitCode: number | null = null;
  #closing = false;

  constructor(readonly options: EgressForwarderOptions) {
    const { settings } = options;
    this.#policy = new RestartPolicy({
      maxPer10Min: settings.restartMaxPer10Min,
      cooldownMs: settings.restartCooldownSeconds * 1000,
      backoffMs: settings.egressRetryBackoffMs,
    });
  }

  get state(): EgressState {
    return this.#state;
  }

  get snapshot(): EgressSnapshot {
    const { streamId, runId, instanceId, destination } = this.options;
    const report = this.#report;
    return {
      streamId,
      runId,
      instanceId,
      destination: destination.name,
      ...destinationLabel(destination.url),
      state: this.#state,
      pid: this.#child?.pid ?? null,
      restarts: Math.max(0, this.#restarts),
      bytesOut: this.#bytesOfEarlier + (report?.bytesOut ?? 0),
      retries: addCounts(this.#retriesOfEarlier, report?.retries ?? {}),
      connectLatencyMs: report?.connectLatencyMs ?? { input: null, output: null },
      lastError: report?.lastError ?? null,
      lastExitCode: this.#lastExitCode,
    };
  }

  /** Starts forwarding; call it when `out` exists. Safe to call twice. */
  start(): void {
    if (this.#state === "idle") this.#spawn();
  }

  /** Ends the process within 5 s and every wait with it. Safe to call twice. */
  async close(reason: string): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      const { streamId, destination } = this.options;
      this.options.logger.info(
        { streamId, destination: destination.name, reason },
        "egress closes",
      );
    }
    clearTimeout(this.#restartTimer);
    await this.#child?.stop();
    this.#enter("stopped");
  }

  /** Ends the process without asking; for a shutdown that must not wait. */
  kill(): void {
    this.#closing = true;
    clearTimeout(this.#restartTimer);
    this.#child?.signal("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close("disposed");
  }

  #spawn(): void {
    this.#restarts += 1;
    this.#enter("starting");
    try {
      this.#child = this.#startProcess();
    } catch (error) {
      const { streamId, destination, logger } = this.options;
      const fields = { streamId, destination: destination.name };
      logger.error(fields, `egress process could not be started: ${(error as Error).message}`);
      this.#ended({ code: egressExitCodes.internal, signal: null, byUs: false });
    }
  }

  #startProcess(): BunChild<EgressReport, EgressCommandMessage> {
    const { streamId, destination, command } = this.options;
    const child = new BunChild<EgressReport, EgressCommandMessage>({
      name: `egress ${streamId} ${destination.name}`,
      command: command ?? selfCommand("livedub", "egress", streamId, destination.name),
      env: { ...this.options.environment, ...this.#processEnvironment() },
      incoming: egressReport,
      onMessage: (report) => this.#follow(report),
    });
    void child.exited.then((exit) => this.#ended(exit));
    return child;
  }

  /** The contract's variables of an egress process. Its environment is readable by our own user only. */
  #processEnvironment(): Record<string, string> {
    const { streamId, runId, instanceId, destination, inputUrl, ffmpegPath, settings } =
      this.options;
    return {
      STREAM_ID: streamId,
      RUN_ID: runId,
      INSTANCE_ID: instanceId,
      EGRESS_ENABLED: "true",
      DEST_RTMP_URL: destination.url,
      EGRESS_INPUT_URL: inputUrl,
      FFMPEG_BIN: ffmpegPath,
      EGRESS_MAX_DESTINATION_FAILURES: String(settings.egressMaxDestinationFailures),
      INPUT_NOT_READY_GRACE_SECONDS: String(settings.egressInputGraceSeconds),
      RETRY_BASE_DELAY_MS: String(settings.retryBaseDelayMs),
      RETRY_MAX_DELAY_MS: String(settings.retryMaxDelayMs),
      RETRY_JITTER_MS: String(settings.retryJitterMs),
      RETRY_MAX_ATTEMPTS: String(settings.retryMaxAttempts),
    };
  }

  #follow(report: EgressReport): void {
    this.#report = report;
    const state = stateOfPhase(report.phase);
    if (state === undefined || state === this.#state) this.options.onState(this.snapshot);
    else this.#enter(state);
  }

  #ended(exit: ExitInfo): void {
    this.#bytesOfEarlier += this.#report?.bytesOut ?? 0;
    this.#retriesOfEarlier = addCounts(this.#retriesOfEarlier, this.#report?.retries ?? {});
    if (this.#report) this.#report = { ...this.#report, bytesOut: 0, retries: {} };
    this.#lastExitCode = exit.code;
    this.#child = undefined;
    if (this.#closing) return;
    const decision = this.#policy.decide(exit.code);
    const { streamId, destination, logger } = this.options;
    const fields = { streamId, destination: destination.name, exitCode: exit.code, ...decision };
    if (decision.action === "leave") return this.#enter("stopped");
    if (decision.action === "give-up") {
      logger.error(fields, "egress gave up: its configuration is wrong");
      return this.#enter("failed");
    }
    logger.warn(fields, "egress process ended, it will be restarted");
    this.#enter("cooldown");
    this.#restartTimer = setTimeout(() => this.#spawn(), decision.afterMs);
  }

  #enter(state: EgressState): void {
    if (!moves[this.#state].includes(state)) return;
    this.#state = state;
    this.options.onState(this.snapshot);
  }
}

function addCounts(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum = { ...a };
  for (const [key, count] of Object.entries(b)) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}
