import {
  type StageCost,
  assumedCost,
  doubtedCost,
  expectedMs,
  measuredCost,
} from "./clauses/stage-cost.ts";

/** What is assumed until this machine was measured: two cores of a server. */
const assumed = { passMs: 400, translationMs: 60, synthesisRtf: 0.35, msPerCharacter: 62 };
/** Share of one call in the usual factor. */
const usualShare = 0.1;
/** Shorter texts say little about how fast a voice speaks. */
const leastCharacters = 12;

/** What the stages cost on this machine, learnt from every session; promises to clients are made with it. */
export class StageCosts {
  #pass = assumedCost(assumed.passMs);
  #translation = assumedCost(assumed.translationMs);
  #synthesis = assumedCost(assumed.synthesisRtf);
  #usualPassMs = assumed.passMs;
  #usualSynthesisRtf = assumed.synthesisRtf;
  readonly #speech = new Map<string, StageCost>();

  /** One pass of the recogniser, ms. */
  get passMs(): number {
    return expectedMs(this.#pass, 1);
  }

  get translationMs(): number {
    return expectedMs(this.#translation, 1);
  }

  /** Seconds of work a second of speech. */
  get synthesisRtf(): number {
    return this.#synthesis.perUnit;
  }

  /** The same over the last dozens of calls: what the length of clauses is chosen by; one slow call changes little. */
  get usualSynthesisRtf(): number {
    return this.#usualSynthesisRtf;
  }

  /** One pass over the last dozens, ms. */
  get usualPassMs(): number {
    return this.#usualPassMs;
  }

  passed(workMs: number): void {
    this.#usualPassMs += usualShare * (workMs - this.#usualPassMs);
    this.#pass = measuredCost(this.#pass, workMs, 1);
  }

  translated(workMs: number): void {
    this.#translation = measuredCost(this.#translation, workMs, 1);
  }

  spoke(workMs: number, speechMs: number): void {
    this.#synthesis = measuredCost(this.#synthesis, workMs, speechMs);
    if (speechMs > 0)
      this.#usualSynthesisRtf += usualShare * (workMs / speechMs - this.#usualSynthesisRtf);
  }

  /**
   * Work was given up because it seemed to cost too much. One slow call must not be believed for ever: what is never
   * tried again is never measured again.
   */
  gaveUp(): void {
    this.#pass = doubtedCost(this.#pass, assumed.passMs);
    this.#translation = doubtedCost(this.#translation, assumed.translationMs);
    this.#synthesis = doubtedCost(this.#synthesis, assumed.synthesisRtf);
  }

  /** How long a text will be at tempo 1, ms, by what the voice has said so far. */
  naturalMs(voice: string, text: string): number {
    const cost = this.#speech.get(voice) ?? assumedCost(assumed.msPerCharacter);
    return expectedMs(cost, text.length);
  }

  /** How many characters a voice says in so long at tempo 1. */
  charactersWithin(voice: string, ms: number): number {
    const cost = this.#speech.get(voice) ?? assumedCost(assumed.msPerCharacter);
    return Math.max(1, Math.floor(ms / cost.perUnit));
  }

  said(voice: string, text: string, naturalMs: number): void {
    if (text.length < leastCharacters) return;
    const known = this.#speech.get(voice) ?? assumedCost(assumed.msPerCharacter);
    const perUnit = naturalMs / text.length;
    // Unlike work, a voice has a mean to be found, not a worst case to be feared.
    const share = known.measured === 0 ? 0.6 : 0.2;
    const next = known.perUnit + share * (perUnit - known.perUnit);
    this.#speech.set(voice, { perUnit: next, measured: known.measured + 1 });
  }
}
