import { asInt16 } from "../audio/pcm.ts";
import type {
  AppliedMessage,
  AudioMessage,
  RegionKind,
  RegionMessage,
} from "../protocol/relay-worker.ts";
import type { DubTrack } from "./dub-track.ts";

interface Region extends RegionMessage {
  announced: boolean;
}

/** Regions that may lie ahead of the playout position; a worker that settles more is refused. */
const maxRegions = 4096;
/** Staged pieces of audio that may wait for their region. */
const maxStaged = 4096;

export interface SettlementCounters {
  regions: number;
  lateRegions: number;
  refusedRegions: number;
  droppedDubSamples: number;
}

/**
 * What the worker has settled for one language. A region and the audio sent before it take effect
 * together: if any of that audio should have begun before the playout position, a word would be cut, so
 * the region is late as a whole and its stretch keeps its fallback.
 */
export class Settlements {
  readonly counters: SettlementCounters = {
    regions: 0,
    lateRegions: 0,
    refusedRegions: 0,
    droppedDubSamples: 0,
  };
  #regions: Region[] = [];
  #staged: AudioMessage[] = [];
  #stagedSamples = 0;
  #settledUntil = 0;
  /** End of the words that were dropped last, because they came too late. */
  #droppedUntil = 0;

  /**
   * @param maxAheadSamples how far ahead of the playout position audio may lie
   */
  constructor(
    readonly track: DubTrack,
    readonly maxAheadSamples: number,
    private readonly onApplied: (message: AppliedMessage) => void,
  ) {}

  /** Every sample before this one is settled, seen from the start of the stream without a hole. */
  get settledUntil(): number {
    return this.#settledUntil;
  }

  /** Audio waits here for the region that it belongs to. */
  stageAudio(message: AudioMessage): void {
    const samples = message.pcm.length / 2;
    const full = this.#stagedSamples + samples > this.track.maxSamples;
    if (full || this.#staged.length >= maxStaged) {
      this.counters.droppedDubSamples += samples;
      return;
    }
    this.#staged.push(message);
    this.#stagedSamples += samples;
  }

  /** Settles a stretch; `playedSample` is the first sample not yet mixed. */
  settle(region: RegionMessage, playedSample: number): void {
    const audio = this.#staged;
    this.forgetStaged();
    const tooLate =
      region.endSample <= playedSample || audio.some((piece) => piece.startSample < playedSample);
    const tooFar = region.endSample > playedSample + this.maxAheadSamples;
    if (tooLate || tooFar || region.endSample <= region.startSample) {
      if (tooLate) this.counters.lateRegions += 1;
      else this.counters.refusedRegions += 1;
      for (const piece of audio) this.#drop(piece);
      this.#announce(region, true);
      return;
    }
    if (this.#regions.length >= maxRegions) {
      this.counters.refusedRegions += 1;
      return;
    }
    for (const piece of audio) {
      const { startSample, pcm, crossfadeSamples } = piece;
      if (!this.track.add(startSample, asInt16(pcm), crossfadeSamples)) this.#drop(piece);
    }
    this.counters.regions += 1;
    const kind = this.#lostItsWords(region) ? "fallback" : region.kind;
    this.#regions.push({ ...region, kind, announced: false });
    this.#extendSettled();
  }

  /** What is settled at a sample; of two regions the one settled last counts. */
  kindAt(sample: number): RegionKind | undefined {
    return this.#regionAt(sample)?.kind;
  }

  /** The block [startSample, endSample) has been written: its region is announced, old ones are forgotten. */
  played(startSample: number, endSample: number): void {
    const region = this.#regionAt(startSample);
    if (region !== undefined && !region.announced) {
      region.announced = true;
      this.#announce(region, false);
    }
    if (this.#regions.some((known) => known.endSample <= endSample)) {
      this.#regions = this.#regions.filter((known) => known.endSample > endSample);
    }
    this.track.discardBefore(endSample);
  }

  /** The worker is gone: audio whose region never came is forgotten, what is settled stays. */
  forgetStaged(): void {
    this.#staged = [];
    this.#stagedSamples = 0;
  }

  #drop({ startSample, pcm }: AudioMessage): void {
    this.counters.droppedDubSamples += pcm.length / 2;
    this.#droppedUntil = Math.max(this.#droppedUntil, startSample + pcm.length / 2);
  }

  /** The worker keeps a stretch for words that run on into it, and they were dropped: nothing sounds there. */
  #lostItsWords({ kind, startSample, endSample }: RegionMessage): boolean {
    const hadWords = kind === "dub" && startSample < this.#droppedUntil;
    return hadWords && !this.track.soundsIn(startSample, endSample);
  }

  #regionAt(sample: number): Region | undefined {
    return this.#regions.findLast(
      (region) => region.startSample <= sample && region.endSample > sample,
    );
  }

  #extendSettled(): void {
    let next = this.#regionAt(this.#settledUntil);
    while (next !== undefined) {
      this.#settledUntil = next.endSample;
      next = this.#regionAt(this.#settledUntil);
    }
  }

  #announce(region: RegionMessage, late: boolean): void {
    this.onApplied({
      type: "applied",
      language: region.language,
      startSample: region.startSample,
      ...(region.fragmentId === undefined ? {} : { fragmentId: region.fragmentId }),
      late,
    });
  }
}
