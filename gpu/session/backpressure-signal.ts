import type { BackpressureMessage } from "../../src/protocol/sts-events.ts";
import type { LoadPolicy, Severity } from "./load-policy.ts";

const actions = { low: "none", medium: "slow_down", high: "pause" } as const;
const recommendedDelayMs = { low: 0, medium: 500, high: 1000 } as const;

/** Says when the client must be told of a changed load: on change of severity only, and once when it is over. */
export class BackpressureSignal {
  #said: Severity;

  constructor(
    private readonly streamId: string,
    private readonly policy: LoadPolicy,
    private readonly maxInflight: number,
  ) {
    this.#said = policy.severity(0, maxInflight);
  }

  /** The message to send for this load; undefined when nothing changed. */
  update(inFlight: number, waiting: number): BackpressureMessage | undefined {
    const now = this.policy.severity(inFlight, this.maxInflight);
    if (now === this.#said) return undefined;
    this.#said = now;
    const severity = now === "idle" ? "low" : now;
    return {
      stream_id: this.streamId,
      severity,
      action: actions[severity],
      current_inflight: inFlight,
      max_inflight: this.maxInflight,
      queue_depth: waiting,
      threshold_exceeded: severity === "low" ? null : severity,
      recommended_delay_ms: recommendedDelayMs[severity],
    };
  }
}
