import { streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { HeardFrame } from "./fragmenter.ts";

/** One piece of continuous time, [startSample, endSample). */
export interface GridPiece {
  readonly startSample: number;
  readonly endSample: number;
  /** False: the gate has heard none, neither in it nor so soon after it that a soft onset may lie in it. */
  readonly speech: boolean;
}

interface Span {
  readonly from: number;
  to: number;
}

const samplesPerMs = streamSampleRateHz / 1000;
/** A gate tells of speech this much after its beginning, at most: until then a silent piece is undecided. */
const gateLagSamples = 320 * samplesPerMs;
/** Taken into account before the beginning that the gate tells, for onsets softer than it hears. */
const leadInSamples = 128 * samplesPerMs;

/**
 * Cuts all of stream time into pieces of one length on a fixed grid, for sessions that hear continuously. A piece
 * with speech is given out as soon as it is whole; a silent one waits until no onset can lie in it any more.
 * Pure: no clock, no I/O.
 */
export class GridCutter {
  #openFrom: number;
  #heardUntil: number;
  #spans: Span[] = [];

  /** @param pieceSamples length of a piece; the first one and those after a hole may differ by up to a quarter */
  constructor(
    private readonly pieceSamples: number,
    startSample: number,
  ) {
    this.#openFrom = startSample;
    this.#heardUntil = startSample;
  }

  /** First sample that no piece covers yet. */
  get openFrom(): number {
    return this.#openFrom;
  }

  /** Takes the next frame; returns the pieces that are decided now, in order. */
  push(frame: HeardFrame): GridPiece[] {
    if (frame.speaking) {
      const from = Math.min(frame.speechFrom ?? this.#heardUntil, this.#heardUntil);
      const last = this.#spans.at(-1);
      if (last !== undefined && last.to >= from) last.to = frame.endSample;
      else this.#spans.push({ from: from - leadInSamples, to: frame.endSample });
    }
    this.#heardUntil = frame.endSample;
    return this.#decide();
  }

  /** The sound ends at `endSample`, or has a hole there; what is open is given out. */
  flush(endSample: number): GridPiece[] {
    const done: GridPiece[] = [];
    while (this.#openFrom < endSample) {
      const until = Math.min(this.#nextCut(), endSample);
      // What lies behind the last whole frame was not judged: it is sent.
      done.push(this.#close(until, until > this.#heardUntil || this.#hasSpeech(until)));
    }
    return done;
  }

  /** Continues at another place; what lies between it and `heardUntil` was heard by others and counts as speech. */
  restart(startSample: number, heardUntil = startSample): void {
    this.#openFrom = startSample;
    this.#heardUntil = heardUntil;
    this.#spans = heardUntil > startSample ? [{ from: startSample, to: heardUntil }] : [];
  }

  #decide(): GridPiece[] {
    const done: GridPiece[] = [];
    for (;;) {
      const until = this.#nextCut();
      if (this.#heardUntil < until) return done;
      const speech = this.#hasSpeech(until);
      if (!speech && this.#heardUntil < until + gateLagSamples) return done;
      done.push(this.#close(until, speech));
    }
  }

  #close(endSample: number, speech: boolean): GridPiece {
    const piece = { startSample: this.#openFrom, endSample, speech };
    this.#openFrom = endSample;
    this.#spans = this.#spans.filter((span) => span.to > endSample);
    return piece;
  }

  #hasSpeech(until: number): boolean {
    return this.#spans.some((span) => span.from < until && span.to > this.#openFrom);
  }

  /** The next place on the grid that leaves no sliver. */
  #nextCut(): number {
    const length = this.pieceSamples;
    const next = (Math.floor(this.#openFrom / length) + 1) * length;
    return next - this.#openFrom < length / 4 ? next + length : next;
  }
}
