import { correlationOf, crossfade } from "../audio/crossfade.ts";
import { fadeEdge } from "../audio/gain.ts";
import { VariableRate } from "../audio/variable-rate.ts";
import { DriftLoop } from "./drift-loop.ts";
import { edgeFadeSamples } from "./pcm-ring.ts";

/** Stamps further off than this are a hole or an overlap at once: 100 ms. */
const mostJumpSamples = 4800;
/** Further off than this is no drift: when it stays, it is a jump. */
const leastJumpSamples = 480;
/** It stays when no run for a second says otherwise. */
const jumpStaysSamples = 48_000;
/** A hole up to this long is filled with silence; a longer one stays a hole. */
const longestFillSamples = 10 * 48_000;
const silencePiece = 48_000;
/**
 * Sound that has come for so long for a time that has sound already, and would for so long again, has been stamped
 * anew by its sender: it goes on as long after what was before it as it has lasted.
 */
const restampedAfterSamples = 48_000;
/** Stamps of runs that follow each other may be off by their rounding: 1 ms. */
const stampStepSamples = 48;
/** What has been played already and is kept, to be played again where the stamps jump ahead. */
const historySamples = mostJumpSamples + edgeFadeSamples;

/** A piece of the line: interleaved stereo. */
export interface PlacedSound {
  readonly startSample: number;
  readonly samples: Int16Array;
}

/**
 * Lays decoded sound where its stamps put it, as one line of samples. A hole of over 100 ms becomes silence
 * with both its edges faded; where sound comes for a time that has sound already, what is there stays and the
 * new is joined to its end by a crossfade. A jump of 10 to 100 ms that stays is made up for by one crossfade,
 * which leaves out or repeats that much; what is less is followed by playing faster or slower. Sound that keeps
 * to its stamps stays as it is, to the bit. Holds back 10 ms.
 */
export class SoundPlacer {
  #rate = new VariableRate();
  #drift = new DriftLoop();
  #hasBegun = false;
  /** One past the last sample given. */
  #end = 0;
  /** Input on its way: what was played, for {@link #repeat}, and from {@link #playedUntil} on what waits. */
  #line = new Int16Array(2 * 16_384);
  #playedUntil = 0;
  #lineEnd = 0;
  /** Samples of a fade-in that are still to come. */
  #fadeInLeft = 0;
  /** What came last for a time that has sound already, and how long it lasts now; undefined when there is none such. */
  #overlap:
    | { readonly endSample: number; readonly samples: Int16Array; readonly lasted: number }
    | undefined;
  /** Where the sound lies, less where its stamps would put it. */
  #restamped = 0;
  /** For how long, and by how much in the mean, runs have been off by over 10 ms to the same side. */
  #jump = { samples: 0, mean: 0 };

  /** @param give gets interleaved stereo in order; only a hole of over 10 s is left between two pieces */
  constructor(private readonly give: (startSample: number, samples: Int16Array) => void) {}

  /**
   * Takes a run; it is given by {@link flow}.
   *
   * @param stampSample where the stamps put the first sample; what lies before 0 is left out
   * @param samples interleaved stereo
   */
  push(stampSample: number, samples: Int16Array): void {
    if (samples.length === 0) return;
    if (!this.#hasBegun) return this.#begin(stampSample, samples);
    if (this.#restamped !== 0 && Math.abs(stampSample - this.#next) <= mostJumpSamples)
      this.#restamped = 0; // the sender has found back
    this.#place(stampSample + this.#restamped, samples);
  }

  #place(stampSample: number, samples: Int16Array): void {
    const off = stampSample - this.#next;
    const isOverlap = this.#overlap !== undefined || off < -mostJumpSamples;
    if (!isOverlap && off <= mostJumpSamples) {
      const jump = this.#jumpThatStays(off, samples.length / 2);
      if (jump === 0) return this.#append(samples);
      if (jump > 0) {
        this.#repeat(jump);
        return this.#append(samples);
      }
    }
    if (off > mostJumpSamples && !isOverlap) {
      this.#leaveHole(stampSample);
      this.#append(samples);
    } else this.#takeOverlap(stampSample, samples);
  }

  /** Gives what has come but for the newest 10 ms, which a join may still change. To be called now and then. */
  flow(): void {
    this.#play(this.#lineEnd - edgeFadeSamples);
    const forget = this.#playedUntil - historySamples;
    if (forget <= 0) return;
    this.#line.copyWithin(0, 2 * forget, 2 * this.#lineEnd);
    this.#playedUntil -= forget;
    this.#lineEnd -= forget;
  }

  /** The sound ends: gives everything. */
  end(): void {
    this.#play(this.#lineEnd);
    this.#deliver(this.#rate.flush());
  }

  /** Where the next sample would be played. */
  get #next(): number {
    const waiting = this.#rate.pendingSamples + this.#lineEnd - this.#playedUntil;
    return this.#end + waiting * this.#drift.ratio;
  }

  #begin(stampSample: number, samples: Int16Array): void {
    const left = samples.subarray(2 * Math.max(0, -stampSample));
    if (left.length === 0) return;
    this.#hasBegun = true;
    if (stampSample > 0) this.#leaveHole(stampSample);
    this.#append(left);
  }

  /** By how much the line has to be put right here and now; 0 where it has not. */
  #jumpThatStays(off: number, count: number): number {
    if (Math.abs(off) < leastJumpSamples) {
      this.#jump.samples = 0;
      this.#drift.observe(off, count);
      return 0;
    }
    const { samples, mean } = this.#jump;
    const before = samples > 0 && mean > 0 === off > 0 ? samples : 0;
    this.#jump = {
      samples: before + count,
      mean: mean + (off - mean) * (count / (before + count)),
    };
    return this.#jump.samples < jumpStaysSamples ? 0 : Math.round(this.#jump.mean);
  }

  /** Silence up to a place; where that would be too much, nothing. */
  #leaveHole(untilSample: number): void {
    const waiting = this.#waiting(edgeFadeSamples);
    fadeEdge(waiting, 2, edgeFadeSamples, "out");
    this.#settle();
    const missing = Math.round((untilSample - this.#next) / this.#drift.ratio);
    if (missing <= longestFillSamples) {
      for (let left = missing; left > 0; left -= silencePiece) {
        this.#makeRoom(Math.min(left, silencePiece)).fill(0);
        this.flow();
      }
    } else {
      this.end();
      this.#drift.reset();
      this.#playedUntil = 0;
      this.#lineEnd = 0;
      this.#end = untilSample;
    }
    this.#fadeInLeft = edgeFadeSamples;
  }

  /** Plays the last of the line once more, from a crossfade on. */
  #repeat(count: number): void {
    this.#settle();
    const from = this.#lineEnd - count - edgeFadeSamples;
    if (from < 0) return this.#leaveHole(this.#next + count);
    const again = this.#line.slice(2 * from, 2 * this.#lineEnd);
    this.#join(again, edgeFadeSamples);
  }

  #takeOverlap(stampSample: number, samples: Int16Array): void {
    const goesOn = this.#goesOn(stampSample);
    const before = goesOn ? this.#overlap!.samples : empty;
    const joined = new Int16Array(before.length + samples.length);
    joined.set(before);
    joined.set(samples, before.length);
    const next = Math.round(this.#next);
    const endSample = stampSample + samples.length / 2;
    const lasted = (goesOn ? this.#overlap!.lasted : 0) + samples.length / 2;
    if (endSample <= next) {
      if (Math.min(lasted, next - endSample) >= restampedAfterSamples)
        return this.#restamp(endSample, next + lasted);
      this.#overlap = { endSample, samples: joined.slice(-2 * edgeFadeSamples), lasted };
      return;
    }
    this.#overlap = undefined;
    this.#settle();
    const common = next - (endSample - joined.length / 2);
    if (common < edgeFadeSamples / 2) {
      // Too little to be crossfaded: one fades out, the other in.
      const skip = Math.max(0, common);
      this.#leaveHole(next - common + skip);
      return this.#append(joined.subarray(2 * skip));
    }
    const fade = Math.min(common, edgeFadeSamples);
    this.#join(joined.subarray(2 * (common - fade)), fade);
  }

  /** What follows is placed so that a moment by the stamps lies at another of the line. */
  #restamp(stampSample: number, lineSample: number): void {
    this.#overlap = undefined;
    this.#restamped += lineSample - stampSample;
    this.#leaveHole(lineSample);
  }

  #goesOn(stampSample: number): boolean {
    const { endSample } = this.#overlap ?? {};
    return endSample !== undefined && Math.abs(stampSample - endSample) <= stampStepSamples;
  }

  /** Goes on with other sound, of which the first `fade` samples lie over the last of the line. */
  #join(samples: Int16Array, fade: number): void {
    const old = this.#waiting(fade);
    const length = old.length / 2;
    const fresh = samples.subarray(2 * (fade - length));
    const gains = crossfade(length, correlationOf(old, fresh.subarray(0, 2 * length)));
    for (let n = 0; n < 2 * length; n++) {
      const mixed =
        (old[n] as number) * (gains.out[n >> 1] as number) +
        (fresh[n] as number) * (gains.in[n >> 1] as number);
      old[n] = Math.max(-32_768, Math.min(32_767, Math.round(mixed)));
    }
    this.#append(fresh.subarray(2 * length));
  }

  /** What was off has been made up for. */
  #settle(): void {
    this.#jump.samples = 0;
    this.#drift.settle();
  }

  /** The newest of the line that was not played yet, at most `count` samples, to be changed in place. */
  #waiting(count: number): Int16Array {
    const from = Math.max(this.#playedUntil, this.#lineEnd - count);
    return this.#line.subarray(2 * from, 2 * this.#lineEnd);
  }

  #append(samples: Int16Array): void {
    const room = this.#makeRoom(samples.length / 2);
    room.set(samples);
    const fading = Math.min(this.#fadeInLeft, room.length / 2);
    for (let n = 0; n < 2 * fading; n++) {
      const at = edgeFadeSamples - this.#fadeInLeft + (n >> 1);
      const gain = Math.sin((Math.PI / 2) * ((at + 0.5) / edgeFadeSamples));
      room[n] = Math.round((room[n] as number) * gain);
    }
    this.#fadeInLeft -= fading;
  }

  /** Makes the line longer. @returns the new part of it, with anything in it */
  #makeRoom(count: number): Int16Array {
    const from = 2 * this.#lineEnd;
    const to = from + 2 * count;
    if (to > this.#line.length) {
      const longer = new Int16Array(2 * to);
      longer.set(this.#line.subarray(0, from));
      this.#line = longer;
    }
    this.#lineEnd += count;
    return this.#line.subarray(from, to);
  }

  #play(until: number): void {
    if (until <= this.#playedUntil) return;
    const input = this.#line.subarray(2 * this.#playedUntil, 2 * until);
    this.#playedUntil = until;
    this.#deliver(this.#rate.push(input, this.#drift.ratio));
  }

  #deliver(samples: Int16Array): void {
    if (samples.length === 0) return;
    this.give(this.#end, samples);
    this.#end += samples.length / 2;
  }
}

const empty = new Int16Array(0);
