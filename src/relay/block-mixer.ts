import { Ducker, type DuckDemand } from "../audio/ducker.ts";
import { equalPowerRamp } from "../audio/gain.ts";
import { streamSampleRateHz, type RegionKind } from "../protocol/relay-worker.ts";
import type { FallbackMode, MixTuning } from "../protocol/supervisor.ts";
import type { BedBlock } from "./bed-ring.ts";
import { DubLevel } from "./dub-level.ts";
import { defaultMixTuning } from "./mix-tuning.ts";

/** The mix is made, and its state chosen, per block of 20 ms. */
export const blockSamples = 960;
const blockMs = (blockSamples / streamSampleRateHz) * 1000;

/** From 0 to 1 over a block without a kink: how two sounds that are alike change places. */
const shareWay = Float64Array.from(
  { length: blockSamples },
  (_, n) => 0.5 - 0.5 * Math.cos((Math.PI * n) / blockSamples),
);

export interface MixSettings {
  fallback: FallbackMode;
  /** A dub without a separated bed: over the ducked original, or not at all. */
  readonly withoutBed: "duck" | "skip";
  /** Linear gains of the separated bed and of the dub. */
  readonly bgGain: number;
  readonly dubGain: number;
  /** Absent: the defaults. */
  readonly tuning?: MixTuning | undefined;
}

/** What a block can be made of; all of it lies at the same stream time. */
export interface BlockSources {
  /** Interleaved stereo, {@link blockSamples} pairs. */
  readonly original: Int16Array;
  /** The original without its speech; absent where nothing has separated it. */
  readonly bed?: BedBlock | undefined;
  /** The worker's audio, mono, in 16-bit scale; absent where nothing sounds. */
  readonly dub?: Float32Array | undefined;
  /** The worker's audio half a second later: its level is known before its first word. */
  readonly dubAhead?: Float32Array | undefined;
  /** Share of the block under the worker's audio, 0..1. */
  readonly dubCoverage: number;
  /** The dub spoken last, going round, mono in 16-bit scale; absent while nothing was spoken, or {@link BlockMixer.wantsLastDub} is not. */
  readonly lastDub?: Float32Array | undefined;
  /** How the block is settled; absent: the worker has not answered. */
  readonly kind: RegionKind | undefined;
  /** A dub begins within the ducker's attack time. */
  readonly dubSoon: boolean;
}

/** What a block came from, for status and metrics. */
export type Playing = "original" | "dub" | "replace" | "fallback";

export interface MixedBlock {
  /** Interleaved stereo: the original itself where it passes untouched, else the mix in 16-bit scale, unlimited. */
  readonly sound: Int16Array | Float32Array;
  readonly playing: Playing;
  /** The dub as it sounds in the mix (mono) and everything else (stereo); only when stems are asked for. */
  readonly stems?: { readonly dub: Float32Array; readonly bed: Float32Array };
}

interface Gains {
  /** Of what lies under the dub. */
  under: number;
  /** How much of that is the bed, the rest being the original: they are alike, so shares add up to 1. */
  bedShare: number;
  dub: number;
  lastDub: number;
}

interface Decision {
  readonly playing: Playing;
  readonly gains: Gains;
  readonly demand: DuckDemand;
}

/**
 * Mixes one language's output block by block. Every change of a source's gain is an equal-power
 * crossfade over one block (20 ms), so switches are not heard; while only the original plays it passes
 * bit by bit.
 */
export class BlockMixer {
  #gains: Gains = { under: 1, bedShare: 0, dub: 1, lastDub: 0 };
  readonly #tuning: MixTuning;
  readonly #ducker: Ducker;
  readonly #dubLevel = new DubLevel();

  constructor(
    readonly settings: MixSettings,
    private readonly wantStems = false,
  ) {
    this.#tuning = settings.tuning ?? defaultMixTuning;
    const { duckAttackMs, duckHoldMs, duckReleaseMs } = this.#tuning;
    this.#ducker = new Ducker({
      attackMs: duckAttackMs,
      holdMs: duckHoldMs,
      releaseMs: duckReleaseMs,
    });
  }

  /** The dub spoken last sounds now, or might in the next block. */
  get wantsLastDub(): boolean {
    return this.settings.fallback === "repeat_last" || this.#gains.lastDub !== 0;
  }

  mix(sources: BlockSources): MixedBlock {
    const { playing, gains, demand } = this.#decide(sources);
    const { bed, original } = sources;
    // The fallback `ducked` lowers the original, though there may be a bed.
    const isDucked = playing === "fallback" && this.settings.fallback === "ducked";
    const hasOriginal = bed === undefined || isDucked;
    const depth = hasOriginal ? this.#tuning.originalDuckDb : this.#tuning.bedDuckDb;
    const under = gains.under * this.#ducker.next(demand, depth, blockMs);
    const dubLevel = this.#levelOfDub(sources);
    const target = {
      ...gains,
      under,
      dub: gains.dub * dubLevel,
      lastDub: gains.lastDub * dubLevel,
    };
    const from = { ...this.#gains, bedShare: bed === undefined ? 0 : this.#gains.bedShare };
    this.#gains = target;
    const isOriginal = (from.bedShare === 0 && target.bedShare === 0) || bed?.samples === original;
    const untouched = from.under === 1 && target.under === 1 && isOriginal;
    const alone = sources.dub === undefined && from.lastDub === 0 && target.lastDub === 0;
    if (untouched && alone && !this.wantStems) return { sound: original, playing };
    const beneath = underneath(original, isOriginal ? undefined : bed?.samples, from, target);
    const dub = new Float32Array(blockSamples);
    addScaled(dub, sources.dub, from.dub, target.dub);
    addScaled(dub, sources.lastDub, from.lastDub, target.lastDub);
    const stems = { dub, bed: beneath };
    if (untouched && alone) return { sound: original, playing, stems };
    const sound = this.wantStems ? beneath.slice() : beneath;
    for (let n = 0; n < sound.length; n++) sound[n]! += dub[n >> 1]!;
    return { sound, playing, ...(this.wantStems ? { stems } : {}) };
  }

  /** The gain that brings the dub to the level of the speech it replaces. */
  #levelOfDub({ original, bed, dub, dubAhead, kind }: BlockSources): number {
    if (!this.#tuning.levelDub || kind === "replace") return 1;
    const separated = bed !== undefined && bed.samples !== original;
    if (separated) this.#dubLevel.hearSpeech(original, bed.samples);
    else if (bed === undefined && kind === "dub") this.#dubLevel.hearSpeech(original, undefined);
    if (dub !== undefined) this.#dubLevel.hearDub(dub, "now");
    if (dubAhead !== undefined) this.#dubLevel.hearDub(dubAhead, "ahead");
    return this.#dubLevel.next();
  }

  #decide(sources: BlockSources): Decision {
    const { withoutBed, bgGain, dubGain } = this.settings;
    const sounding = sources.dub !== undefined || sources.dubSoon;
    const original = { under: 1, bedShare: 0, dub: dubGain, lastDub: 0 };
    switch (sources.kind) {
      case "original":
        return { playing: "original", gains: original, demand: sounding ? "duck" : "idle" };
      case "replace":
        // A hole in the worker's audio is no reason for dead air.
        if (sources.dubCoverage < 0.5) return this.#fallback(sources);
        return { playing: "replace", gains: { ...original, under: 0, dub: 1 }, demand: "idle" };
      case "dub":
        if (sources.bed !== undefined) {
          const gains = { ...original, under: bgGain, bedShare: shareOf(sources.bed) };
          return { playing: "dub", gains, demand: "duck" };
        }
        if (withoutBed === "skip") return this.#fallback(sources);
        return { playing: "dub", gains: original, demand: "duck" };
      case "fallback":
      case undefined:
    }
    return this.#fallback(sources);
  }

  /** No dub came for this block: the configured fallback, by what is there to carry it. */
  #fallback(sources: BlockSources): Decision {
    const { fallback, withoutBed, bgGain, dubGain } = this.settings;
    const { bed } = sources;
    const skipsDub = withoutBed === "skip" && bed === undefined;
    const dub = skipsDub ? 0 : dubGain;
    const gains = { under: 1, bedShare: 0, dub, lastDub: 0 };
    const onBed = bed && { ...gains, under: bgGain, bedShare: shareOf(bed) };
    const sounding = !skipsDub && (sources.dub !== undefined || sources.dubSoon);
    const playing = "fallback";
    switch (fallback) {
      case "original":
        return { playing, gains, demand: sounding ? "duck" : "release" };
      case "background":
        if (onBed !== undefined)
          return { playing, gains: onBed, demand: sounding ? "duck" : "idle" };
        return { playing, gains, demand: "duck" };
      case "ducked":
        return { playing, gains, demand: "duck" };
      case "repeat_last":
        if (sources.lastDub === undefined) {
          return { playing, gains, demand: sounding ? "duck" : "release" };
        }
        return { playing, gains: { ...(onBed ?? gains), lastDub: dubGain }, demand: "duck" };
      case "silence":
    }
    return { playing, gains: { ...gains, under: 0 }, demand: "idle" };
  }
}

/** Where the bed ends with this block, the original is back at the block's end: no step to the next. */
function shareOf(bed: BedBlock): number {
  return bed.isLast ? 0 : 1;
}

/** What lies under the dub: original and bed in shares that add up to 1, at one level. */
function underneath(
  original: Int16Array,
  bed: Int16Array | undefined,
  from: Gains,
  to: Gains,
): Float32Array {
  const output = new Float32Array(blockSamples * 2);
  if (from.under === 0 && to.under === 0) return output;
  const level = equalPowerRamp(from.under, to.under, blockSamples);
  if (bed === undefined) {
    for (let n = 0; n < output.length; n++) output[n] = original[n]! * level[n >> 1]!;
    return output;
  }
  const change = to.bedShare - from.bedShare;
  for (let n = 0; n < output.length; n++) {
    const sample = original[n]!;
    const share = from.bedShare + change * shareWay[n >> 1]!;
    output[n] = (sample + share * (bed[n]! - sample)) * level[n >> 1]!;
  }
  return output;
}

/** Adds a mono source on its way from one gain to another; a silent source costs nothing. */
function addScaled(
  output: Float32Array,
  source: Float32Array | undefined,
  from: number,
  to: number,
): void {
  if (source === undefined || (from === 0 && to === 0)) return;
  const ramp = equalPowerRamp(from, to, output.length);
  for (let n = 0; n < output.length; n++) output[n]! += (source[n] as number) * (ramp[n] as number);
}
