import { asInt16, floatToPcm16, pcm16ToFloat } from "../audio/pcm.ts";
import { resample } from "../audio/resample.ts";
import { type StsAudio, decodeBase64, maxAudioBytes } from "../protocol/sts-audio.ts";
import { NativeChild } from "../process/native-child.ts";

/** Longest dub that an answer may carry, beyond the protocol's 60 s of source: 90 s. */
const maxSeconds = 90;
const decodeWithinMs = 5000;

/** An answer whose audio cannot be played; the server is at fault. */
class AnswerAudioError extends Error {
  override readonly name = "AnswerAudioError";
}

/**
 * Decodes the audio of an answer.
 *
 * @param rateHz the rate wanted
 * @param ffmpegPath asked for only when the answer is compressed (`m4a` of a released server)
 * @returns mono s16 samples at `rateHz`
 * @throws when it is not what it says it is
 */
export async function decodeAnswerAudio(
  audio: StsAudio,
  rateHz: number,
  ffmpegPath: () => Promise<string>,
): Promise<Int16Array> {
  const bytes = bytesOf(audio);
  if (audio.format !== "pcm_s16le") return decodeWithFfmpeg(bytes, audio, rateHz, ffmpegPath);
  const mono = monoOf(bytes, audio);
  if (audio.sample_rate_hz === rateHz && audio.channels === 1) return asInt16(bytes).slice();
  return asInt16(floatToPcm16(resample(mono, audio.sample_rate_hz, rateHz)));
}

/**
 * The uncompressed sound of an answer at its own rate, for those who join answers before they convert them.
 *
 * @returns mono samples, -1..1
 * @throws when it is compressed, or not what it says it is
 */
export function answerPcm(audio: StsAudio): { samples: Float32Array; rateHz: number } {
  if (audio.format !== "pcm_s16le")
    throw new AnswerAudioError(`continuous dub must come as pcm_s16le, not ${audio.format}`);
  return { samples: monoOf(bytesOf(audio), audio), rateHz: audio.sample_rate_hz };
}

function bytesOf(audio: StsAudio): Uint8Array {
  const bytes = audio.data ?? (audio.data_base64 && decodeBase64(audio.data_base64));
  if (!bytes || bytes.length === 0) throw new AnswerAudioError("an answer without audio bytes");
  if (bytes.length > maxAudioBytes)
    throw new AnswerAudioError(`${bytes.length} bytes of audio, at most ${maxAudioBytes}`);
  return bytes;
}

function monoOf(bytes: Uint8Array, audio: StsAudio): Float32Array {
  if (bytes.length % (2 * audio.channels) !== 0)
    throw new AnswerAudioError(`${bytes.length} bytes are no whole samples`);
  const mono = toMono(pcm16ToFloat(bytes), audio.channels);
  if (mono.length > maxSeconds * audio.sample_rate_hz)
    throw new AnswerAudioError(`more than ${maxSeconds} s of audio`);
  return mono;
}

function toMono(samples: Float32Array, channels: number): Float32Array {
  if (channels === 1) return samples;
  const mono = new Float32Array(samples.length / channels);
  for (let i = 0; i < mono.length; i++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += samples[i * channels + channel]!;
    mono[i] = sum / channels;
  }
  return mono;
}

/** FFmpeg's name for headerless float PCM; every other format shows itself in its bytes. */
async function decodeWithFfmpeg(
  bytes: Uint8Array,
  audio: StsAudio,
  rateHz: number,
  ffmpegPath: () => Promise<string>,
): Promise<Int16Array> {
  const headerless =
    audio.format === "pcm_f32le"
      ? ["-f", "f32le", "-ar", String(audio.sample_rate_hz), "-ac", String(audio.channels)]
      : [];
  const child = await NativeChild.start({
    name: "ffmpeg answer",
    command: [
      await ffmpegPath(),
      ...["-nostdin", "-v", "error", ...headerless],
      // An MP4 may have its index at the end, so the pipe must be able to go back.
      ...["-i", "cache:pipe:3", "-t", String(maxSeconds)],
      ...["-f", "s16le", "-ac", "1", "-ar", String(rateHz), "pipe:1"],
    ],
    stdout: "pipe",
    extraPipes: ["pipe"],
  });
  const timer = setTimeout(() => child.signal("SIGKILL"), decodeWithinMs);
  try {
    child.writable(3).end(bytes);
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout ?? []) chunks.push(chunk as Buffer);
    const exit = await child.exited;
    const pcm = Buffer.concat(chunks);
    if (exit.code !== 0 || pcm.length === 0)
      throw new AnswerAudioError(`${audio.format} cannot be decoded: ${child.lastStderr}`);
    return asInt16(new Uint8Array(pcm));
  } finally {
    clearTimeout(timer);
    await child.stop();
  }
}
