import { egressExitCodes } from "./exit-codes.ts";

/** What is done about an egress process that ended. */
export type RestartDecision =
  | { readonly action: "leave" }
  /** Trying again cannot help until somebody changes the configuration. */
  | { readonly action: "give-up" }
  | { readonly action: "restart"; readonly afterMs: number; readonly cooldown: boolean };

export interface RestartLimits {
  readonly maxPer10Min: number;
  readonly cooldownMs: number;
  /** Delay of an ordinary restart. */
  readonly backoffMs: number;
}

const windowMs = 600_000;
/** A destination that refuses is asked again much more rarely than one that was out of reach. */
const refusedCooldowns = 5;

/** Decides by exit code (contract 6.4) and by how often the process was restarted in the last ten minutes. */
export class RestartPolicy {
  #restarts: number[] = [];

  /** @param now a monotonic clock in milliseconds */
  constructor(
    readonly limits: RestartLimits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param exitCode null when the process was killed by a signal */
  decide(exitCode: number | null): RestartDecision {
    const { maxPer10Min, cooldownMs, backoffMs } = this.limits;
    if (exitCode === egressExitCodes.stopped) return { action: "leave" };
    if (exitCode === egressExitCodes.configuration) return { action: "give-up" };
    if (exitCode === egressExitCodes.inputNotReady)
      return { action: "restart", afterMs: backoffMs, cooldown: false };
    if (exitCode === egressExitCodes.destinationRefuses)
      return { action: "restart", afterMs: refusedCooldowns * cooldownMs, cooldown: true };
    const now = this.now();
    this.#restarts = this.#restarts.filter((at) => now - at < windowMs);
    if (this.#restarts.length >= maxPer10Min)
      return { action: "restart", afterMs: cooldownMs, cooldown: true };
    this.#restarts.push(now);
    return { action: "restart", afterMs: backoffMs, cooldown: false };
  }
}
