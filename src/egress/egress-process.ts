import type { Logger } from "../telemetry/log.ts";
import { redactUrl } from "../telemetry/redact.ts";
import { Backoff } from "../process/backoff.ts";
import { destinationLabel } from "./destination-label.ts";
import type { EgressPhase, EgressReport } from "./egress-report.ts";
import { egressExitCodes, type EgressExitCode } from "./exit-codes.ts";
import { exitCodeOf, type ForwardFailure } from "./failure.ts";
import { forwardOnce, type ForwardProgress, type ForwardResult } from "./forward-run.ts";

export interface EgressProcessOptions {
  readonly inputUrl: string;
  readonly destinationUrl: string;
  readonly ffmpegPath: string;
  readonly inputGraceMs: number;
  readonly retryBaseDelayMs: number;
  readonly retryMaxDelayMs: number;
  readonly retryJitterMs: number;
  /** 0 = no limit. */
  readonly retryMaxAttempts: number;
  /** Failures of the destination in a row after which this process gives up. */
  readonly maxDestinationFailures: number;
  readonly logger: Logger;
  readonly onReport: (report: EgressReport) => void;
  /** Asks the process to stop: it settles with exit code 0. */
  readonly signal: AbortSignal;
}

/** A destination that took bytes for this long has accepted us: earlier failures are forgotten. */
const acceptedAfterMs = 10_000;
/** The dubbed feed is on our own machine: asking again soon costs little. */
const inputRetryCapMs = 2000;

/**
 * Forwards one feed to one destination until asked to stop, or until trying again here makes no sense.
 * @returns the exit code of contract 6.4
 */
export async function runEgressProcess(options: EgressProcessOptions): Promise<EgressExitCode> {
  return new EgressProcess(options).run();
}

class EgressProcess {
  #attempt = 0;
  #destinationFailures = 0;
  /** The last rejection by an SRT destination that has accepted nothing since. */
  #rejection: ForwardFailure | undefined;
  #inputMissingSince: number | undefined;
  #bytesBefore = 0;
  #bytesOfRun = 0;
  #phase: EgressPhase = "input-connecting";
  #latency: EgressReport["connectLatencyMs"] = { input: null, output: null };
  #retries: Record<string, number> = {};
  #lastError: EgressReport["lastError"] = null;
  #backoff: Backoff;
  #shown: { inputUrl: string; destHost: string; destApp: string };

  constructor(readonly options: EgressProcessOptions) {
    this.#backoff = new Backoff({
      firstMs: options.retryBaseDelayMs,
      capMs: options.retryMaxDelayMs,
    });
    this.#shown = {
      inputUrl: redactUrl(options.inputUrl),
      ...destinationLabel(options.destinationUrl),
    };
  }

  async run(): Promise<EgressExitCode> {
    this.#log("info", "egress.starting");
    for (;;) {
      this.#attempt += 1;
      this.#enter("input-connecting");
      this.#log("info", "egress.input.connecting");
      const result = await forwardOnce({
        ...this.options,
        onProgress: (progress) => this.#follow(progress),
      });
      this.#bytesBefore += result.bytesOut;
      this.#bytesOfRun = 0;
      if (result.forwardedMs > 0)
        this.#log("info", "egress.forwarding.stopped", { forwardedMs: result.forwardedMs });
      if (result.failure === "stopped") return this.#exit(egressExitCodes.stopped);
      const verdict = this.#judge(result, result.failure);
      if (verdict !== "retry") return this.#exit(verdict);
      await this.#waitToRetry(result.failure);
      if (this.options.signal.aborted) return this.#exit(egressExitCodes.stopped);
    }
  }

  #follow(progress: ForwardProgress): void {
    if (progress.type === "input-connected") {
      this.#inputMissingSince = undefined;
      this.#latency = { ...this.#latency, input: progress.latencyMs };
      this.#log("info", "egress.input.connected", { latencyMs: progress.latencyMs });
      this.#log("info", "egress.output.connecting");
      this.#enter("output-connecting");
    } else if (progress.type === "output-connected") {
      this.#latency = { ...this.#latency, output: progress.latencyMs };
      this.#log("info", "egress.output.connected", { latencyMs: progress.latencyMs });
    } else if (progress.type === "forwarding") {
      this.#log("info", "egress.forwarding.started");
      this.#enter("forwarding");
    } else {
      this.#bytesOfRun = progress.bytesOut;
      this.#report();
    }
  }

  /** Counts the failure and decides: try again here, or end with an exit code. */
  #judge(result: ForwardResult, seen: ForwardFailure): EgressExitCode | "retry" {
    const { inputGraceMs, maxDestinationFailures, retryMaxAttempts } = this.options;
    const failure = this.#recallRejection(result, seen);
    const now = performance.now();
    const { kind, message } = failure;
    this.#lastError = { kind, message, code: exitCodeOf[failure.side] };
    this.#retries[failure.kind] = (this.#retries[failure.kind] ?? 0) + 1;
    if (result.forwardedMs >= acceptedAfterMs) {
      this.#destinationFailures = 0;
      this.#backoff.reset();
    }
    if (failure.side === "input") {
      this.#inputMissingSince ??= now;
      if (now - this.#inputMissingSince >= inputGraceMs) return exitCodeOf.input;
    } else {
      this.#destinationFailures += 1;
      if (this.#destinationFailures >= maxDestinationFailures) return exitCodeOf[failure.side];
    }
    if (retryMaxAttempts > 0 && this.#attempt >= retryMaxAttempts) return exitCodeOf[failure.side];
    return "retry";
  }

  /**
   * FFmpeg may end before libsrt has printed why it was rejected, and then the failure looks like a lost
   * connection: until the destination accepts something, what an earlier try was told still stands.
   */
  #recallRejection(result: ForwardResult, failure: ForwardFailure): ForwardFailure {
    if (failure.kind === "srt_rejected") this.#rejection = failure;
    else if (result.forwardedMs > 0) this.#rejection = undefined;
    return failure.kind === "srt_connect" ? (this.#rejection ?? failure) : failure;
  }

  async #waitToRetry(failure: ForwardFailure): Promise<void> {
    const { retryJitterMs, inputGraceMs } = this.options;
    let delayMs = this.#backoff.next() + Math.round(Math.random() * retryJitterMs);
    if (failure.side === "input" && this.#inputMissingSince !== undefined) {
      const graceLeftMs = this.#inputMissingSince + inputGraceMs - performance.now();
      delayMs = Math.max(0, Math.min(delayMs, inputRetryCapMs, Math.ceil(graceLeftMs)));
    }
    this.#enter("retrying");
    this.#log("warn", "egress.retry.scheduled", { delayMs, error: this.#lastError });
    await abortableDelay(delayMs, this.options.signal);
  }

  #exit(code: EgressExitCode): EgressExitCode {
    this.#enter("stopping");
    const asked = code === egressExitCodes.stopped;
    this.#log(asked ? "info" : "error", "egress.exit", {
      exitCode: code,
      ...(asked ? {} : { error: this.#lastError }),
    });
    return code;
  }

  #enter(phase: EgressPhase): void {
    this.#phase = phase;
    this.#report();
  }

  #report(): void {
    this.options.onReport({
      type: "status",
      phase: this.#phase,
      attempt: this.#attempt,
      bytesOut: this.#bytesBefore + this.#bytesOfRun,
      connectLatencyMs: this.#latency,
      retries: { ...this.#retries },
      lastError: this.#lastError,
    });
  }

  #log(level: "info" | "warn" | "error", event: string, fields: object = {}): void {
    const shown = { event, attempt: this.#attempt, ...this.#shown, ...fields };
    this.options.logger[level](shown, event);
  }
}

async function abortableDelay(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
