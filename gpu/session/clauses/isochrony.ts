import type { Silence } from "./words.ts";

export interface IsochronyLimits {
  /** Slowest and fastest speech that still sounds like speech. */
  readonly slowestTempo: number;
  readonly fastestTempo: number;
  /** Faster than this only when the next clause would otherwise start noticeably late. */
  readonly comfortableTempo: number;
  /** A dub may run this far past its slot before more tempo is worth it: the next one still starts about on time. */
  readonly toleratedOverrunMs: number;
  /**
   * Now and then so far: one late start is less noticed than a hurried sentence. In a stretch that is denser than the
   * voice can say it would gain nothing, and every clause would be late.
   */
  readonly rareOverrunMs: number;
  /** Starts this late are noticed; after one, so many clauses do without the rare overrun. */
  readonly noticedLateMs: number;
  readonly rareAfterClauses: number;
  /** Later than this a clause is dropped whole: it would be heard over other pictures. */
  readonly latestMs: number;
  /** Least silence between two clauses of a dub. */
  readonly breathMs: number;
}

export const defaultIsochronyLimits: IsochronyLimits = {
  slowestTempo: 0.85,
  fastestTempo: 1.3,
  comfortableTempo: 1.2,
  toleratedOverrunMs: 260,
  rareOverrunMs: 450,
  noticedLateMs: 300,
  rareAfterClauses: 20,
  latestMs: 1500,
  breathMs: 40,
};

/** The dub track of one language between clauses. */
export interface DubState {
  /** Session time from which the track is free, ms. */
  readonly freeAtMs: number;
  /** How late the last clause started; 0 when it was on time. */
  readonly lateMs: number;
  /** Clauses placed since the last one whose start was noticeably late. */
  readonly punctual: number;
  readonly placed: number;
  readonly late: number;
  readonly dropped: number;
}

export const emptyDub: DubState = {
  freeAtMs: Number.NEGATIVE_INFINITY,
  lateMs: 0,
  punctual: Number.POSITIVE_INFINITY,
  placed: 0,
  late: 0,
  dropped: 0,
};

/** A clause that has been, or is about to be, synthesised. Session time, ms. */
export interface SlotRequest {
  readonly startMs: number;
  readonly endMs: number;
  /** {@link pauseAfter} */
  readonly pauseAfterMs: number;
  /** Its dub at tempo 1, silence trimmed; 0 when there is nothing to say. */
  readonly naturalMs: number;
  /** Before this nothing can be written any more: those fragments are answered. */
  readonly writableFromMs: number;
}

/** Where and how fast the whole dub is said; words are never cut. */
export interface PlacedSlot {
  readonly outcome: "placed";
  readonly startMs: number;
  readonly endMs: number;
  /** naturalMs / (endMs - startMs), within the limits. */
  readonly tempo: number;
  /** Start against the source clause's; announced as late when above 0. */
  readonly lateMs: number;
  /** How far it runs past its slot, into the next clause's time. */
  readonly overrunMs: number;
}

export interface DroppedSlot {
  readonly outcome: "dropped";
  /** How late it would have started. */
  readonly lateMs: number;
}

export interface SlotStep {
  readonly state: DubState;
  readonly slot: PlacedSlot | DroppedSlot;
}

/**
 * A word's end and the silence after it are told by two models: this far apart they still touch. Over real speech the
 * recogniser ends a last word up to 290 ms before the detector does.
 */
const touchMs = 400;

/** What is known of the time after a clause. Session time, ms. */
export interface Following {
  /** In order; of one that goes on, `endMs` is how far it was heard. */
  readonly silences: readonly Silence[];
  /** Start of the next word that was recognised, where there is one. */
  readonly nextWordMs?: number | undefined;
}

/**
 * The pause after a clause as far as it is known, ms: from its end to the next word, else to the end of the silence
 * that touches it. Recognised words leave gaps between them that no detector calls silence.
 */
export function pauseAfter(endMs: number, { silences, nextWordMs }: Following): number {
  if (nextWordMs !== undefined) return Math.max(0, nextWordMs - endMs);
  const silence = silences.find((one) => one.endMs > endMs);
  return silence && silence.startMs <= endMs + touchMs ? silence.endMs - endMs : 0;
}

/** How late a clause would start now: worth asking before it is synthesised. Never below 0. */
export function latenessMs(
  state: DubState,
  request: Pick<SlotRequest, "startMs" | "writableFromMs">,
  limits: IsochronyLimits = defaultIsochronyLimits,
): number {
  return earliestStart(state, request, limits) - request.startMs;
}

/**
 * Fits a dub into its clause's slot: the source's duration and the pause after it.
 *
 * On time and short: slowed towards the source's duration. Longer than the source: the pause is used first, then
 * tempo. Late (the clause before ran over, or synthesis took long): played late at the tempo that ends with the
 * slot, so the next pause catches up; later than `latestMs`: dropped whole. Clauses come in their order.
 */
export function fitSlot(
  state: DubState,
  request: SlotRequest,
  limits: IsochronyLimits = defaultIsochronyLimits,
): SlotStep {
  const startMs = earliestStart(state, request, limits);
  const lateMs = startMs - request.startMs;
  if (lateMs > limits.latestMs)
    return {
      state: { ...state, lateMs: 0, dropped: state.dropped + 1 },
      slot: { outcome: "dropped", lateMs },
    };
  const slotEndMs = request.endMs + Math.max(0, request.pauseAfterMs) - limits.breathMs;
  const spoken = request.naturalMs > 0;
  const tempo = spoken ? chooseTempo(state, request, startMs, slotEndMs, limits) : 1;
  const endMs = spoken ? startMs + request.naturalMs / tempo : startMs;
  return {
    state: {
      freeAtMs: endMs,
      lateMs,
      punctual: lateMs > limits.noticedLateMs ? 0 : state.punctual + 1,
      placed: state.placed + 1,
      late: state.late + (lateMs > 0 ? 1 : 0),
      dropped: state.dropped,
    },
    slot: {
      outcome: "placed",
      startMs,
      endMs,
      tempo,
      lateMs,
      overrunMs: Math.max(0, endMs - slotEndMs),
    },
  };
}

/**
 * The pitch-keeping stretch that is left after a synthesiser was asked for `slot.tempo` and spoke for `spokenMs`:
 * times the length changes, 1 = as spoken. The whole stays within the tempo limits; what does not fit overruns.
 *
 * @param naturalMs the dub at tempo 1, as given to {@link fitSlot}
 */
export function remainingStretch(
  slot: PlacedSlot,
  naturalMs: number,
  spokenMs: number,
  limits: IsochronyLimits = defaultIsochronyLimits,
): number {
  if (!(spokenMs > 0)) return 1;
  const wantedMs = slot.endMs - slot.startMs;
  const shortestMs = naturalMs / limits.fastestTempo;
  const longestMs = naturalMs / limits.slowestTempo;
  return Math.min(longestMs, Math.max(shortestMs, wantedMs)) / spokenMs;
}

/**
 * The part of a slot that a part of its dub takes, at the tempo of the whole.
 *
 * @param naturalMs the part at tempo 1
 */
export function partOfSlot(slot: PlacedSlot, naturalMs: number): PlacedSlot {
  return { ...slot, endMs: slot.startMs + naturalMs / slot.tempo };
}

/** The dub turned out longer or shorter than planned: the track is free from its true end. */
export function endedAt(state: DubState, endMs: number): DubState {
  return { ...state, freeAtMs: endMs };
}

function earliestStart(
  state: DubState,
  request: Pick<SlotRequest, "startMs" | "writableFromMs">,
  limits: IsochronyLimits,
): number {
  return Math.max(request.startMs, request.writableFromMs, state.freeAtMs + limits.breathMs);
}

function chooseTempo(
  { punctual }: DubState,
  request: SlotRequest,
  startMs: number,
  slotEndMs: number,
  limits: IsochronyLimits,
): number {
  const roomMs = slotEndMs - startMs;
  const { naturalMs } = request;
  if (naturalMs <= roomMs) return relaxedTempo(request, startMs, slotEndMs, limits);
  const comfortable = tempoFor(naturalMs, roomMs);
  if (comfortable <= limits.comfortableTempo) return comfortable;
  const overrunMs =
    punctual >= limits.rareAfterClauses ? limits.rareOverrunMs : limits.toleratedOverrunMs;
  const pressed = tempoFor(naturalMs, roomMs + overrunMs);
  return Math.min(limits.fastestTempo, Math.max(limits.comfortableTempo, pressed));
}

/** There is room: end with the source if that means speaking slower, but no slower than sounds right, and not late. */
function relaxedTempo(
  request: SlotRequest,
  startMs: number,
  slotEndMs: number,
  limits: IsochronyLimits,
): number {
  if (startMs > request.startMs) return 1;
  const withSource = tempoFor(request.naturalMs, Math.min(request.endMs, slotEndMs) - startMs);
  return Math.min(1, Math.max(limits.slowestTempo, withSource));
}

const tempoFor = (naturalMs: number, roomMs: number): number =>
  roomMs > 0 ? naturalMs / roomMs : Number.POSITIVE_INFINITY;
