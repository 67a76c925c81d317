import { fromDecibels } from "../audio/gain.ts";
import { TruePeakLimiter } from "../audio/limiter.ts";
import { ActiveLoudness, KWeighting } from "../audio/loudness.ts";
import { toInt16 } from "../audio/pcm.ts";
import { blockSamples, type MixedBlock } from "./block-mixer.ts";

const fullScale = 32_768;
/** −1 dBTP is allowed; AAC's own overshoot, and what interpolation underrates, stay below it by this. */
const ceilingDb = -2;
/** Programme loudness is that of the last 30 s that were not silent. */
const programmeBlocks = 1500;
const silentLufs = -50;
/** Half a decibel a second: slower than programmes change, so that nobody hears it. */
const stepDb = 0.01;
const mostDb = 15;
const enoughBlocks = 150;

/** A block of output, {@link blockSamples} stereo pairs. */
export interface LimitedBlock {
  readonly startSample: number;
  readonly pcm: Int16Array;
  readonly block: MixedBlock;
}

/**
 * The last step of a mix: brings the programme to a loudness where one is asked for, and keeps the true peak
 * under −1 dBTP. It sees one block ahead, so what it gives is the block before the one it takes. Sound
 * that passes untouched (the source alone) stays so, however loud it is.
 */
export class LimitedSound {
  readonly #limiter = new TruePeakLimiter(blockSamples, fromDecibels(ceilingDb) * fullScale);
  readonly #programme: ProgrammeLoudness | undefined;
  #level = 1;
  #held: HeldBlock | undefined;

  /** @param targetLufs loudness of the programme; undefined: as it comes */
  constructor(targetLufs: number | undefined) {
    if (targetLufs !== undefined) this.#programme = new ProgrammeLoudness(targetLufs);
  }

  /** Takes the next block and gives the one before; undefined at the first. */
  push(startSample: number, block: MixedBlock): LimitedBlock | undefined {
    const from = this.#level;
    this.#level = this.#programme?.next(block.sound) ?? 1;
    const atLevel = from === 1 && this.#level === 1;
    const untouched = atLevel && block.sound instanceof Int16Array;
    const sound = untouched ? undefined : scaled(block.sound, from, this.#level);
    const former = this.#held;
    const gains = this.#limiter.push(sound ?? silence);
    this.#held = { startSample, block, sound };
    return former && limited(former, gains);
  }

  /** The last block, at the end of the sound. */
  flush(): LimitedBlock | undefined {
    const former = this.#held;
    this.#held = undefined;
    return former && limited(former, this.#limiter.push(silence));
  }
}

interface HeldBlock {
  readonly startSample: number;
  readonly block: MixedBlock;
  /** Undefined where the source passes untouched. */
  readonly sound: Float32Array | undefined;
}

/** What the limiter is told of blocks that it must leave alone. */
const silence = new Float32Array(2 * blockSamples);

/** The slow gain that brings a programme to a loudness. */
class ProgrammeLoudness {
  readonly #loudness = new ActiveLoudness(programmeBlocks, silentLufs);
  readonly #weighting = [new KWeighting(), new KWeighting()] as const;
  #decibels = 0;

  constructor(private readonly targetLufs: number) {}

  /** The gain at the end of the next block. */
  next(sound: Int16Array | Float32Array): number {
    const [left, right] = this.#weighting;
    const power = left.power(sound, 2, 0, fullScale) + right.power(sound, 2, 1, fullScale);
    this.#loudness.push(power);
    if (this.#loudness.count >= enoughBlocks) {
      const wanted = Math.max(-mostDb, Math.min(mostDb, this.targetLufs - this.#loudness.lufs));
      const distance = wanted - this.#decibels;
      this.#decibels += Math.sign(distance) * Math.min(Math.abs(distance), stepDb);
    }
    return fromDecibels(this.#decibels);
  }
}

/** The very same array where its level is not to change; nobody else holds a mix. */
function scaled(sound: Float32Array | Int16Array, from: number, to: number): Float32Array {
  const output = sound instanceof Float32Array ? sound : new Float32Array(sound);
  if (from === 1 && to === 1) return output;
  for (let n = 0; n < output.length; n++)
    output[n]! *= from + ((to - from) * (n >> 1)) / blockSamples;
  return output;
}

function limited(
  { startSample, block, sound }: HeldBlock,
  gains: Float32Array | undefined,
): LimitedBlock {
  const source = sound ?? block.sound;
  if (gains === undefined && source instanceof Int16Array)
    return { startSample, pcm: source, block };
  const pcm = new Int16Array(source.length);
  if (gains === undefined)
    for (let n = 0; n < pcm.length; n++) pcm[n] = toInt16(source[n]! / fullScale);
  else
    for (let n = 0; n < pcm.length; n++)
      pcm[n] = toInt16((source[n]! * gains[n >> 1]!) / fullScale);
  return { startSample, pcm, block };
}
