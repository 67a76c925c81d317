import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NativeChild } from "../../src/process/native-child.ts";

/** FFmpeg could not read or write the audio; `detail` is what it printed last. */
export class FfmpegCodecError extends Error {
  override readonly name = "FfmpegCodecError";
}

/** A fragment is at most a minute; what decodes to more is cut. */
const longestSeconds = 61;
const longestDecodedBytes = longestSeconds * 16_000 * 4;
/** FFmpeg is given this long for a fragment. */
const runWithinMs = 15_000;
const quiet = ["-nostdin", "-hide_banner", "-v", "error"];

/** Container of the input, by FFmpeg's name; never probed, so that nothing else is ever opened. */
export type InputContainer = "mov" | "aac" | "flv" | "wav";

/**
 * AAC and its containers through FFmpeg as a child of its own for each fragment, which reads stdin
 * and touches nothing else: its protocols are limited to the pipe and its own cache.
 */
export class FfmpegCodec {
  constructor(private readonly findProgram: () => string) {}

  /** Decodes to mono float at 16 kHz. */
  async decode(
    bytes: Uint8Array,
    container: InputContainer,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    // MP4 files may have their index at the end, which a pipe cannot seek back from; `cache:` can
    const input = container === "mov" ? "cache:pipe:0" : "pipe:0";
    const args = ["-protocol_whitelist", "cache,pipe", "-f", container, "-i", input];
    const output = ["-map", "0:a:0", "-t", String(longestSeconds), "-ac", "1", "-ar", "16000"];
    const decoded = await this.#run(
      [...quiet, ...args, ...output, "-f", "f32le", "pipe:1"],
      bytes,
      signal,
    );
    if (decoded.length < 4) throw new FfmpegCodecError("there is no sound in it");
    return new Float32Array(new Uint8Array(decoded).buffer, 0, decoded.length >> 2);
  }

  /** Encodes 16-bit PCM as AAC at 128 kbit/s: in an MP4 file (with its index in front), or as ADTS. */
  async encodeAac(
    pcm: Uint8Array,
    format: { sampleRateHz: number; channels: number; container: "mp4" | "adts" },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const input = ["-f", "s16le", "-ar", String(format.sampleRateHz)];
    const encode = [...quiet, ...input, "-ac", String(format.channels), "-i", "pipe:0"];
    encode.push("-c:a", "aac", "-b:a", "128k");
    if (format.container === "adts")
      return this.#run([...encode, "-f", "adts", "pipe:1"], pcm, signal);
    // the MP4 writer must seek in its output
    const folder = await mkdtemp(join(tmpdir(), "livedub-sts-"));
    try {
      const path = join(folder, "answer.m4a");
      await this.#run([...encode, "-movflags", "+faststart", "-f", "ipod", path], pcm, signal);
      return await readFile(path);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #run(args: readonly string[], input: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const program = this.findProgram();
    signal.throwIfAborted();
    await using child = await NativeChild.start({
      name: "ffmpeg codec",
      command: [program, ...args],
      stdin: "pipe",
      stdout: "pipe",
      terminateWithinMs: 200,
    });
    const stop = () => child.signal("SIGKILL");
    const timer = setTimeout(stop, runWithinMs);
    signal.addEventListener("abort", stop);
    try {
      child.stdin?.end(input);
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of child.stdout ?? []) {
        length += (chunk as Buffer).length;
        if (length > longestDecodedBytes) throw new FfmpegCodecError("it is longer than a minute");
        chunks.push(chunk as Buffer);
      }
      const exit = await child.exited;
      signal.throwIfAborted();
      if (exit.code !== 0) throw new FfmpegCodecError(lastLine(child.lastStderr));
      return Buffer.concat(chunks);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }
}

function lastLine(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => !line.includes("repeated"));
  return (lines.at(-1) ?? "FFmpeg failed").slice(0, 300);
}
