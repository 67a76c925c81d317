import { rename, rm } from "node:fs/promises";
import { asBytes } from "../audio/pcm.ts";
import { decodeSoundCommand, extensionOf, fileSoundPipe } from "../media/file-commands.ts";
import { StampedPcmError } from "../media/stamped-pcm.ts";
import { describeExit } from "../process/exit.ts";
import { NativeChild } from "../process/native-child.ts";
import {
  relayWorkerProtocolVersion,
  streamSampleRateHz,
  type RelayLink,
  type RelayToWorker,
  type WorkerToRelay,
} from "../protocol/relay-worker.ts";
import type { FallbackMode, MixTuning } from "../protocol/supervisor.ts";
import { BedRing } from "./bed-ring.ts";
import { blockSamples, type MixedBlock, type MixSettings } from "./block-mixer.ts";
import { FileRelayError, inspectInput, inspectOutput } from "./file-inspection.ts";
import { FileMux } from "./file-mux.ts";
import { placedSound } from "./file-sound.ts";
import { FileStems } from "./file-stems.ts";
import { LanguageChannel } from "./language-channel.ts";
import type { LimitedBlock } from "./limited-sound.ts";
import { PcmRing } from "./pcm-ring.ts";

export interface FileRelayOptions {
  readonly input: string;
  /** Container by extension: mp4, m4v, mov, mkv, ts, flv. */
  readonly output: string;
  /** One sound track each. */
  readonly languages: readonly string[];
  /** The relay's end; the worker is attached to the other one by the caller. */
  readonly link: RelayLink;
  readonly ffmpegPath: string;
  readonly fallback: FallbackMode;
  readonly gains: { readonly bgGain: number; readonly dubGain: number };
  readonly withoutBed?: "duck" | "skip";
  readonly tuning?: MixTuning;
  /** What is settled may be settled anew for so long before the end of it: fragments overlap. Absent: they do not. */
  readonly overlapMs?: number;
  /** Folder for `dub-<language>.wav` and `bed.wav`: the mix of the first language in its two parts. */
  readonly stems?: string;
  readonly streamId?: string;
  /** Awaited before more of the input is read: by it a slower taker of what is dubbed holds everything back. */
  readonly mayRead?: () => Promise<void>;
  /** Samples written so far, and in all where the container says. */
  readonly onProgress?: (playedSamples: number, totalSamples: number | undefined) => void;
  readonly signal?: AbortSignal;
}

export interface FileRelayResult {
  /** Length of the input's sound, in samples at 48 kHz. */
  readonly inputSamples: number;
  /** Samples written: the input's, and the last words of a dub that runs past them. */
  readonly playedSamples: number;
  /** Blocks of 20 ms of the first language, by what they came from. */
  readonly blocks: Readonly<Record<MixedBlock["playing"], number>>;
  readonly counters: Readonly<Record<string, number>>;
}

/** Sound sent to the worker beyond what it has settled: 120 s, so that several fragments are in flight. */
const aheadSamples = 120 * streamSampleRateHz;
/**
 * A block is mixed when this much after it is settled too: the ducker's attack, and whether a piece of
 * dub goes on or ends, are seen ahead.
 */
const lookaheadSamples = 4 * blockSamples;
/** Words that run past the input's end are played out for at most this long. */
const tailSamples = 10 * streamSampleRateHz;
/** A decoder that is stopped while nobody reads it cannot end by itself; nothing of it is missed. */
const decoderStopMs = 100;
/** Progress is told each half second of stream time. */
const progressSamples = streamSampleRateHz / 2;

/**
 * Dubs a file: the live relay's regions and mix without its clock. Each stretch is written once the
 * worker has settled it in every language; the picture is copied. The output appears under its name
 * when it is whole.
 *
 * @throws {FileRelayError} input or output unfit, decoding failed, worker gone, or aborted
 */
export async function runFileRelay(options: FileRelayOptions): Promise<FileRelayResult> {
  const relay = new FileRelay(options);
  return relay.run();
}

class FileRelay {
  #original = new PcmRing(aheadSamples + tailSamples);
  #bed = new BedRing(aheadSamples + tailSamples);
  #separates = false;
  #channels: LanguageChannel[];
  #settings: MixSettings;
  #receivedSamples = 0;
  #mixedSample = 0;
  #endSample: number | undefined;
  #workerDone = false;
  #failure: FileRelayError | undefined;
  #changed = Promise.withResolvers<void>();
  #blocks = { original: 0, dub: 0, replace: 0, fallback: 0 };

  constructor(private readonly options: FileRelayOptions) {
    const { fallback, gains, withoutBed = "duck", link, tuning } = options;
    this.#settings = { fallback, withoutBed, ...gains, tuning };
    this.#channels = options.languages.map(
      (language) =>
        new LanguageChannel({
          language,
          settings: this.#settings,
          maxAheadSamples: 2 * aheadSamples,
          onApplied: (message) => void link.send(message),
          stems: options.stems !== undefined,
        }),
    );
    link.onMessage = (message) => this.#fromWorker(message);
    link.onClose = (reason) => {
      if (!this.#workerDone) this.#fail("worker-ended", `the worker ended too early: ${reason}`);
    };
    options.signal?.addEventListener("abort", () =>
      this.#fail("aborted", "stopped before the end"),
    );
    if (options.signal?.aborted) this.#fail("aborted", "stopped before it began");
  }

  async run(): Promise<FileRelayResult> {
    const { input, output, languages, ffmpegPath } = this.options;
    const { durationSeconds, startSample } = await inspectInput(ffmpegPath, input);
    const { format, temporaryPath } = await inspectOutput(input, output, languages.length);
    const total =
      durationSeconds === undefined ? undefined : Math.round(durationSeconds * streamSampleRateHz);
    const target = { path: temporaryPath, format };
    const timing = { startSample, keepSubtitles: extensionOf(input) === extensionOf(output) };
    await using unfinished = removedUnlessRenamed(temporaryPath);
    await using mux = await FileMux.start(ffmpegPath, input, target, languages, timing);
    void mux.failed.then((detail) => this.#fail("output-unwritable", `${output}: ${detail}`));
    await using decoder = await NativeChild.start({
      name: "ffmpeg decode",
      command: decodeSoundCommand(ffmpegPath, input),
      extraPipes: ["pipe"],
      terminateWithinMs: decoderStopMs,
    });
    await using stems = await FileStems.open(this.options.stems, languages);
    await Promise.all([this.#read(decoder, startSample), this.#write(mux, stems, total)]);
    await mux.finish();
    this.#throwIfFailed();
    await rename(unfinished.path, output);
    return this.#result();
  }

  /**
   * Decoder → delay line and worker, never more than the worker can be ahead.
   * @param startSample the stamp of the file's beginning
   */
  async #read(decoder: NativeChild, startSample: number): Promise<void> {
    await this.#say({
      type: "hello",
      version: relayWorkerProtocolVersion,
      streamId: this.options.streamId ?? "file",
      runId: "file",
      pacing: "file",
      playoutDelayMs: 0,
    });
    try {
      for await (const piece of placedSound(decoder.readable(fileSoundPipe), startSample)) {
        await this.options.mayRead?.();
        await this.#take(piece);
        if (this.#failure !== undefined) return;
      }
    } catch (error) {
      if (!(error instanceof StampedPcmError)) throw error;
      this.#fail("decode-failed", `${this.options.input}: ${error.message}`);
      return;
    }
    const exit = await decoder.exited;
    if (exit.code !== 0 && this.#failure === undefined) {
      const detail = decoder.lastStderr || describeExit(exit);
      this.#fail("decode-failed", `${this.options.input}: the sound cannot be decoded: ${detail}`);
      return;
    }
    this.#endSample = this.#receivedSamples;
    await this.#say({ type: "end", atSample: this.#endSample });
    this.#wake();
  }

  async #take(piece: Int16Array): Promise<void> {
    while (this.#receivedSamples - this.#mixedSample > aheadSamples) await this.#change();
    if (this.#failure !== undefined) return;
    const startSample = this.#receivedSamples;
    this.#original.write(startSample, piece);
    this.#receivedSamples += piece.length / 2;
    await this.#say({ type: "pcm", startSample, airsInMs: 0, pcm: asBytes(piece) });
    this.#wake();
  }

  /** Everything that is settled → muxer; ends with the input, or with the last words after it. */
  async #write(mux: FileMux, stems: FileStems, total: number | undefined): Promise<void> {
    let lastLength = blockSamples;
    while (!this.#isComplete()) {
      this.#throwIfFailed();
      if (!this.#isSettled()) {
        await this.#change();
        continue;
      }
      const { samples } = this.#original.read(this.#mixedSample, blockSamples);
      const length = Math.min(blockSamples, this.#lastSample() - this.#mixedSample);
      const bed = this.#bed.read(this.#mixedSample, blockSamples, samples);
      for (const [track, channel] of this.#channels.entries()) {
        const output = channel.nextOutput(this.#mixedSample, samples, bed);
        if (output !== undefined) await this.#put(track, output, blockSamples, mux, stems);
      }
      lastLength = length;
      this.#mixedSample += length;
      this.#wake();
      if (this.#mixedSample % progressSamples < length) {
        this.options.onProgress?.(this.#mixedSample, total);
      }
    }
    for (const [track, channel] of this.#channels.entries()) {
      const output = channel.lastOutput();
      if (output !== undefined) await this.#put(track, output, lastLength, mux, stems);
    }
  }

  async #put(
    track: number,
    { pcm, block }: LimitedBlock,
    length: number,
    mux: FileMux,
    stems: FileStems,
  ): Promise<void> {
    if (track === 0) this.#blocks[block.playing] += 1;
    await mux.write(track, pcm.subarray(0, length * 2));
    await stems.write(track, block, length);
  }

  #isSettled(): boolean {
    const overlapSamples = ((this.options.overlapMs ?? 0) * streamSampleRateHz) / 1000;
    const wanted = this.#mixedSample + blockSamples + lookaheadSamples + overlapSamples;
    if (this.#workerDone) return true;
    if (this.#endSample !== undefined && wanted > this.#endSample) return false;
    if (this.#separates && wanted > this.#bed.settledUntil) return false;
    return wanted <= Math.min(...this.#channels.map(({ settledUntil }) => settledUntil));
  }

  #isComplete(): boolean {
    const isEnd = this.#endSample !== undefined && this.#workerDone;
    return isEnd && this.#mixedSample >= this.#lastSample();
  }

  #lastSample(): number {
    if (this.#endSample === undefined) return Number.POSITIVE_INFINITY;
    const words = Math.max(0, ...this.#channels.map(({ dubEndSample }) => dubEndSample));
    return Math.max(this.#endSample, Math.min(words, this.#endSample + tailSamples));
  }

  #fromWorker(message: WorkerToRelay): void {
    if (message.type === "done") this.#workerDone = true;
    if (message.type === "hello") this.#separates = message.separates ?? false;
    if (message.type === "bed" || message.type === "bed-stretch")
      this.#bed.receive(message, this.#mixedSample);
    if (message.type === "audio" || message.type === "region") {
      this.#channels.find(({ language }) => language === message.language)?.receive(message);
    }
    if (message.type !== "audio") this.#wake();
  }

  async #say(message: RelayToWorker): Promise<void> {
    while (!this.options.link.send(message)) {
      if (this.#failure !== undefined) return;
      await this.options.link.ready();
    }
  }

  /** Resolves at the next change: sound came, a region was settled, a block was written, something failed. */
  #change(): Promise<void> {
    return this.#failure === undefined ? this.#changed.promise : Promise.resolve();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #fail(code: FileRelayError["code"], message: string): void {
    this.#failure ??= new FileRelayError(code, message);
    this.#wake();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #result(): FileRelayResult {
    const counters: Record<string, number> = { ...this.#bed.counters };
    for (const { settlements } of this.#channels) {
      for (const [name, value] of Object.entries({ ...settlements.counters })) {
        counters[name] = (counters[name] ?? 0) + value;
      }
    }
    return {
      inputSamples: this.#endSample ?? this.#receivedSamples,
      playedSamples: this.#mixedSample,
      blocks: this.#blocks,
      counters,
    };
  }
}

function removedUnlessRenamed(path: string): AsyncDisposable & { readonly path: string } {
  return { path, [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}
