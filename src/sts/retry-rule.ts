import type { Entry } from "./attempts.ts";
import type { AttemptError, OutgoingFragment } from "./fragment.ts";

/** Failures that the contract lets a live client try once more (2.11). */
const liveRetries = new Set(["TIMEOUT", "MODEL_ERROR"]);
/** With pacing `file` there is time; a fragment is still not sent for ever. */
const fileTries = 4;
const fileFirstDelayMs = 1000;
/** A round trip before any has been seen. */
const firstGuessMs = 1000;
/** A session that holds answers lets them go this long before their air time; a piece sent later gets none. */
const heldLeadMs = 300;
/** Of a usual round trip, what must fit before the air time for a fragment to be worth sending. */
const worthwhileShare = 0.9;

/** Decides whether a fragment is worth sending, or sending again, by what round trips have been like. */
export class RetryRule {
  #typicalMs: number | undefined;

  constructor(
    private readonly pacing: "live" | "file",
    private readonly maxRetries: number,
  ) {}

  /** Takes the round trip of an answer, in time or late, into account. */
  observe(roundTripMs: number): void {
    this.#typicalMs =
      this.#typicalMs === undefined ? roundTripMs : 0.6 * this.#typicalMs + 0.4 * roundTripMs;
  }

  /**
   * True when a usual round trip will not fit before the fragment airs: sending it would only make the
   * next one late too, and an overloaded sidecar would be late with everything for ever. Each such
   * verdict fades the memory, so that the next fragments find out whether it has caught up.
   */
  hopeless({ airsAtMs, held }: OutgoingFragment, nowMs: number): boolean {
    if (this.pacing === "file" || airsAtMs === undefined) return false;
    if (held) return airsAtMs - nowMs < heldLeadMs; // a round trip is as long as the hold: it tells nothing
    if (this.#typicalMs === undefined) return false;
    if (airsAtMs - nowMs >= this.#typicalMs * worthwhileShare) return false;
    this.#typicalMs *= 0.8;
    return true;
  }

  /** @returns when to try again, or undefined when the fragment must fall back */
  decide(entry: Entry, failure: AttemptError, nowMs: number): { afterMs: number } | undefined {
    if (!failure.retryable) return undefined;
    if (this.pacing === "file") {
      if (entry.tries >= fileTries) return undefined;
      // A lost session is waited for by the transport; anything else gets time to heal.
      const lost = failure.reason === "disconnected";
      return { afterMs: lost ? 0 : fileFirstDelayMs * 2 ** (entry.tries - 1) };
    }
    const { airsAtMs, held } = entry.fragment;
    if (held) return undefined; // it was held as long as its time allowed
    if (!liveRetries.has(failure.code) || entry.tries > this.maxRetries) return undefined;
    if (airsAtMs === undefined) return undefined;
    return airsAtMs - nowMs >= (this.#typicalMs ?? firstGuessMs) ? { afterMs: 0 } : undefined;
  }
}
