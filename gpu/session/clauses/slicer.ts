import type { Pacing } from "./work.ts";

/** An answer leaves this long before its first sample airs. */
export const answerLeadMs = 300;
/** An answer that is ready is still good when the event loop was this late. */
const timerSlackMs = 50;

/**
 * When a fragment's answer must leave, on the caller's monotonic clock; Infinity for never.
 *
 * @param deadlineMs `deadline_ms` of the fragment, absent when the client sends none
 * @param timeoutMs the session's `timeout_ms`
 */
export function answerBy(
  pacing: Pacing,
  receivedAtMs: number,
  deadlineMs: number | undefined,
  timeoutMs: number,
): number {
  if (pacing === "file") return Number.POSITIVE_INFINITY;
  if (pacing === "live" && deadlineMs !== undefined)
    return receivedAtMs + Math.max(0, deadlineMs - answerLeadMs);
  return receivedAtMs + timeoutMs;
}

export interface HeldFragment {
  readonly fragmentId: string;
  readonly sequence: number;
  /** Track time, ms. */
  readonly startMs: number;
  readonly endMs: number;
  readonly receivedAtMs: number;
  readonly answerByMs: number;
}

/**
 * `ready`: all that may sound in it is settled. `late`: it must leave, and something of the dub is in it or announced
 * for it; what is there goes out, so that no word is cut. `missed`: it must leave and nothing is known: `failed`,
 * `TIMEOUT`. `hole`: its number never came.
 */
export type Verdict =
  | { readonly kind: "ready" | "late" | "missed"; readonly fragment: HeldFragment; heldMs: number }
  | { readonly kind: "hole"; readonly sequence: number };

export interface SlicerOptions {
  /** A missing number is given up after this, where no deadline says so earlier. */
  readonly holeTimeoutMs: number;
  /** Fragments held at most. */
  readonly capacity?: number;
}

export interface SlicerKnowledge {
  readonly nowMs: number;
  /** Track time before which no dub will change any more, over all languages. */
  readonly finalUntilMs: number;
  /**
   * Track time from which a clause sounds that is placed in part, and of which nothing was told: what lies there waits
   * for the rest of it as long as it may. Infinity when there is none.
   */
  readonly growingFromMs: number;
  /** True when placed dub sounds in the fragment, or a clause announced as late belongs to it. */
  readonly carriesDub: (fragment: HeldFragment) => boolean;
}

/**
 * Says which fragment is answered when: strictly in the order of their numbers, each as soon as it is final and at
 * the latest at its own deadline. Pure: the clock is a parameter, {@link nextWakeMs} says when to ask again.
 */
export class FragmentSlicer {
  #held = new Map<number, HeldFragment>();
  #next = 0;
  #holeSeenAtMs: number | undefined;
  #previous: { answerByMs: number; durationMs: number } | undefined;
  #answeredUntilMs = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(private readonly options: SlicerOptions) {}

  get heldCount(): number {
    return this.#held.size;
  }

  get nextSequence(): number {
    return this.#next;
  }

  /** Track time up to which fragments are answered: dub can be placed only after it. */
  get answeredUntilMs(): number {
    return this.#answeredUntilMs;
  }

  /** @returns `stale`: its number was answered or given up; `repeated`: it is held already */
  accept(fragment: HeldFragment): "accepted" | "repeated" | "stale" | "full" {
    if (fragment.sequence < this.#next) return "stale";
    if (this.#held.has(fragment.sequence)) return "repeated";
    if (this.#held.size >= (this.options.capacity ?? 192)) return "full";
    this.#held.set(fragment.sequence, fragment);
    return "accepted";
  }

  /** No more fragments will come: missing numbers are not waited for. */
  end(): void {
    this.#ended = true;
  }

  /** Everything that may leave now, in order. */
  advance(knowledge: SlicerKnowledge): Verdict[] {
    const verdicts: Verdict[] = [];
    for (;;) {
      const head = this.#held.get(this.#next);
      const verdict = head ? judge(head, knowledge) : this.#judgeHole(knowledge.nowMs);
      if (!verdict) return verdicts;
      verdicts.push(verdict);
      this.#passed(head);
    }
  }

  /** When `advance` may say more although nothing else happens; undefined when nothing waits for the clock. */
  nextWakeMs(): number | undefined {
    const head = this.#held.get(this.#next);
    const atMs = head ? head.answerByMs : this.#holeUntilMs();
    return atMs !== undefined && Number.isFinite(atMs) ? atMs : undefined;
  }

  #judgeHole(nowMs: number): Verdict | undefined {
    if (this.#held.size === 0) return undefined;
    this.#holeSeenAtMs ??= nowMs;
    const untilMs = this.#holeUntilMs() ?? nowMs;
    if (!this.#ended && nowMs < untilMs) return undefined;
    return { kind: "hole", sequence: this.#next };
  }

  /**
   * A hole's own deadline: one fragment after the one before it. It never costs the fragments behind it theirs,
   * and where there are no deadlines it lasts for the timeout.
   */
  #holeUntilMs(): number | undefined {
    if (this.#held.size === 0 || this.#holeSeenAtMs === undefined) return undefined;
    const behind = Math.min(...[...this.#held.values()].map((one) => one.answerByMs));
    return Math.min(this.#holeOwnMs(), behind, this.#holeSeenAtMs + this.options.holeTimeoutMs);
  }

  #holeOwnMs(): number {
    const previous = this.#previous;
    return previous ? previous.answerByMs + previous.durationMs : Number.POSITIVE_INFINITY;
  }

  #passed(head: HeldFragment | undefined): void {
    if (head) {
      this.#held.delete(head.sequence);
      this.#answeredUntilMs = Math.max(this.#answeredUntilMs, head.endMs);
      const durationMs = head.endMs - head.startMs;
      this.#previous = { answerByMs: head.answerByMs, durationMs };
    } else if (this.#previous) {
      const { durationMs } = this.#previous;
      this.#previous = { answerByMs: this.#holeOwnMs(), durationMs };
    }
    // A run of missing numbers has been missing since its first one was.
    if (this.#held.has(this.#next + 1)) this.#holeSeenAtMs = undefined;
    this.#next++;
  }
}

function judge(fragment: HeldFragment, knowledge: SlicerKnowledge): Verdict | undefined {
  const { nowMs, finalUntilMs, growingFromMs } = knowledge;
  const heldMs = Math.max(0, nowMs - fragment.receivedAtMs);
  const final = fragment.endMs <= finalUntilMs;
  if (fragment.endMs > growingFromMs && nowMs < fragment.answerByMs) return undefined;
  if (final && nowMs <= fragment.answerByMs + timerSlackMs)
    return { kind: "ready", fragment, heldMs };
  if (nowMs < fragment.answerByMs) return undefined;
  return { kind: knowledge.carriesDub(fragment) ? "late" : "missed", fragment, heldMs };
}
