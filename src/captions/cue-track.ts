import { type CaptionUnit, type Cue, placeCue, type RawCue, rawCues } from "./cue-layout.ts";

/**
 * The captions of one language of a stream that goes on. Clauses come in the order of their times, or nearly; a cue
 * that viewers may have seen is never changed any more, what comes behind it makes room.
 */
export class CueTrack {
  /** Cues in the order of their times, without overlap. */
  #cues: Cue[] = [];
  /** What is laid out anew with every clause: nobody has seen it yet. */
  #open: OpenCue[] = [];
  #openCues: Cue[] = [];
  #tooFast = 0;
  #dropped = 0;

  /** @param mostCues the oldest beyond these are forgotten */
  constructor(private readonly mostCues: number) {}

  get cues(): readonly Cue[] {
    return [...this.#cues, ...this.#openCues];
  }

  /** Cues that had to go faster than anyone reads, of those that were shown. */
  get tooFast(): number {
    return this.#tooFast;
  }

  /** Cues forgotten before their time because too many came. */
  get dropped(): number {
    return this.#dropped;
  }

  add(unit: CaptionUnit): void {
    this.#open.push(...rawCues(unit).map((raw) => ({ raw, unitStartMs: unit.startMs })));
    // By whole clauses: two that overlap are shown one after the other, never cue by cue in turns.
    this.#open.sort((a, b) => a.unitStartMs - b.unitStartMs);
    while (this.#open.length > this.mostCues) {
      this.#open.shift();
      this.#dropped += 1;
    }
    this.#layOut();
  }

  /** From now on, cues that begin before `untilMs` stay as they are. */
  publish(untilMs: number): void {
    const count = this.#openCues.filter(({ startMs }) => startMs < untilMs).length;
    if (count === 0) return;
    const published = this.#openCues.splice(0, count);
    this.#open.splice(0, count);
    this.#tooFast += published.filter(({ tooFast }) => tooFast).length;
    this.#cues.push(...published);
    this.#cues.splice(0, Math.max(0, this.#cues.length - this.mostCues));
  }

  /** What ends at or before `beforeMs` is not asked for any more. */
  forget(beforeMs: number): void {
    this.#cues = this.#cues.filter(({ endMs }) => endMs > beforeMs);
  }

  /** The cues that are on screen at some moment of [fromMs, toMs). */
  between(fromMs: number, toMs: number): Cue[] {
    return this.cues.filter(({ startMs, endMs }) => startMs < toMs && endMs > fromMs);
  }

  #layOut(): void {
    let freeFromMs = this.#cues.at(-1)?.endMs ?? 0;
    this.#openCues = this.#open.map(({ raw }, index) => {
      const cue = placeCue(raw, freeFromMs, this.#open[index + 1]?.raw);
      freeFromMs = cue.endMs;
      return cue;
    });
  }
}

interface OpenCue {
  readonly raw: RawCue;
  readonly unitStartMs: number;
}
