import { asBytes, asInt16, bytesPerStereoSample } from "../audio/pcm.ts";
import {
  type PcmMessage,
  streamSampleRateHz,
  type WorkerLink,
  type WorkerToRelay,
} from "../protocol/relay-worker.ts";
import type { BedSplitter } from "../separation/bed-splitter.ts";
import type { Counters } from "../sts/counters.ts";
import type { HeardFrame } from "./fragmenter.ts";

const samplesPerMs = streamSampleRateHz / 1000;
/** Speech is separated in pieces of this length, each with context on both sides. */
const hopSamples = streamSampleRateHz;
/** Soft beginnings and ends of words that the gate does not hear. */
const marginSamples = 150 * samplesPerMs;
/** A gate tells of speech this much after its (padded) beginning, at most. */
const gateLagSamples = 320 * samplesPerMs;
/** Stretches without speech are told in pieces of at least this length. */
const clearStepSamples = 500 * samplesPerMs;
/** After so many failures in a row the net is given up for this run. */
const failuresAllowed = 3;
/** Work that waits, at most (a piece is up to 1 s): more than any playout delay. */
const maxTasks = 120;

interface Task {
  readonly startSample: number;
  readonly endSample: number;
  /** Without speech the original is its own bed. */
  readonly speech: boolean;
  /** Speech goes on right after it. */
  readonly goesOn: boolean;
}

export interface BedMakerOptions {
  readonly link: WorkerLink;
  /** Owned by the bed maker from now on. */
  readonly splitter: BedSplitter;
  readonly counters: Counters;
  /** Milliseconds until a sample airs; undefined with pacing `file`: nothing is late, and nothing is dropped. */
  readonly airsInMs: ((sample: number) => number) | undefined;
  readonly onEvent: (level: "info" | "warn" | "error", code: string, message: string) => void;
}

/**
 * Gives the relay the bed of a stream, in order and without a hole: where the gate hears speech the
 * separated sound, elsewhere the word that the original is its own bed, and where the net failed or is
 * too slow that there is none.
 */
export class BedMaker {
  #tasks: Task[] = [];
  #openFrom = 0;
  #inSpeech = false;
  #working = false;
  #ended = false;
  #closed = false;
  #failures = 0;
  #wake: () => void = () => {};
  #idle: (() => void)[] = [];

  constructor(private readonly options: BedMakerOptions) {}

  /** The next PCM, which follows what was heard before. */
  hear(message: PcmMessage): void {
    const { splitter } = this.options;
    if (splitter.endSample !== message.startSample) splitter.restart(message.startSample);
    splitter.hear(asInt16(message.pcm));
    this.#wake();
  }

  /** What the gate says of a frame of it. */
  judge({ endSample, speaking, speechFrom }: HeardFrame): void {
    if (!this.#inSpeech && speechFrom !== undefined) {
      const from = Math.max(this.#openFrom, speechFrom - marginSamples);
      this.#add(from, false);
      this.#inSpeech = true;
    }
    if (!this.#inSpeech) {
      const until = endSample - gateLagSamples - marginSamples;
      if (until - this.#openFrom >= clearStepSamples) this.#add(until, false);
      return;
    }
    if (!speaking) this.#endSpeech(endSample);
    else if (endSample - this.#openFrom >= hopSamples) this.#add(this.#openFrom + hopSamples, true);
  }

  /** The sound has a hole, or its end, at `endSample`. */
  async flush(endSample: number): Promise<void> {
    if (this.#inSpeech) this.#endSpeech(endSample);
    else this.#add(endSample, false);
    this.#ended = true;
    this.#wake();
    if (this.#tasks.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#ended = false;
  }

  /** Goes on at another place after {@link flush}. */
  restart(startSample: number): void {
    this.#openFrom = startSample;
    this.options.splitter.restart(startSample);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#tasks = [];
    this.#wake();
    await this.#settled();
    await this.options.splitter.close();
  }

  #settled(): Promise<void> {
    if (!this.#working) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #endSpeech(endSample: number): void {
    this.#inSpeech = false;
    while (endSample - this.#openFrom > hopSamples) this.#add(this.#openFrom + hopSamples, true);
    this.#add(endSample, true, false);
  }

  #add(endSample: number, speech: boolean, goesOn = speech): void {
    if (endSample <= this.#openFrom) return;
    const startSample = this.#openFrom;
    this.#openFrom = endSample;
    if (this.#tasks.length >= maxTasks) this.#count("bed_skipped", endSample - startSample);
    else this.#tasks.push({ startSample, endSample, speech, goesOn });
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let task = this.#tasks[0]; task !== undefined; task = this.#tasks[0]) {
      await this.#soundFor(task);
      if (this.#closed) break;
      await this.#send(await this.#done(task));
      this.#tasks.shift();
      this.options.splitter.forget(task.endSample);
    }
    this.#working = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Waits until the net's context after the stretch has been heard, or no more comes. */
  async #soundFor({ endSample, speech }: Task): Promise<void> {
    if (!speech) return;
    const { splitter } = this.options;
    const wanted = endSample + splitter.lookaheadSamples;
    while (splitter.endSample < wanted && !this.#ended && !this.#closed)
      await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async #done(task: Task): Promise<WorkerToRelay> {
    const { startSample, endSample, speech } = task;
    const without = (source: "original" | "none") =>
      ({ type: "bed-stretch", startSample, endSample, source }) as const;
    if (!speech) return without("original");
    if (this.#failures >= failuresAllowed) return without("none");
    const { airsInMs, splitter } = this.options;
    if (airsInMs !== undefined && airsInMs(startSample) <= 0) {
      this.#count("bed_skipped", endSample - startSample);
      return without("none");
    }
    try {
      const pcm = asBytes(await splitter.separate(task));
      this.#failures = 0;
      this.#count("bed_separated", pcm.length / bytesPerStereoSample);
      return { type: "bed", startSample, pcm };
    } catch (error) {
      this.#fail(error);
      return without("none");
    }
  }

  #fail(error: unknown): void {
    this.#failures += 1;
    this.options.counters.add("bed_failures");
    const message = error instanceof Error ? error.message : String(error);
    const last = this.#failures >= failuresAllowed;
    const rest = last ? "; it is given up, dubs lie over the ducked original" : "";
    this.options.onEvent(last ? "error" : "warn", "separation", `${message}${rest}`);
  }

  async #send(message: WorkerToRelay): Promise<void> {
    const { link, airsInMs } = this.options;
    while (!link.send(message)) {
      if (airsInMs !== undefined || this.#closed) {
        this.options.counters.add("bed_dropped");
        return;
      }
      await link.ready();
    }
  }

  #count(what: string, samples: number): void {
    this.options.counters.add(`${what}_ms`, Math.round(samples / samplesPerMs));
  }
}
