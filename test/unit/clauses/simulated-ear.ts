import type { SpeechStretch } from "../../../gpu/session/clauses/decode-plan.ts";
import type { Silence, TimedWord } from "../../../gpu/session/clauses/words.ts";

const onsetDelayMs = 100;
const hangoverMs = 320;

/** A voice activity detector and a recogniser that know the truth, as far as they have heard it. */
export class SimulatedEar {
  readonly #pauses: readonly Silence[];

  constructor(private readonly words: readonly TimedWord[]) {
    const starts = [0, ...words.map((one) => one.endMs)];
    const ends = [...words.map((one) => one.startMs), Number.POSITIVE_INFINITY];
    this.#pauses = starts
      .map((startMs, i) => ({ startMs, endMs: ends[i] ?? startMs }))
      .filter((one, i) => i === 0 || one.endMs - one.startMs >= hangoverMs);
  }

  silences(heardMs: number): Silence[] {
    return this.#pauses
      .filter((one) => one.startMs < heardMs)
      .map((one) => ({ ...one, endMs: Math.min(one.endMs, heardMs) }));
  }

  /** What a detector with hysteresis would have said by now. */
  speech(heardMs: number): { readonly speech: SpeechStretch[]; readonly speaking: boolean } {
    const silences = this.silences(heardMs);
    const speech: SpeechStretch[] = [];
    let speaking = false;
    for (const [i, { endMs: startMs }] of silences.entries()) {
      const next = silences[i + 1];
      const closed = next !== undefined && next.startMs + hangoverMs <= heardMs;
      const endMs = closed ? next.startMs : heardMs;
      if (startMs + onsetDelayMs > heardMs || startMs >= endMs) continue;
      speech.push({ startMs, endMs });
      speaking = !closed;
    }
    return { speech, speaking };
  }

  /** The words of a window; one that its border cuts is heard as something else. */
  transcribe(fromMs: number, toMs: number): TimedWord[] {
    return this.words
      .filter((one) => one.endMs > fromMs + 50 && one.startMs < toMs)
      .map((one) =>
        one.endMs <= toMs && one.startMs >= fromMs - 50
          ? one
          : { ...one, text: "(garbled)", endMs: Math.min(one.endMs, toMs) },
      );
  }
}
