import type { Writable } from "node:stream";
import { asBytes } from "../audio/pcm.ts";
import { fileSoundPipe, muxCommand } from "../media/file-commands.ts";
import { describeExit } from "../process/exit.ts";
import { NativeChild } from "../process/native-child.ts";
import { FileRelayError } from "./file-inspection.ts";

/** Stopped before its time it leaves a file that is thrown away, so it is not waited for. */
const stopWithinMs = 100;

/** The FFmpeg that copies the picture and encodes the mixed sound into the output file. */
export class FileMux implements AsyncDisposable {
  /** Resolves with what it said when it ends before {@link finish}. */
  readonly failed: Promise<string>;
  #finishing = false;
  /** Lets the write go that waits for room; nothing but a stored callback, so that waiting leaves no trace. */
  #release: () => void = () => {};

  private constructor(
    private readonly child: NativeChild,
    private readonly tracks: number,
  ) {
    const failed = Promise.withResolvers<string>();
    this.failed = failed.promise;
    void child.exited.then((exit) => {
      this.#release();
      if (this.#finishing || exit.byUs) return;
      failed.resolve(child.lastStderr || describeExit(exit));
    });
  }

  static async start(
    ffmpegPath: string,
    input: string,
    output: { readonly path: string; readonly format: string },
    languages: readonly string[],
    timing: { readonly startSample: number; readonly keepSubtitles: boolean },
  ): Promise<FileMux> {
    const child = await NativeChild.start({
      name: "ffmpeg mux",
      command: muxCommand(ffmpegPath, input, output, languages, timing),
      extraPipes: languages.map(() => "pipe" as const),
      terminateWithinMs: stopWithinMs,
    });
    return new FileMux(child, languages.length);
  }

  /** Takes interleaved stereo for one track; resolves when there is room for more. */
  async write(track: number, samples: Int16Array): Promise<void> {
    const pipe = this.child.writable(fileSoundPipe + track);
    if (pipe.destroyed || this.child.exit !== undefined || pipe.write(asBytes(samples))) return;
    await this.#room(pipe);
  }

  /** Resolves when the pipe takes more, or when nobody reads it any more. */
  #room(pipe: Writable): Promise<void> {
    return new Promise((resolve) => {
      this.#release = resolve;
      pipe.once("drain", resolve);
    });
  }

  /**
   * Ends the tracks and waits for the whole file.
   * @throws {FileRelayError} with FFmpeg's own words when it could not be written
   */
  async finish(): Promise<void> {
    this.#finishing = true;
    for (let track = 0; track < this.tracks; track++) {
      this.child.writable(fileSoundPipe + track).end();
    }
    const exit = await this.child.exited;
    if (exit.code === 0) return;
    const detail = this.child.lastStderr || describeExit(exit);
    throw new FileRelayError("output-unwritable", `the output cannot be written: ${detail}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
  }
}
