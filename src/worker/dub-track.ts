import { asBytes } from "../audio/pcm.ts";
import { type RegionKind, streamSampleRateHz, type WorkerLink } from "../protocol/relay-worker.ts";
import type { Marked } from "./clause-memory.ts";
import type { DubPiece } from "./dub-stream.ts";
import { voiceSpan } from "./dub-voice.ts";

/** What became of one stretch of stream time. */
export type Settlement =
  | { readonly kind: "original" }
  | { readonly kind: "fallback" }
  /** Mono s16 at 48 kHz; its first sample belongs to the stretch's first. */
  | { readonly kind: "dub" | "replace"; readonly samples: Int16Array }
  /** Continuous dub: composed when its turn comes, for it goes on where the stretch before ended. */
  | { readonly kind: "continuous"; readonly compose: () => Composition };

/** A session without tracks dubs the main language alone; an engine that plays the source back serves all alike. */
export function forFurtherLanguages(settlement: Settlement): Settlement {
  return settlement.kind === "dub" ? { kind: "fallback" } : settlement;
}

/** A stretch of continuous dub: what sounds, at its place, and how its time is played, without gap or overlap. */
export interface Composition {
  readonly pieces: readonly DubPiece[];
  readonly regions: readonly Marked[];
}

/** How a stretch was played in the end, told once, in order. */
export interface Placement {
  readonly startSample: number;
  readonly endSample: number;
  readonly kind: RegionKind;
  /** Where its dub sounds; undefined when nothing does. */
  readonly dubStartSample: number | undefined;
  readonly dubEndSample: number | undefined;
  /** Why a dub was not played after all: `overrun` or `link_full`. */
  readonly dropped: "overrun" | "link_full" | undefined;
}

/** Settles a reserved stretch. */
export type Settle = (settlement: Settlement, onPlaced?: (placement: Placement) => void) => void;

/** A stretch of stream time that is reserved. */
export interface Reservation {
  readonly startSample: number;
  readonly endSample: number;
  readonly fragmentId?: string | undefined;
  /** The fragment heard this much of the stretch before it as well: its dub's first sample lies so much earlier. */
  readonly overlapSamples?: number;
}

interface Slot {
  readonly startSample: number;
  readonly endSample: number;
  /** Where the first sample of its dub belongs: before `startSample` by the overlap. */
  readonly dubFrom: number;
  readonly fragmentId: string | undefined;
  settlement: Settlement | undefined;
  onPlaced: ((placement: Placement) => void) | undefined;
}

/** A dub that would start later than this after its speech is dropped whole (design section 3). */
const latestStartSamples = 1.5 * streamSampleRateHz;
/** Between the end of one dub and the start of the next: a breath. */
const gapSamples = (60 * streamSampleRateHz) / 1000;
/** Audio goes to the relay in pieces of at most this length, so that no message is large. */
const pieceSamples = streamSampleRateHz;
/** A dub this much longer than its fragment still ends with it: what codecs add. */
const paddingSamples = (50 * streamSampleRateHz) / 1000;

/**
 * The dub of one language on its way to the relay: stretches are reserved in order as they are cut, settled
 * in any order as answers come, and handed over strictly in order, with no gap and no overlap. Where fragments
 * themselves overlap, the next one's dub takes over from the one before in that time.
 *
 * A dub longer than its stretch runs on into what follows; the next dub then loses leading silence first and
 * starts later second. Words are never cut: a dub that would start over 1.5 s late is left out as a whole.
 */
export class DubTrack {
  #slots: Slot[] = [];
  /** First sample that no dub sounds on any more. */
  #busyUntil = 0;
  #draining = false;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(
    private readonly link: WorkerLink,
    readonly language: string,
    /** True: wait for room on the link; false: drop and count, for air time does not wait. */
    private readonly patient: boolean,
  ) {}

  /** Stretches that are reserved and not yet handed over. */
  get pending(): number {
    return this.#slots.length;
  }

  /**
   * Takes the next stretch of stream time.
   * @returns how to settle it, told in time how it was placed; further calls change nothing
   */
  reserve(stretch: Reservation): Settle {
    const slot: Slot = {
      startSample: stretch.startSample,
      endSample: stretch.endSample,
      dubFrom: stretch.startSample - (stretch.overlapSamples ?? 0),
      fragmentId: stretch.fragmentId,
      settlement: undefined,
      onPlaced: undefined,
    };
    this.#slots.push(slot);
    return (settlement, onPlaced) => {
      if (slot.settlement !== undefined) return;
      slot.settlement = settlement;
      slot.onPlaced = onPlaced;
      void this.#drain();
    };
  }

  /** Resolves when everything reserved so far has been handed over. */
  settled(): Promise<void> {
    if (this.#slots.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let slot = this.#slots[0]; slot?.settlement !== undefined; slot = this.#slots[0]) {
        const placement = await this.#place(slot, slot.settlement);
        this.#slots.shift();
        slot.onPlaced?.(placement);
      }
    } finally {
      this.#draining = false;
    }
    if (this.#slots.length > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #place(slot: Slot, settlement: Settlement): Promise<Placement> {
    if (settlement.kind === "continuous") return this.#placeContinuous(slot, settlement.compose());
    if (settlement.kind === "replace") return this.#placeReplacement(slot, settlement.samples);
    if (settlement.kind === "dub") return this.#placeDub(slot, settlement.samples);
    return this.#placeSilent(slot, settlement.kind, undefined);
  }

  /** An engine that plays the source back: same place, same length, nothing to arrange. */
  async #placeReplacement(slot: Slot, samples: Int16Array): Promise<Placement> {
    const length = Math.min(samples.length, slot.endSample - slot.dubFrom);
    const sound = samples.subarray(0, length);
    const crossfade = this.#overlapAt(slot, slot.dubFrom, length) ?? 0;
    if (!(await this.#sendAudio(slot.dubFrom, sound, crossfade)))
      return this.#placeSilent(slot, "fallback", "link_full");
    this.#busyUntil = slot.dubFrom + length;
    return this.#placed(slot, "replace", slot.dubFrom);
  }

  async #placeDub(slot: Slot, samples: Int16Array): Promise<Placement> {
    const span = voiceSpan(samples);
    if (span === undefined) return this.#placeSilent(slot, "original", undefined);
    const voice = samples.subarray(span.from, span.to);
    const wanted = slot.dubFrom + span.from;
    const crossfade = this.#overlapAt(slot, wanted, voice.length);
    const free = this.#busyUntil === 0 ? 0 : this.#busyUntil + gapSamples;
    const dubStartSample = crossfade === undefined ? Math.max(wanted, free) : wanted;
    if (dubStartSample - wanted > latestStartSamples)
      return this.#placeSilent(slot, "fallback", "overrun");
    if (!(await this.#sendAudio(dubStartSample, voice, crossfade)))
      return this.#placeSilent(slot, "fallback", "link_full");
    this.#busyUntil = dubStartSample + voice.length;
    return this.#placed(slot, "dub", dubStartSample);
  }

  /**
   * For how many samples the dub before still sounds where one that overlaps it begins; undefined when they do not
   * meet in their overlap: the one before runs on into time of its own, and its words are not cut.
   */
  #overlapAt(slot: Slot, startSample: number, length: number): number | undefined {
    const overlap = slot.startSample - slot.dubFrom;
    const both = this.#busyUntil - startSample;
    if (overlap === 0 || both <= 0) return undefined;
    return both <= Math.min(overlap + paddingSamples, length) ? both : undefined;
  }

  /** Settles a stretch whose dub was handed over, from where that dub may begin: it says what is said there. */
  async #placed(slot: Slot, kind: "dub" | "replace", dubStartSample: number): Promise<Placement> {
    const { startSample, endSample } = slot;
    await this.#sendRegion(slot, slot.dubFrom, endSample, kind);
    const dubEndSample = this.#busyUntil;
    return { startSample, endSample, kind, dubStartSample, dubEndSample, dropped: undefined };
  }

  /** Nothing is moved or trimmed here: the session has found each word its place. */
  async #placeContinuous(slot: Slot, { pieces, regions }: Composition): Promise<Placement> {
    const waiting = [...pieces];
    let dropped: Placement["dropped"];
    for (const { startSample, endSample, kind } of regions) {
      // Audio takes effect with the region after it, so each piece goes with the one in which it begins.
      while (waiting[0] !== undefined && waiting[0].startSample < endSample) {
        const piece = waiting.shift() as DubPiece;
        if (!(await this.#sendAudio(piece.startSample, piece.samples))) dropped = "link_full";
      }
      const lost = dropped !== undefined && kind === "dub";
      await this.#sendRegion(slot, startSample, endSample, lost ? "fallback" : kind);
    }
    const [first] = pieces;
    const last = pieces.at(-1);
    const sounds = first !== undefined && last !== undefined && dropped === undefined;
    const has = (kind: RegionKind) => regions.some((region) => region.kind === kind);
    if (sounds) this.#busyUntil = Math.max(this.#busyUntil, last.startSample + last.samples.length);
    return {
      startSample: slot.startSample,
      endSample: slot.endSample,
      kind: has("dub") ? "dub" : has("fallback") ? "fallback" : "original",
      dubStartSample: sounds ? first.startSample : undefined,
      dubEndSample: sounds ? last.startSample + last.samples.length : undefined,
      dropped,
    };
  }

  /** No dub of its own; the end of the one before may still sound in it. */
  async #placeSilent(
    slot: Slot,
    kind: "original" | "fallback",
    dropped: Placement["dropped"],
  ): Promise<Placement> {
    const { startSample, endSample } = slot;
    const split = Math.min(endSample, Math.max(startSample, this.#busyUntil));
    if (split > startSample) await this.#sendRegion(slot, startSample, split, "dub");
    if (endSample > split) await this.#sendRegion(slot, split, endSample, kind);
    return {
      startSample,
      endSample,
      kind,
      dubStartSample: undefined,
      dubEndSample: undefined,
      dropped,
    };
  }

  /** @param crossfadeSamples of its beginning, in which it takes over from the dub before */
  async #sendAudio(
    startSample: number,
    samples: Int16Array,
    crossfadeSamples = 0,
  ): Promise<boolean> {
    for (let from = 0; from < samples.length; from += pieceSamples) {
      const sent = await this.#send({
        type: "audio",
        language: this.language,
        startSample: startSample + from,
        pcm: asBytes(samples.slice(from, from + pieceSamples)),
        ...(from === 0 && crossfadeSamples > 0 ? { crossfadeSamples } : {}),
      });
      if (!sent) return false;
    }
    return true;
  }

  async #sendRegion(
    slot: Slot,
    startSample: number,
    endSample: number,
    kind: RegionKind,
  ): Promise<void> {
    await this.#send({
      type: "region",
      language: this.language,
      startSample,
      endSample,
      kind,
      ...(slot.fragmentId === undefined ? {} : { fragmentId: slot.fragmentId }),
    });
  }

  async #send(message: Parameters<WorkerLink["send"]>[0]): Promise<boolean> {
    while (!this.link.send(message)) {
      if (!this.patient || this.#closed) return false;
      await this.link.ready();
    }
    return true;
  }

  /** The link is gone: nothing more can be handed over. */
  close(): void {
    this.#closed = true;
  }
}
