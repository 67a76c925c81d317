import type { SpeechStretch } from "./decode-plan.ts";
import { markOf } from "./sentence-marks.ts";
import { type TimedWord, isSpoken, normaliseWord } from "./words.ts";

/** Weights are in letters: the time that a word takes grows with them, and never is nothing. */
const wordWeight = 1.5;
/** A figure is said in more sounds than it is written in. */
const digitWeight = 3;
/** Breath after a mark, within speech that the detector hears as one. */
const clauseBreath = 1.5;
const sentenceBreath = 3;
/** What a mark at a pause is worth against an uneven speaking rate, ms. */
const sentenceAtPauseMs = 400;
const clauseAtPauseMs = 200;

interface Weighed {
  readonly text: string;
  readonly sound: number;
  readonly breath: number;
  /** Gain when a pause follows. */
  readonly pauseGainMs: number;
}

/**
 * Times for the words of a pass whose model gives none: the words are laid over the speech that the voice activity
 * detector heard, at an even rate, so that marks fall on pauses. First start and last end are the detector's own;
 * within a stretch a word is off by as much as the speaker's rate varies.
 *
 * @param words as recognised, in order; what has no sound gets no time and is left out
 * @param speech stretches of the window in which they were heard, in order; a going one ends where hearing ends
 * @param language of the words, for abbreviations
 * @returns words in order, each within the speech; empty without speech
 */
export function wordTimes(
  words: readonly string[],
  speech: readonly SpeechStretch[],
  language: string,
): TimedWord[] {
  const stretches = speech.filter((one) => one.endMs > one.startMs);
  const weighed = words.filter((word) => isSpoken(word)).map((word) => weigh(word, language));
  const shares = divide(weighed, stretches);
  return stretches.flatMap((stretch, i) => spread(shares[i] ?? [], stretch));
}

function weigh(word: string, language: string): Weighed {
  const bare = normaliseWord(word);
  const digits = bare.replace(/\P{N}/gu, "").length;
  const sound = wordWeight + (bare.length - digits) + digits * digitWeight;
  const mark = markOf(word, language);
  if (mark === "sentence")
    return { text: word, sound, breath: sentenceBreath, pauseGainMs: sentenceAtPauseMs };
  if (mark === "none") return { text: word, sound, breath: 0, pauseGainMs: 0 };
  return { text: word, sound, breath: clauseBreath, pauseGainMs: clauseAtPauseMs };
}

const weightOf = (words: readonly Weighed[]): number =>
  words.reduce((sum, word) => sum + word.sound + word.breath, 0);

interface Best {
  readonly costMs: number;
  /** How many of the words lie in the stretches before the last one. */
  readonly before: number;
}

/**
 * Which words lie in which stretch: the division whose speaking rate is the most even, marks drawn to the pauses
 * between. Dynamic programming over (stretches, words).
 */
function divide(
  words: readonly Weighed[],
  stretches: readonly SpeechStretch[],
): (readonly Weighed[])[] {
  const totalMs = stretches.reduce((sum, one) => sum + one.endMs - one.startMs, 0);
  const sums = [0];
  for (const word of words) sums.push((sums.at(-1) ?? 0) + word.sound + word.breath);
  const msPerWeight = totalMs / Math.max(1, sums.at(-1) ?? 0);
  const table: Best[][] = [];
  for (const [i, stretch] of stretches.entries()) {
    const lengthMs = stretch.endMs - stretch.startMs;
    const last = i === stretches.length - 1;
    const row: Best[] = [];
    for (let count = 0; count <= words.length; count++) {
      let best: Best = { costMs: Number.POSITIVE_INFINITY, before: 0 };
      for (let before = i === 0 ? 0 : count; before >= 0; before--) {
        const earlierMs = i === 0 ? 0 : (table[i - 1]?.[before]?.costMs ?? 0);
        const takenMs = ((sums[count] ?? 0) - (sums[before] ?? 0)) * msPerWeight;
        const unevenMs = (lengthMs - takenMs) ** 2 / (lengthMs + 200);
        const gainMs = last || count === before ? 0 : (words[count - 1]?.pauseGainMs ?? 0);
        const costMs = earlierMs + unevenMs - gainMs;
        if (costMs < best.costMs) best = { costMs, before };
      }
      row.push(best);
    }
    table.push(row);
  }
  return traced(words, table);
}

function traced(words: readonly Weighed[], table: readonly Best[][]): (readonly Weighed[])[] {
  let count = words.length;
  const shares = table.toReversed().map((row) => {
    const before = row[count]?.before ?? 0;
    const share = words.slice(before, count);
    count = before;
    return share;
  });
  return shares.toReversed();
}

/** The last word's breath is the pause after the stretch, not part of it. */
function spread(words: readonly Weighed[], stretch: SpeechStretch): TimedWord[] {
  const spoken = Math.max(1e-9, weightOf(words) - (words.at(-1)?.breath ?? 0));
  const msPerWeight = (stretch.endMs - stretch.startMs) / spoken;
  let weight = 0;
  return words.map((word, i) => {
    const startMs = stretch.startMs + weight * msPerWeight;
    weight += word.sound;
    const last = i === words.length - 1;
    const endMs = last ? stretch.endMs : stretch.startMs + weight * msPerWeight;
    weight += word.breath;
    return { text: word.text, startMs, endMs };
  });
}

/** A word that begins this much before its speech did is taken for one that was placed into the pause. */
const pauseSlackMs = 150;

/**
 * Moves the beginnings that an alignment placed into a pause to where speech sets in again; words that lie wholly in
 * a pause are left alone. Order and ends stay.
 *
 * @param speech stretches in order
 */
export function outOfPauses(
  words: readonly TimedWord[],
  speech: readonly SpeechStretch[],
): TimedWord[] {
  return words.map((word) => {
    const isHeard = speech.some(
      ({ startMs, endMs }) => startMs - pauseSlackMs <= word.startMs && word.startMs < endMs,
    );
    const next = speech.find(({ startMs }) => startMs > word.startMs && startMs < word.endMs);
    return isHeard || next === undefined ? word : { ...word, startMs: next.startMs };
  });
}
