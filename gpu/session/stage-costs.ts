import type { CostFigures } from "../inference/stage-figures.ts";
import {
  type StageCost,
  assumedCost,
  doubtedCost,
  expectedMs,
  measuredCost,
  usualCost,
  usuallyMeasured,
} from "./clauses/stage-cost.ts";

/** What is assumed until this machine was measured: two cores of a server. */
const assumed: CostFigures = {
  passMs: 400,
  translateMs: 60,
  speakRtf: 0.35,
  msPerCharacter: 62,
};
/** Shorter texts say little about how fast a voice speaks. */
const leastCharacters = 12;

/** A digit is spoken as a word, or most of one. */
const charactersPerDigit = 8;

function spokenCharacters(text: string): number {
  const digits = text.match(/\d/g)?.length ?? 0;
  return text.length + digits * (charactersPerDigit - 1);
}

/**
 * What the stages cost on this machine, learnt from every session for the next ones; promises to clients are made
 * with it.
 */
export class StageCosts {
  #base = assumed;
  #pass = assumedCost(assumed.passMs);
  #translation = assumedCost(assumed.translateMs);
  #synthesis = assumedCost(assumed.speakRtf);
  #usualPass = usualCost(assumed.passMs);
  #usualSynthesis = usualCost(assumed.speakRtf);
  readonly #speech = new Map<string, StageCost>();

  /** Starts from what was measured before the first session; what was assumed or learnt until now is forgotten. */
  seed(measured: CostFigures): void {
    this.#base = measured;
    this.#pass = { perUnit: measured.passMs, measured: 1 };
    this.#translation = { perUnit: measured.translateMs, measured: 1 };
    this.#synthesis = { perUnit: measured.speakRtf, measured: 1 };
    this.#usualPass = usualCost(measured.passMs);
    this.#usualSynthesis = usualCost(measured.speakRtf);
    this.#speech.clear();
  }

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
    return this.#usualSynthesis.perUnit;
  }

  /** One pass over the last dozens, ms. */
  get usualPassMs(): number {
    return this.#usualPass.perUnit;
  }

  passed(workMs: number): void {
    this.#usualPass = usuallyMeasured(this.#usualPass, workMs, 1);
    this.#pass = measuredCost(this.#pass, workMs, 1);
  }

  translated(workMs: number): void {
    this.#translation = measuredCost(this.#translation, workMs, 1);
  }

  spoke(workMs: number, speechMs: number): void {
    this.#synthesis = measuredCost(this.#synthesis, workMs, speechMs);
    this.#usualSynthesis = usuallyMeasured(this.#usualSynthesis, workMs, speechMs);
  }

  /**
   * Work was given up because it seemed to cost too much. One slow call must not be believed for ever: what is never
   * tried again is never measured again.
   */
  gaveUp(): void {
    this.#pass = doubtedCost(this.#pass, this.#base.passMs);
    this.#translation = doubtedCost(this.#translation, this.#base.translateMs);
    this.#synthesis = doubtedCost(this.#synthesis, this.#base.speakRtf);
  }

  /** How long a text will be at tempo 1, ms, by what the voice has said so far. */
  naturalMs(voice: string, text: string): number {
    return expectedMs(this.#voice(voice), spokenCharacters(text));
  }

  /** How many characters a voice says in so long at tempo 1. */
  charactersWithin(voice: string, ms: number): number {
    return Math.max(1, Math.floor(ms / this.#voice(voice).perUnit));
  }

  said(voice: string, text: string, naturalMs: number): void {
    const characters = spokenCharacters(text);
    if (characters < leastCharacters) return;
    const known = this.#voice(voice);
    const perUnit = naturalMs / characters;
    // Unlike work, a voice has a mean to be found, not a worst case to be feared.
    const share = known.measured === 0 ? 0.6 : 0.2;
    const next = known.perUnit + share * (perUnit - known.perUnit);
    this.#speech.set(voice, { perUnit: next, measured: known.measured + 1 });
  }

  /** One voice says about as much in a second as another: an unknown one is taken for the one that was measured. */
  #voice(voice: string): StageCost {
    return this.#speech.get(voice) ?? assumedCost(this.#base.msPerCharacter);
  }
}
