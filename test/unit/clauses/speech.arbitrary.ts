import fc from "fast-check";
import type { Silence, TimedWord } from "../../../gpu/session/clauses/words.ts";

/** Words, function words, marks, numbers and abbreviations, as recognisers write them. */
const vocabulary =
  `the a of to and but because in with that he she it goes runs match goal printing books America country
  great, is... well, however, finally; now: 3.5 12 1,000 Mr. Dr. U.S. No. 5. done. yes. really? go! “end.”`.split(
    /\s+/,
  );

export interface Speech {
  readonly words: readonly TimedWord[];
  readonly silences: readonly Silence[];
}

interface Step {
  readonly text: string;
  readonly lengthMs: number;
  readonly gapMs: number;
}

/** Speech with pauses; a detector's silences lie in the gaps, as they would. */
export const speech: fc.Arbitrary<Speech> = fc
  .array(
    fc.record<Step>({
      text: fc.constantFrom(...vocabulary),
      lengthMs: fc.integer({ min: 60, max: 700 }),
      gapMs: fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 0, max: 120 }) },
        { weight: 2, arbitrary: fc.integer({ min: 300, max: 3500 }) },
      ),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((steps) => spoken(steps, 1000));

function spoken(steps: readonly Step[], fromMs: number): Speech {
  let atMs = fromMs;
  const words: TimedWord[] = [];
  const silences: Silence[] = [];
  for (const { text, lengthMs, gapMs } of steps) {
    words.push({ text, startMs: atMs, endMs: atMs + lengthMs });
    atMs += lengthMs;
    if (gapMs >= 200) silences.push({ startMs: atMs, endMs: atMs + gapMs });
    atMs += gapMs;
  }
  return { words, silences };
}

/**
 * `"The match | 0.9 | begins."`: words of 300 ms without gaps; a number between bars is a pause in seconds.
 *
 * @param fromMs start of the first word
 */
export function say(text: string, fromMs = 0, wordMs = 300): Speech {
  let atMs = fromMs;
  const words: TimedWord[] = [];
  const silences: Silence[] = [];
  for (const part of text.split("|").map((one) => one.trim())) {
    if (/^\d+(?:\.\d+)?$/.test(part) && words.length > 0) {
      silences.push({ startMs: atMs, endMs: atMs + Number(part) * 1000 });
      atMs += Number(part) * 1000;
      continue;
    }
    for (const word of part.split(/\s+/).filter((one) => one !== "")) {
      words.push({ text: word, startMs: atMs, endMs: atMs + wordMs });
      atMs += wordMs;
    }
  }
  return { words, silences };
}

/** When the speech and the silence after it are over. */
export function endOf(said: Speech): number {
  return Math.max(said.words.at(-1)?.endMs ?? 0, said.silences.at(-1)?.endMs ?? 0);
}
