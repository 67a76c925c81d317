/** Attention over the sound, before the softmax: `[heads, rows, positions]`, row by row. */
export interface AttentionScores {
  readonly data: Float32Array;
  readonly heads: number;
  /** One for each token that was read; a row shows where the model looks for the token after it. */
  readonly rows: number;
  /** Of the encoder, 20 ms each. */
  readonly positions: number;
}

/** Median filter along time, in positions; odd. The width is openai/whisper's. */
const filterWidth = 7;

/** What is known of the sound and the text beside the attention. */
export interface AlignmentHints {
  /** -1 (surely a pause) to 1 (surely sound) for each position that was heard; the rest is padding. */
  readonly loudness: Float64Array;
  /** For each token of the text: whether a word begins with it, so that a pause may lie before it. */
  readonly beginsWord: readonly boolean[];
}

/** A token's place, in positions; `to` is the first one after it. */
export interface TokenSpan {
  readonly from: number;
  readonly to: number;
}

/** What a position of pause is worth to a path that rests there, against attention's deviations. */
const pauseGain = 1;
/** What it costs a path to spend a position of pause on a token: words hold no pauses, only closures. */
const pauseCost = 1;

/**
 * Where in the sound each token lies: the attention of the alignment heads, normalised over the tokens and
 * smoothed over time as in openai/whisper's `timing.py`, then the best path that goes forward in both. Unlike
 * plain dynamic time warping it may rest in pauses between words, before the first and after the last.
 *
 * @param firstRow the row that shows the first token of the text
 */
export function alignTokens(
  scores: AttentionScores,
  firstRow: number,
  hints: AlignmentHints,
): TokenSpan[] {
  const columns = Math.min(scores.positions, hints.loudness.length);
  const rows = hints.beginsWord.length;
  if (rows === 0 || columns === 0) return [];
  const matrix = meanAttention(scores, columns).subarray(firstRow * columns);
  return bestPath(matrix, columns, hints);
}

/** The mean over heads of softmaxed, normalised, smoothed attention: `[rows, columns]`. */
function meanAttention(scores: AttentionScores, columns: number): Float64Array {
  const { data, heads, rows, positions } = scores;
  const mean = new Float64Array(rows * columns);
  const attention = new Float64Array(rows * columns);
  const smoothed = new Float64Array(columns);
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < rows; row++) {
      const from = (head * rows + row) * positions;
      softmax(
        data.subarray(from, from + columns),
        attention.subarray(row * columns, (row + 1) * columns),
      );
    }
    normaliseColumns(attention, rows, columns);
    for (let row = 0; row < rows; row++) {
      medianFilter(attention.subarray(row * columns, (row + 1) * columns), smoothed);
      for (let i = 0; i < columns; i++) mean[row * columns + i]! += smoothed[i]! / heads;
    }
  }
  return mean;
}

function softmax(from: Float32Array, to: Float64Array): void {
  let highest = -Infinity;
  for (const value of from) if (value > highest) highest = value;
  let sum = 0;
  for (const [i, value] of from.entries()) sum += to[i] = Math.exp(value - highest);
  for (let i = 0; i < to.length; i++) to[i]! /= sum;
}

/** Each column to mean 0 and deviation 1 over the rows. */
function normaliseColumns(matrix: Float64Array, rows: number, columns: number): void {
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    let squares = 0;
    for (let at = column; at < matrix.length; at += columns) {
      sum += matrix[at]!;
      squares += matrix[at]! ** 2;
    }
    const mean = sum / rows;
    const deviation = Math.sqrt(Math.max(0, squares / rows - mean * mean));
    for (let at = column; at < matrix.length; at += columns)
      matrix[at] = deviation > 0 ? (matrix[at]! - mean) / deviation : 0;
  }
}

/** Median over {@link filterWidth} values, the ends mirrored. */
function medianFilter(from: Float64Array, to: Float64Array): void {
  const half = filterWidth >> 1;
  const last = from.length - 1;
  const window = new Float64Array(filterWidth);
  for (let i = 0; i < from.length; i++) {
    for (let k = 0; k < filterWidth; k++) {
      const at = Math.abs(i + k - half);
      const value = from[Math.max(0, at > last ? 2 * last - at : at)]!;
      let place = k;
      for (; place > 0 && window[place - 1]! > value; place--) window[place] = window[place - 1]!;
      window[place] = value;
    }
    to[i] = window[half]!;
  }
}

/** How a path came to a place: it stayed, or left the token before or the pause before. */
const stayed = 0;
const fromToken = 1;
const fromTokenAtOnce = 2;
const fromPause = 3;

/**
 * The path of highest sum. Each token has a place to be spoken and, where a word begins, one to rest before
 * it; after the last token the path may rest to the end.
 */
function bestPath(
  matrix: Float64Array,
  columns: number,
  { loudness, beginsWord }: AlignmentHints,
): TokenSpan[] {
  const rows = beginsWord.length;
  const spoken = new Float64Array((rows + 1) * columns).fill(-Infinity);
  const resting = new Float64Array((rows + 1) * columns).fill(-Infinity);
  const spokenCame = new Uint8Array(spoken.length);
  const restingCame = new Uint8Array(spoken.length);
  for (let row = 0; row <= rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const pause = -loudness[column]!;
      if (row === rows || beginsWord[row] === true) {
        const stay = column > 0 ? resting[at - 1]! : row === 0 ? 0 : -Infinity;
        const enter = row > 0 && column > 0 ? spoken[at - columns - 1]! : -Infinity;
        restingCame[at] = enter > stay ? fromToken : stayed;
        resting[at] = Math.max(stay, enter) + pauseGain * pause;
      }
      if (row === rows) continue;
      const stay = column > 0 ? spoken[at - 1]! : row === 0 ? 0 : -Infinity;
      const next = row > 0 && column > 0 ? spoken[at - columns - 1]! : -Infinity;
      const atOnce = row > 0 ? spoken[at - columns]! : -Infinity;
      const rested = column > 0 ? resting[at - 1]! : -Infinity;
      const best = Math.max(stay, next, atOnce, rested);
      spokenCame[at] =
        best === stay
          ? stayed
          : best === next
            ? fromToken
            : best === rested
              ? fromPause
              : fromTokenAtOnce;
      const silent = Math.max(0, pause);
      spoken[at] = best + matrix[at]! * (1 - silent) - pauseCost * silent;
    }
  }
  return traceBack({ rows, columns, spoken, resting, spokenCame, restingCame });
}

function traceBack(table: {
  rows: number;
  columns: number;
  spoken: Float64Array;
  resting: Float64Array;
  spokenCame: Uint8Array;
  restingCame: Uint8Array;
}): TokenSpan[] {
  const { rows, columns, spoken, resting, spokenCame, restingCame } = table;
  const last = rows * columns - 1;
  let rests = resting[last + columns]! > spoken[last]!;
  let row = rests ? rows : rows - 1;
  let column = columns - 1;
  const spans: { from: number; to: number }[] = [];
  if (!rests) spans[row] = { from: 0, to: columns };
  while (row > 0 || column > 0) {
    const at = row * columns + column;
    if (rests) {
      column -= 1;
      if (restingCame[at] === stayed) continue;
      rests = false;
      row -= 1;
      spans[row] = { from: 0, to: column + 1 };
      continue;
    }
    const came = spokenCame[at];
    if (came === stayed) {
      column -= 1;
      continue;
    }
    spans[row]!.from = column;
    const to = column; // of a token that shares its last position with this one, too: no overlap
    if (came !== fromTokenAtOnce) column -= 1;
    if (came === fromPause) rests = true;
    else {
      row -= 1;
      spans[row] = { from: 0, to };
    }
  }
  return spans;
}
