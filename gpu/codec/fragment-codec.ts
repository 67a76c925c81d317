import { isAudioFormat } from "../../src/protocol/sts-audio.ts";
import { FragmentFailure, type FragmentAudio } from "../session/fragment-processor.ts";
import { FfmpegCodecError, type FfmpegCodec } from "./ffmpeg-codec.ts";
import { monoToPcmInTurns, pcmToMonoAt, resampleInTurns } from "./in-turns.ts";
import { frameBytes, toLength, type SampleFormat } from "./pcm-frames.ts";
import { wrapRawAac } from "./raw-aac.ts";
import { partAtRate, type SoundPart } from "./sound-part.ts";
import { sniffContainer } from "./sniff.ts";
import { readWav, writeWav, type WavPcm } from "./wav.ts";

/** What recognition hears. */
const recognitionRateHz = 16_000;

/** A fragment's sound and its true length. */
export interface DecodedFragment {
  /** Mono at 16 kHz, -1..1. */
  readonly pcm16k: Float32Array;
  readonly durationMs: number;
}

/** How an answer is to be written. */
export interface AnswerFormat {
  readonly format: string;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Larger answers leave as m4a. */
  readonly maxBytes: number;
}

/** AAC comes in frames of 1024 samples with priming before and padding after: within this, the announced length is right. */
const aacSlackSamples = 3 * 1024;

/** Turns fragments of every format into samples, and samples into answers of the same format. */
export class FragmentCodec {
  constructor(private readonly ffmpeg: FfmpegCodec) {}

  /** @throws {FragmentFailure} `INVALID_AUDIO_FORMAT` with what is wrong */
  async decode(audio: FragmentAudio, signal: AbortSignal): Promise<DecodedFragment> {
    const container = this.#containerOf(audio);
    if (audio.bytes.length === 0) throw invalidAudio("there are no audio bytes");
    switch (container) {
      case "pcm_s16le":
        return fromPcm(asPcm(audio, "s16le"));
      case "pcm_f32le":
        return fromPcm(asPcm(audio, "f32le"));
      case "wav": {
        const wav = readWav(audio.bytes);
        if (wav !== undefined) return fromPcm(wav);
        return this.#decodeBy("wav", audio.bytes, audio, signal);
      }
      case "mp4":
        return this.#decodeBy("mov", audio.bytes, audio, signal);
      case "adts":
        return this.#decodeBy("aac", audio.bytes, audio, signal);
      case "raw-aac": {
        const wrapped = wrapRawAac(audio.bytes, audio.sampleRateHz, audio.channels);
        if (wrapped === undefined)
          throw invalidAudio(`AAC has no rate of ${audio.sampleRateHz} Hz`);
        return this.#decodeBy("flv", wrapped, audio, signal);
      }
      default:
        return unreachable(container);
    }
  }

  /** Writes mono samples as an answer of exactly `durationMs`: cut, or filled with silence. */
  async encode(
    mono: Float32Array,
    fromRateHz: number,
    durationMs: number,
    target: AnswerFormat,
    signal: AbortSignal,
  ): Promise<FragmentAudio> {
    const { sampleRateHz } = target;
    const length = Math.round((durationMs / 1000) * sampleRateHz);
    const samples = toLength(await resampleInTurns(mono, fromRateHz, sampleRateHz), length);
    return this.#write(samples, durationMs, target, signal);
  }

  /** Writes a part of a continuous sound, so that answers in PCM join without a seam. */
  async encodePart(
    part: SoundPart,
    fromRateHz: number,
    target: AnswerFormat,
    signal: AbortSignal,
  ): Promise<FragmentAudio> {
    const samples = await partAtRate(part, fromRateHz, target.sampleRateHz);
    return this.#write(samples, part.endMs - part.startMs, target, signal);
  }

  /** @param samples mono at the target's rate */
  async #write(
    samples: Float32Array,
    durationMs: number,
    target: AnswerFormat,
    signal: AbortSignal,
  ): Promise<FragmentAudio> {
    const { sampleRateHz, channels } = target;
    const answer = (format: string, bytes: Uint8Array): FragmentAudio => ({
      format,
      sampleRateHz,
      channels,
      durationMs: Math.round(durationMs),
      bytes,
    });
    const plain = await this.#encodePlain(samples, target);
    if (plain !== undefined && plain.length <= target.maxBytes) return answer(target.format, plain);
    const container = target.format === "aac" ? "adts" : "mp4";
    const format = plain === undefined ? target.format : "m4a";
    const pcm = await monoToPcmInTurns(samples, "s16le", channels);
    return answer(format, await this.#encodeAac(pcm, sampleRateHz, channels, container, signal));
  }

  /**
   * The fragment as it came, byte for byte. Only what the peer could not take (above its message
   * limit) is written as m4a, and what came without bytes is silence.
   */
  async echo(job: {
    readonly audio: FragmentAudio;
    readonly speech: boolean;
    readonly maxAnswerBytes: number;
    readonly signal: AbortSignal;
  }): Promise<FragmentAudio> {
    const { audio, signal } = job;
    const target = { ...audio, maxBytes: job.maxAnswerBytes };
    requireKnownFormat(audio.format);
    if (!job.speech)
      return this.encode(new Float32Array(), recognitionRateHz, audio.durationMs, target, signal);
    if (audio.bytes.length <= job.maxAnswerBytes) return audio;
    const container = sniffContainer(audio.format, audio.bytes);
    if (container !== "pcm_s16le") return audio;
    const { sampleRateHz, channels } = audio;
    const bytes = await this.#encodeAac(audio.bytes, sampleRateHz, channels, "mp4", signal);
    return { ...audio, format: "m4a", bytes };
  }

  /**
   * The sound of a fragment or an answer as an m4a file: AAC as it is, everything else encoded at its own rate (mono
   * where it is not 16-bit PCM).
   *
   * @throws {FragmentFailure} when the bytes cannot be read or FFmpeg fails
   */
  async toM4a(audio: FragmentAudio, signal: AbortSignal): Promise<Uint8Array> {
    const container = this.#containerOf(audio);
    if (container === "mp4") return audio.bytes;
    if (container === "adts") return this.ffmpeg.wrapAac(audio.bytes, "aac", signal);
    const { sampleRateHz, channels } = audio;
    if (container === "raw-aac") {
      const wrapped = wrapRawAac(audio.bytes, sampleRateHz, channels);
      if (wrapped === undefined) throw invalidAudio(`AAC has no rate of ${sampleRateHz} Hz`);
      return this.ffmpeg.wrapAac(wrapped, "flv", signal);
    }
    if (container === "pcm_s16le")
      return this.#encodeAac(audio.bytes, sampleRateHz, channels, "mp4", signal);
    const wav = container === "wav" ? readWav(audio.bytes) : asPcm(audio, "f32le");
    const [mono, rateHz] =
      wav === undefined
        ? [(await this.decode(audio, signal)).pcm16k, recognitionRateHz]
        : [await pcmToMonoAt(wav, wav.rateHz), wav.rateHz];
    const pcm = await monoToPcmInTurns(mono, "s16le", 1);
    return this.#encodeAac(pcm, rateHz, 1, "mp4", signal);
  }

  #containerOf(audio: FragmentAudio) {
    requireKnownFormat(audio.format);
    const container = sniffContainer(audio.format, audio.bytes);
    if (container === undefined) throw invalidAudio(`the bytes are not ${audio.format}`);
    return container;
  }

  async #encodePlain(samples: Float32Array, target: AnswerFormat): Promise<Uint8Array | undefined> {
    const { channels, sampleRateHz } = target;
    if (target.format === "pcm_f32le") return monoToPcmInTurns(samples, "f32le", channels);
    if (target.format !== "pcm_s16le" && target.format !== "wav") return undefined;
    const pcm = await monoToPcmInTurns(samples, "s16le", channels);
    return target.format === "wav" ? writeWav(pcm, sampleRateHz, channels) : pcm;
  }

  async #decodeBy(
    container: "mov" | "aac" | "flv" | "wav",
    bytes: Uint8Array,
    audio: FragmentAudio,
    signal: AbortSignal,
  ): Promise<DecodedFragment> {
    let pcm16k: Float32Array;
    try {
      pcm16k = await this.ffmpeg.decode(bytes, container, signal);
    } catch (error) {
      if (error instanceof FfmpegCodecError)
        throw invalidAudio(`the audio cannot be decoded: ${error.message}`);
      throw error;
    }
    const decodedMs = (pcm16k.length / recognitionRateHz) * 1000;
    const slackMs = (aacSlackSamples / audio.sampleRateHz) * 1000;
    const announced = Math.abs(decodedMs - audio.durationMs) <= slackMs;
    const durationMs = announced ? audio.durationMs : decodedMs;
    const length = Math.round((durationMs / 1000) * recognitionRateHz);
    return { pcm16k: toLength(pcm16k, length), durationMs };
  }

  async #encodeAac(
    pcm: Uint8Array,
    sampleRateHz: number,
    channels: number,
    container: "mp4" | "adts",
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    try {
      return await this.ffmpeg.encodeAac(pcm, { sampleRateHz, channels, container }, signal);
    } catch (error) {
      if (!(error instanceof FfmpegCodecError)) throw error;
      const message = `the answer cannot be encoded: ${error.message}`;
      throw new FragmentFailure("PROCESSING_ERROR", message, { stage: "tts", retryable: false });
    }
  }
}

function unreachable(value: never): never {
  throw new Error(`not a container: ${String(value)}`);
}

function requireKnownFormat(format: string): void {
  if (!isAudioFormat(format))
    throw invalidAudio(`format ${format} is not known; send pcm_s16le, pcm_f32le, wav, m4a or aac`);
}

function asPcm(audio: FragmentAudio, format: SampleFormat): WavPcm {
  return { bytes: audio.bytes, format, channels: audio.channels, rateHz: audio.sampleRateHz };
}

async function fromPcm(pcm: WavPcm): Promise<DecodedFragment> {
  const frames = Math.floor(pcm.bytes.length / frameBytes(pcm.format, pcm.channels));
  if (frames === 0) throw invalidAudio("the bytes hold not one sample");
  const pcm16k = await pcmToMonoAt(pcm, recognitionRateHz);
  return { pcm16k, durationMs: (frames / pcm.rateHz) * 1000 };
}

function invalidAudio(message: string): FragmentFailure {
  return new FragmentFailure("INVALID_AUDIO_FORMAT", message, { stage: "asr", retryable: false });
}
