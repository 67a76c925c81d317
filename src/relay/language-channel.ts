import type { AppliedMessage, AudioMessage, RegionMessage } from "../protocol/relay-worker.ts";
import type { BedBlock } from "./bed-ring.ts";
import { BlockMixer, blockSamples, type MixedBlock, type MixSettings } from "./block-mixer.ts";
import { DubTrack } from "./dub-track.ts";
import { type LimitedBlock, LimitedSound } from "./limited-sound.ts";
import { LastDub } from "./last-dub.ts";
import { Settlements } from "./settlements.ts";

/** The original is lowered this long (60 ms, three blocks) before a dub begins: the ducker's attack. */
const attackSamples = 3 * blockSamples;
/** How far ahead of its time the level of a dub is measured. */
const aheadSamples = 24_000;
/** Dub held for one language: ten minutes, about 58 MB. */
const maxDubSamples = 10 * 60 * 48_000;

export interface LanguageChannelOptions {
  readonly language: string;
  readonly settings: MixSettings;
  /** How far ahead of the playout position a worker may settle. */
  readonly maxAheadSamples: number;
  readonly onApplied: (message: AppliedMessage) => void;
  readonly stems?: boolean;
}

/** One target language of a stream: what its worker settled, its dub, and the mix of both with the original. */
export class LanguageChannel {
  readonly language: string;
  readonly settlements: Settlements;
  readonly #track = new DubTrack(maxDubSamples);
  readonly #mixer: BlockMixer;
  readonly #lastDub = new LastDub();
  readonly #limited: LimitedSound;
  #playedSample = 0;

  constructor(options: LanguageChannelOptions) {
    this.language = options.language;
    this.#mixer = new BlockMixer(options.settings, options.stems ?? false);
    this.#limited = new LimitedSound(options.settings.tuning?.loudnessTarget);
    this.settlements = new Settlements(this.#track, options.maxAheadSamples, options.onApplied);
  }

  /** Every sample before this one is settled. */
  get settledUntil(): number {
    return this.settlements.settledUntil;
  }

  /** One past the last dub sample that is still to be played; 0 when there is none. */
  get dubEndSample(): number {
    return this.#track.endSample;
  }

  receive(message: AudioMessage | RegionMessage): void {
    if (message.type === "audio") this.settlements.stageAudio(message);
    else this.settlements.settle(message, this.#playedSample);
  }

  /** Mixes the block that begins at `startSample`; blocks are asked for in order, each once. */
  mixBlock(startSample: number, original: Int16Array, bed?: BedBlock): MixedBlock {
    const endSample = startSample + blockSamples;
    const dub = this.#track.read(startSample, blockSamples);
    const kind = this.settlements.kindAt(startSample);
    const soon = endSample + attackSamples;
    const mixed = this.#mixer.mix({
      original,
      bed,
      dub: dub?.samples,
      dubAhead: this.#track.read(startSample + aheadSamples, blockSamples)?.samples,
      dubCoverage: (dub?.covered ?? 0) / blockSamples,
      lastDub: this.#nextOfLastDub(),
      kind,
      dubSoon: kind !== "replace" && this.#dubBeginsWithin(endSample, soon),
    });
    this.#lastDub.record(kind === "replace" ? undefined : dub?.samples, blockSamples);
    this.#playedSample = endSample;
    this.settlements.played(startSample, endSample);
    return mixed;
  }

  /**
   * Mixes a block and gives the one before it as it goes out, its peaks limited: a limiter sees ahead.
   * @returns undefined for the first block
   */
  nextOutput(startSample: number, original: Int16Array, bed?: BedBlock): LimitedBlock | undefined {
    return this.#limited.push(startSample, this.mixBlock(startSample, original, bed));
  }

  /** What is left to go out when no more is mixed. */
  lastOutput(): LimitedBlock | undefined {
    return this.#limited.flush();
  }

  #nextOfLastDub(): Float32Array | undefined {
    if (this.#mixer.wantsLastDub) return this.#lastDub.next(blockSamples);
    this.#lastDub.rewind();
    return undefined;
  }

  #dubBeginsWithin(startSample: number, endSample: number): boolean {
    const ahead = this.settlements.kindAt(endSample);
    if (ahead === "dub") return true;
    return ahead !== "replace" && this.#track.soundsIn(startSample, endSample);
  }
}
