import type { LoadThreshold } from "../../src/config/sidecar-providers.ts";

/** How loaded a session is; `idle` lies below the first threshold, where nothing is said. */
export type Severity = "idle" | "low" | "medium" | "high";

export interface LoadThresholds {
  readonly low?: LoadThreshold | undefined;
  readonly medium?: LoadThreshold | undefined;
  readonly high?: LoadThreshold | undefined;
  readonly critical?: LoadThreshold | undefined;
}

/** Decides from fragments in flight how much a client is asked to slow down, and when it is refused. */
export interface LoadPolicy {
  severity(inFlight: number, maxInflight: number): Severity;
  /** In flight beyond which a fragment is refused; undefined = never. */
  refuseAbove(maxInflight: number): number | undefined;
}

const severities = ["low", "medium", "high"] as const;

/**
 * Thresholds by contract 2.8. As a count, a threshold is the most fragments with which its severity
 * still holds; as a ratio, it is the share of `max_inflight` from which its severity holds.
 * What is not given follows the original documents: medium above `max_inflight`, high above twice it,
 * refused above the larger of 10 and three times it.
 */
export class RealLoadPolicy implements LoadPolicy {
  constructor(private readonly thresholds: LoadThresholds = {}) {}

  severity(inFlight: number, maxInflight: number): Severity {
    const { low, medium, high } = this.thresholds;
    const upTo = (given: LoadThreshold | undefined, fallback: number) =>
      given?.kind === "count" ? given.value : fallback;
    const from = (given: LoadThreshold | undefined) =>
      given?.kind === "ratio" ? inFlight >= given.value * maxInflight : undefined;
    const isHigh = from(high) ?? inFlight > upTo(medium, 2 * maxInflight);
    if (isHigh) return "high";
    const isMedium = from(medium) ?? inFlight > upTo(low, maxInflight);
    return isMedium ? "medium" : "low";
  }

  refuseAbove(maxInflight: number): number {
    const limit = this.thresholds.critical ?? this.thresholds.high;
    if (limit === undefined) return Math.max(10, 3 * maxInflight);
    return limit.kind === "count" ? limit.value : Math.ceil(limit.value * maxInflight);
  }
}

const echoRatios = { low: 0.5, medium: 0.7, high: 0.9 } as const;

/** Shares of `max_inflight` as the released echo server has them; says nothing below the first, refuses nothing. */
export class EchoLoadPolicy implements LoadPolicy {
  constructor(private readonly thresholds: LoadThresholds = {}) {}

  severity(inFlight: number, maxInflight: number): Severity {
    let reached: Severity = "idle";
    for (const name of severities) {
      const given = this.thresholds[name];
      const least =
        given?.kind === "count" ? given.value : (given?.value ?? echoRatios[name]) * maxInflight;
      if (inFlight >= least) reached = name;
    }
    return reached;
  }

  refuseAbove(): undefined {
    return undefined;
  }
}

/** Work that would end this far past its deadlines: optional work is to be left out, or nothing more sent. */
const lagOfSlowDownMs = 1000;
const lagOfPauseMs = 4000;
/** A client that sends beyond its credit is refused past this many. */
const creditSlack = 8;

/** Of sessions that hold their answers: how many are held says nothing, how far the models lag does. */
export class LagLoadPolicy implements LoadPolicy {
  constructor(private readonly lagMs: () => number) {}

  severity(): Severity {
    const lagMs = this.lagMs();
    if (lagMs >= lagOfPauseMs) return "high";
    return lagMs >= lagOfSlowDownMs ? "medium" : "low";
  }

  refuseAbove(maxInflight: number): number {
    return maxInflight + creditSlack;
  }
}

/** Says nothing: echo mode without `BACKPRESSURE_ENABLED`. */
export const silentLoadPolicy: LoadPolicy = {
  severity: () => "idle",
  refuseAbove: () => undefined,
};
