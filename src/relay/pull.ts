import type { Readable } from "node:stream";
import { FlvError, FlvParser, flvTagType, type FlvTag } from "../media/flv.ts";
import {
  audioPipe,
  pullCommand,
  pullStampOffsetMs,
  videoPipe,
  type PulledTracks,
} from "../media/live-commands.ts";
import { StampedPcmError, StampedPcmParser } from "../media/stamped-pcm.ts";
import { describeExit } from "../process/exit.ts";
import { NativeChild } from "../process/native-child.ts";
import { redactUrlsIn } from "./redact-text.ts";
import { SoundPlacer } from "./sound-placer.ts";

/** Why a pull came to its end; each has its own remedy. */
export type PullEnd =
  | { readonly kind: "closed" }
  /** The input ended, as it does when the publisher goes. */
  | { readonly kind: "ended"; readonly detail: string }
  | {
      readonly kind: "no-audio" | "no-video" | "unsupported-video" | "failed";
      readonly detail: string;
    };

export interface PullHandlers {
  /** A video tag; its stamp counts from the pull's zero. */
  onVideo(tag: FlvTag): void;
  /** Interleaved stereo that begins `startSample` samples after the pull's zero. */
  onSound(startSample: number, samples: Int16Array): void;
  onEnd(end: PullEnd): void;
}

const samplesPerMs = 48;
/** After its exit, the rest of what a pull delivered is waited for no longer than this. */
const readWithinMs = 300;
/** Silence made for one picture, at most: stamps that leap by days must not cost memory. */
const longestSilence = 48_000;

/**
 * One FFmpeg that reads the input: video packets untouched, sound as PCM, both on one zero. It ends when
 * the publisher goes; whoever owns it starts another.
 */
export class Pull {
  #parser = new FlvParser();
  #soundParser = new StampedPcmParser();
  #placer: SoundPlacer;
  /** One past the last sample of silence made for pictures without sound. */
  #silentUntil = 0;
  #gotData = false;
  #problem: string | undefined;

  private constructor(
    private readonly child: NativeChild,
    private readonly tracks: PulledTracks,
    private readonly handlers: PullHandlers,
  ) {
    this.#placer = new SoundPlacer((startSample, samples) =>
      handlers.onSound(startSample, samples),
    );
    child.readable(videoPipe).on("data", (chunk: Uint8Array) => this.#video(chunk));
    if (tracks === "video+audio") {
      child.readable(audioPipe).on("data", (chunk: Uint8Array) => this.#sound(chunk));
    }
    // What it said and delivered last may not have been read yet when it exits.
    const pipes = tracks === "video+audio" ? [videoPipe, audioPipe] : [videoPipe];
    const read = Promise.all([child.drained, ...pipes.map((pipe) => ended(child.readable(pipe)))]);
    void child.exited
      .then(() => Promise.race([read, Bun.sleep(readWithinMs)]))
      .then(() => {
        this.#placer.end();
        handlers.onEnd(this.#end());
      });
  }

  /** @throws {ChildStartError} when FFmpeg cannot be executed */
  static async start(
    ffmpegPath: string,
    inputUrl: string,
    tracks: PulledTracks,
    handlers: PullHandlers,
  ): Promise<Pull> {
    const child = await NativeChild.start({
      name: "ffmpeg pull",
      command: pullCommand(ffmpegPath, inputUrl, tracks),
      extraPipes: tracks === "video+audio" ? ["pipe", "pipe"] : ["pipe"],
      terminateWithinMs: 300,
    });
    return new Pull(child, tracks, handlers);
  }

  get pid(): number {
    return this.child.pid;
  }

  async close(): Promise<void> {
    await this.child.stop();
  }

  #video(chunk: Uint8Array): void {
    this.#read(() => {
      for (const tag of this.#parser.push(chunk)) {
        if (tag.type !== flvTagType.video) continue;
        const timestampMs = tag.timestampMs - pullStampOffsetMs;
        if (this.tracks === "video") this.#silenceUntil(timestampMs);
        this.handlers.onVideo({ ...tag, timestampMs });
      }
    });
  }

  #sound(chunk: Uint8Array): void {
    this.#read(() => {
      for (const { stampSample, samples } of this.#soundParser.push(chunk))
        this.#placer.push(stampSample, samples);
      this.#placer.flow();
    });
  }

  #read(take: () => void): void {
    if (this.#problem !== undefined) return;
    this.#gotData = true;
    try {
      take();
    } catch (error) {
      if (!(error instanceof FlvError) && !(error instanceof StampedPcmError)) throw error;
      this.#problem = error.message;
      this.child.signal("SIGKILL");
    }
  }

  /**
   * A picture without sound is carried with a silent track: as much of it as there is picture. Of a leap of
   * its stamps only the end is given: the rest is a hole, and a leap that cannot be is for the receiver to see.
   */
  #silenceUntil(timestampMs: number): void {
    const untilSample = timestampMs * samplesPerMs;
    const count = Math.min(untilSample - this.#silentUntil, longestSilence);
    if (count <= 0) return;
    const startSample = untilSample - count;
    this.#silentUntil = untilSample;
    this.handlers.onSound(startSample, new Int16Array(count * 2));
  }

  #end(): PullEnd {
    const exit = this.child.exit;
    const said = this.#problem ?? redactUrlsIn(this.child.lastStderr);
    const detail = said === "" && exit !== undefined ? describeExit(exit) : said;
    if (exit?.byUs) return { kind: "closed" };
    if (this.#gotData && this.#problem === undefined) return { kind: "ended", detail };
    return { kind: problemKind(said), detail };
  }
}

function ended(pipe: Readable): Promise<void> {
  if (pipe.readableEnded || pipe.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    pipe.once("end", resolve);
    pipe.once("close", resolve);
  });
}

/** FFmpeg names the map that found nothing, in words that changed between its versions. */
function problemKind(stderr: string): "no-audio" | "no-video" | "unsupported-video" | "failed" {
  if (/'0:v:0' (matches no streams|for option 'map')/.test(stderr)) return "no-video";
  if (/'0:a:0' (matches no streams|for option 'map')/.test(stderr)) return "no-audio";
  const unsupported = /codec .*not (compatible|supported)|Tag .* incompatible/i;
  return unsupported.test(stderr) ? "unsupported-video" : "failed";
}
