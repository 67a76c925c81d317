/** At most this much of the last dub is kept: 10 s. */
const maxSamples = 480_000;
/** A pause longer than this (1 s) in the dub begins a new one. */
const pauseSamples = 48_000;

/** The ends are faded (5 ms), so that going round is not heard as a click. */
const fadeSamples = 240;

/** What was spoken last, kept for the fallback `repeat_last`, which plays it over and over. */
export class LastDub {
  #samples: Float32Array = new Float32Array(0);
  /** Takes the place of `#samples` when those have gone round, never in the middle of a word. */
  #coming: Float32Array | undefined;
  #recording: Float32Array[] = [];
  #recorded = 0;
  #silence = 0;
  #position = 0;

  /** One block of the dub as it went by; absent where nothing sounded. */
  record(block: Float32Array | undefined, blockLength: number): void {
    if (block !== undefined) {
      this.#silence = 0;
      if (this.#recorded + block.length > maxSamples) return;
      this.#recording.push(block);
      this.#recorded += block.length;
      return;
    }
    this.#silence += blockLength;
    if (this.#recorded === 0 || this.#silence < pauseSamples) return;
    this.#coming = joined(this.#recording, this.#recorded);
    this.#recording = [];
    this.#recorded = 0;
  }

  /** The next block of the repetition; undefined while nothing was ever spoken. */
  next(length: number): Float32Array | undefined {
    if (this.#samples.length === 0) this.#startOver();
    if (this.#samples.length === 0) return undefined;
    const block = new Float32Array(length);
    for (let n = 0; n < length; n++) {
      block[n] = this.#samples[this.#position] as number;
      this.#position += 1;
      if (this.#position === this.#samples.length) this.#startOver();
    }
    return block;
  }

  /** It is not heard now; next time it begins at its beginning, with what was spoken last by then. */
  rewind(): void {
    this.#startOver();
  }

  #startOver(): void {
    this.#samples = this.#coming ?? this.#samples;
    this.#coming = undefined;
    this.#position = 0;
  }
}

function joined(pieces: readonly Float32Array[], length: number): Float32Array {
  const samples = new Float32Array(length);
  let at = 0;
  for (const piece of pieces) {
    samples.set(piece, at);
    at += piece.length;
  }
  const fade = Math.min(fadeSamples, length >> 1);
  for (let n = 0; n < fade; n++) {
    samples[n]! *= n / fade;
    samples[length - 1 - n]! *= n / fade;
  }
  return samples;
}
