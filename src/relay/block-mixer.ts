import { Ducker, type DuckDemand } from "../audio/ducker.ts";
import { equalPowerRamp } from "../audio/gain.ts";
import { softClip } from "../audio/limiter.ts";
import { toInt16 } from "../audio/pcm.ts";
import { streamSampleRateHz, type RegionKind } from "../protocol/relay-worker.ts";
import type { FallbackMode } from "../protocol/supervisor.ts";

/** The mix is made, and its state chosen, per block of 20 ms. */
export const blockSamples = 960;
const blockMs = (blockSamples / streamSampleRateHz) * 1000;
const fullScale = 32768;

export interface MixSettings {
  fallback: FallbackMode;
  /** A dub without a separated bed: over the ducked original, or not at all. */
  readonly withoutBed: "duck" | "skip";
  /** Linear gains of the separated bed and of the dub. */
  readonly bgGain: number;
  readonly dubGain: number;
}

/** What a block can be made of; all of it lies at the same stream time. */
export interface BlockSources {
  /** Interleaved stereo, {@link blockSamples} pairs. */
  readonly original: Int16Array;
  /** The original without its speech, stereo; absent while nothing separates it. It fades its own edges. */
  readonly bed?: Int16Array;
  /** The worker's audio, mono, in 16-bit scale; absent where nothing sounds. */
  readonly dub?: Float32Array | undefined;
  /** Share of the block under the worker's audio, 0..1. */
  readonly dubCoverage: number;
  /** The dub spoken last, going round, mono in 16-bit scale; absent while nothing was spoken. */
  readonly lastDub?: Float32Array | undefined;
  /** How the block is settled; absent: the worker has not answered. */
  readonly kind: RegionKind | undefined;
  /** A dub begins within the ducker's attack time. */
  readonly dubSoon: boolean;
}

/** What a block came from, for status and metrics. */
export type Playing = "original" | "dub" | "replace" | "fallback";

export interface MixedBlock {
  /** Interleaved stereo. */
  readonly pcm: Int16Array;
  readonly playing: Playing;
  /** The dub as it sounds in the mix (mono) and everything else (stereo); only when stems are asked for. */
  readonly stems?: { readonly dub: Float32Array; readonly bed: Float32Array };
}

interface Gains {
  original: number;
  bed: number;
  dub: number;
  lastDub: number;
}

/**
 * Mixes one language's output block by block. Every change of a source's gain is an equal-power
 * crossfade over one block (20 ms), so switches are not heard; while only the original plays it passes
 * bit by bit.
 */
export class BlockMixer {
  #gains: Gains = { original: 1, bed: 0, dub: 1, lastDub: 0 };
  #ducker = new Ducker();

  constructor(
    readonly settings: MixSettings,
    private readonly wantStems = false,
  ) {}

  mix(sources: BlockSources): MixedBlock {
    const { playing, gains, demand } = this.#decide(sources);
    const duckGain = this.#ducker.next(demand, blockMs);
    const target = { ...gains, original: gains.original * duckGain };
    const from = this.#gains;
    this.#gains = target;
    const untouched =
      from.original === 1 && target.original === 1 && from.bed === 0 && target.bed === 0;
    const alone = sources.dub === undefined && from.lastDub === 0 && target.lastDub === 0;
    if (untouched && alone && !this.wantStems) return { pcm: sources.original, playing };
    const bed = new Float32Array(blockSamples * 2);
    const dub = new Float32Array(blockSamples);
    addScaled(bed, sources.original, from.original, target.original, 2);
    addScaled(bed, sources.bed, from.bed, target.bed, 2);
    addScaled(dub, sources.dub, from.dub, target.dub, 1);
    addScaled(dub, sources.lastDub, from.lastDub, target.lastDub, 1);
    if (untouched && alone) return { pcm: sources.original, playing, stems: { dub, bed } };
    const pcm = new Int16Array(blockSamples * 2);
    for (let n = 0; n < pcm.length; n++) {
      const sum = (bed[n] as number) + (dub[n >> 1] as number);
      pcm[n] = toInt16(softClip(sum / fullScale));
    }
    return { pcm, playing, ...(this.wantStems ? { stems: { dub, bed } } : {}) };
  }

  #decide(sources: BlockSources): { playing: Playing; gains: Gains; demand: DuckDemand } {
    const { withoutBed, bgGain, dubGain } = this.settings;
    const sounding = sources.dub !== undefined || sources.dubSoon;
    const original = { original: 1, bed: 0, dub: dubGain, lastDub: 0 };
    const hasBed = sources.bed !== undefined;
    switch (sources.kind) {
      case "original":
        return { playing: "original", gains: original, demand: sounding ? "duck" : "idle" };
      case "replace":
        // A hole in the worker's audio is no reason for dead air.
        if (sources.dubCoverage < 0.5) return this.#fallback(sources);
        return { playing: "replace", gains: { ...original, original: 0, dub: 1 }, demand: "idle" };
      case "dub":
        if (hasBed) {
          const gains = { ...original, original: 0, bed: bgGain };
          return { playing: "dub", gains, demand: "idle" };
        }
        if (withoutBed === "skip") return this.#fallback(sources);
        return { playing: "dub", gains: original, demand: "duck" };
      case "fallback":
      case undefined:
    }
    return this.#fallback(sources);
  }

  /** No dub came for this block: the configured fallback, by what is there to carry it. */
  #fallback(sources: BlockSources): { playing: Playing; gains: Gains; demand: DuckDemand } {
    const { fallback, withoutBed, bgGain, dubGain } = this.settings;
    const skipsDub = withoutBed === "skip" && sources.bed === undefined;
    const dub = skipsDub ? 0 : dubGain;
    const gains = { original: 1, bed: 0, dub, lastDub: 0 };
    const sounding = !skipsDub && (sources.dub !== undefined || sources.dubSoon);
    const playing = "fallback";
    switch (fallback) {
      case "original":
        return { playing, gains, demand: sounding ? "duck" : "release" };
      case "background":
        if (sources.bed !== undefined) {
          return { playing, gains: { ...gains, original: 0, bed: bgGain }, demand: "idle" };
        }
        return { playing, gains, demand: "duck" };
      case "ducked":
        return { playing, gains, demand: "duck" };
      case "repeat_last":
        if (sources.lastDub === undefined) {
          return { playing, gains, demand: sounding ? "duck" : "release" };
        }
        return { playing, gains: { ...gains, lastDub: dubGain }, demand: "duck" };
      case "silence":
    }
    return { playing, gains: { ...gains, original: 0 }, demand: "idle" };
  }
}

/** Adds a source on its way from one gain to another; a silent source costs nothing. */
function addScaled(
  output: Float32Array,
  source: Int16Array | Float32Array | undefined,
  from: number,
  to: number,
  channels: number,
): void {
  if (source === undefined || (from === 0 && to === 0)) return;
  if (from === to) {
    for (let n = 0; n < output.length; n++) output[n]! += (source[n] as number) * to;
    return;
  }
  const ramp = equalPowerRamp(from, to, output.length / channels);
  for (let n = 0; n < output.length; n++) {
    const gain = ramp[channels === 1 ? n : n >> 1] as number;
    output[n]! += (source[n] as number) * gain;
  }
}
