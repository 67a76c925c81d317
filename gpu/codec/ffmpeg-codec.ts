import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
 * AAC and its containers through FFmpeg, as a child of its own for each fragment that reads this one
 * fragment and nothing else: its container is given, and its protocols are limited.
 */
export class FfmpegCodec {
  constructor(private readonly findProgram: () => string) {}

  /** Decodes to mono float at 16 kHz. */
  async decode(
    bytes: Uint8Array,
    container: InputContainer,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    const output = ["-map", "0:a:0", "-t", String(longestSeconds), "-ac", "1", "-ar", "16000"];
    const from = (...input: string[]) => [...quiet, ...input, ...output, "-f", "f32le", "pipe:1"];
    const decoded =
      container === "mov"
        ? // the index of an MP4 may stand at its end: it needs a file that can be sought in;
          // references to other files, which an MP4 may hold, are not followed
          await inFile("fragment.mp4", async (path) => {
            await writeFile(path, bytes, { mode: 0o600 });
            const input = ["-protocol_whitelist", "file", "-f", "mov", "-enable_drefs", "0"];
            return this.#run(from(...input, "-i", path), new Uint8Array(), signal);
          })
        : await this.#run(
            from("-protocol_whitelist", "pipe", "-f", container, "-i", "pipe:0"),
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
    return inFile("answer.m4a", async (path) => {
      await this.#run([...encode, "-movflags", "+faststart", "-f", "ipod", path], pcm, signal);
      return readFile(path);
    });
  }

  /** Puts AAC frames into an MP4 file as they are. */
  async wrapAac(
    bytes: Uint8Array,
    container: "aac" | "flv",
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const input = [...quiet, "-protocol_whitelist", "pipe", "-f", container, "-i", "pipe:0"];
    const output = ["-map", "0:a:0", "-c:a", "copy", "-movflags", "+faststart", "-f", "ipod"];
    return inFile("fragment.m4a", async (path) => {
      await this.#run([...input, ...output, path], bytes, signal);
      return readFile(path);
    });
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

/** Lends the path of a file in a private folder that is gone afterwards. */
async function inFile<Result>(
  name: string,
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "livedub-sts-"));
  try {
    return await use(join(folder, name));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function lastLine(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => !line.includes("repeated"));
  return (lines.at(-1) ?? "FFmpeg failed").slice(0, 300);
}
