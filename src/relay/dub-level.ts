import { fromDecibels } from "../audio/gain.ts";
import { ActiveLoudness, KWeighting } from "../audio/loudness.ts";

const blockSamples = 960;
const blocksPerSecond = 48_000 / blockSamples;
const shortTermBlocks = 3 * blocksPerSecond;
/** Quieter than this is a pause between words. */
const pauseLufs = -50;
/** So much of both must have been heard (0.2 s) before anything is concluded. */
const enoughBlocks = 0.2 * blocksPerSecond;
/** Speech in broadcasts (EBU R 128), taken for the source's until that has been heard. */
const usualSpeechLufs = -21;
const mostDecibels = 12;
/** The gain moves slowly, so that nobody hears it; faster until the first measure is reached. */
const firstStepDb = 60 / blocksPerSecond;
const stepDb = 4 / blocksPerSecond;
const fullScale = 32_768;

/** Brings a dub to the short-term loudness of the speech that it replaces, within 12 dB. */
export class DubLevel {
  #speech = new ActiveLoudness(shortTermBlocks, pauseLufs);
  #dub = new ActiveLoudness(shortTermBlocks, pauseLufs);
  #speechWeighting = [new KWeighting(), new KWeighting()] as const;
  #dubWeighting = { now: new KWeighting(), ahead: new KWeighting() };
  #speechBlock = new Float32Array(2 * blockSamples);
  #decibels = 0;
  #reached = false;

  /** A block of the source's speech: the original less its bed, or the original where there is no bed. */
  hearSpeech(original: Int16Array, bed: Int16Array | undefined): void {
    for (let n = 0; n < this.#speechBlock.length; n++)
      this.#speechBlock[n] = original[n]! - (bed?.[n] ?? 0);
    const [left, right] = this.#speechWeighting;
    this.#speech.push(
      left.power(this.#speechBlock, 2, 0, fullScale) +
        right.power(this.#speechBlock, 2, 1, fullScale),
    );
  }

  /**
   * A block of the dub as it came, mono; it will be heard from both sides.
   * @param when what comes soon is heard too, so that the level is known before the first word
   */
  hearDub(samples: Float32Array, when: "now" | "ahead"): void {
    this.#dub.push(2 * this.#dubWeighting[when].power(samples, 1, 0, fullScale));
  }

  /** The linear gain for the dub at the end of the next block. */
  next(): number {
    if (this.#dub.count < enoughBlocks) return fromDecibels(this.#decibels);
    const speech = this.#speech.count < enoughBlocks ? usualSpeechLufs : this.#speech.lufs;
    const difference = speech - this.#dub.lufs;
    const wanted = Math.min(mostDecibels, Math.max(-mostDecibels, difference));
    const step = this.#reached ? stepDb : firstStepDb;
    const distance = wanted - this.#decibels;
    if (Math.abs(distance) <= step) this.#reached = true;
    this.#decibels += Math.sign(distance) * Math.min(Math.abs(distance), step);
    return fromDecibels(this.#decibels);
  }
}
