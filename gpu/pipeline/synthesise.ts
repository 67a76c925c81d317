import { type Kokoro, kokoroSampleRateHz } from "../models/kokoro/kokoro.ts";
import { languageOfVoice } from "../models/kokoro/languages.ts";
import { type Phonemizer, phonemesOf } from "../models/kokoro/phonemes.ts";
import { chooseTempo, fadeEnds, fastestTempo, inRange, trimSilence } from "./fit.ts";
import { type Piece, cutIntoPieces } from "./pieces.ts";
import { SpeakingRate, speedForTempo, tempoOfSpeed } from "./speaking-rate.ts";
import { type Stopped, neverStopped } from "./stopped.ts";
import { stretchTempo } from "./time-stretch.ts";

/** About 4.5 s of speech: a call blocks its process for a quarter of what it says. */
const longestPieceCharacters = 85;
/** A tempo that is off by less is not worth a stretch. */
const inaudible = 0.005;

/** How fast speech is to come out: at a tempo, or as its slot asks; without either at its natural tempo. */
export interface Pace {
  /** Held to 0.85..1.30; 1 is natural. */
  readonly tempo?: number | undefined;
  /** See {@link FitTarget}. */
  readonly slot?: { readonly sourceMs: number; readonly slotMs: number } | undefined;
}

export interface SynthesisRequest extends Pace {
  readonly text: string;
  /** A voice of the package; its name tells the language. */
  readonly voice: string;
}

export interface SynthesisResult {
  /** Mono, 24 kHz, without silence around it; empty when the text has nothing to say. */
  readonly audio: Float32Array;
  /** How much faster than natural it came out, by the voice's measured behaviour; 0.85..1.30. */
  readonly tempo: number;
  /** Length at tempo 1. */
  readonly naturalMs: number;
  /** The slot is too short even at the fastest tempo. */
  readonly clamped: boolean;
}

interface SpokenPiece extends Piece {
  readonly phonemes: string;
  readonly count: number;
}

/** Text to speech that fits its slot. One call at a time. */
export class Synthesiser {
  readonly #rates = new Map<string, SpeakingRate>();

  constructor(
    private readonly kokoro: Kokoro,
    private readonly phonemizer: Phonemizer,
  ) {}

  /**
   * @param stopped asked between pieces; true abandons the work
   * @returns undefined when it was stopped
   * @throws {EspeakError} {ModelFileError}
   */
  async synthesise(
    request: SynthesisRequest,
    stopped: Stopped = neverStopped,
  ): Promise<SynthesisResult | undefined> {
    const pieces = await this.#prepare(request);
    const rate = this.#rateOf(request.voice);
    const chunks: Float32Array[] = [];
    let spokenMs = 0;
    let naturalMs = 0;
    for (const [index, piece] of pieces.entries()) {
      if (await stopped()) return undefined;
      const wanted = tempoFor(request, naturalLength(pieces.slice(index), rate), spokenMs);
      const speed = speedForTempo(wanted);
      const audio = await this.#speak(piece, request.voice, speed);
      const pauseSamples = Math.round((piece.pauseMs / wanted / 1000) * kokoroSampleRateHz);
      chunks.push(audio, new Float32Array(pauseSamples));
      spokenMs += lengthMs(audio) + (1000 * pauseSamples) / kokoroSampleRateHz;
      naturalMs += lengthMs(audio) * tempoOfSpeed(speed) + piece.pauseMs;
    }
    return paced(joined(chunks), naturalMs, request);
  }

  async #prepare(request: SynthesisRequest): Promise<SpokenPiece[]> {
    const language = languageOfVoice(request.voice);
    if (language === undefined) throw new RangeError(`${request.voice} is no voice of the package`);
    const pieces: SpokenPiece[] = [];
    for (const piece of cutIntoPieces(request.text, longestPieceCharacters)) {
      const phonemes = await phonemesOf(piece.text, language, this.phonemizer);
      const count = this.kokoro.tokens(phonemes).length;
      if (count > 0) pieces.push({ ...piece, phonemes, count });
    }
    return pieces;
  }

  async #speak(piece: SpokenPiece, voice: string, speed: number): Promise<Float32Array> {
    const raw = await this.kokoro.speak(piece.phonemes, voice, speed);
    const audio = fadeEnds(trimSilence(raw, kokoroSampleRateHz).slice(), kokoroSampleRateHz);
    this.#rateOf(voice).learn(piece.count, lengthMs(audio), tempoOfSpeed(speed));
    return audio;
  }

  #rateOf(voice: string): SpeakingRate {
    const known = this.#rates.get(voice) ?? new SpeakingRate();
    this.#rates.set(voice, known);
    return known;
  }
}

/**
 * Brings sound of another voice, at its natural tempo, to a pace.
 *
 * @param audio mono, 24 kHz; silence around it is trimmed
 */
export function shapeSpeech(audio: Float32Array, pace: Pace): SynthesisResult {
  const speech = fadeEnds(trimSilence(audio, kokoroSampleRateHz).slice(), kokoroSampleRateHz);
  const naturalMs = lengthMs(speech);
  return paced(speech, naturalMs, { ...pace, tempo: tempoFor(pace, naturalMs, 0) });
}

/** Tempo of what is still to be said, by what is left of the slot. */
function tempoFor({ tempo, slot }: Pace, naturalMs: number, spokenMs: number): number {
  if (tempo !== undefined) return inRange(tempo);
  if (slot === undefined) return 1;
  const sourceMs = slot.sourceMs - spokenMs;
  return chooseTempo({ naturalMs, sourceMs, slotMs: slot.slotMs - spokenMs }).tempo;
}

/** Stretches away what the synthesiser's coarse speeds left over, as far as the range goes. */
function paced(audio: Float32Array, naturalMs: number, pace: Pace): SynthesisResult {
  if (audio.length === 0) return { audio, tempo: 1, naturalMs: 0, clamped: false };
  const fastestMs = naturalMs / fastestTempo;
  const slotMs = pace.slot?.slotMs ?? Infinity;
  const wantedMs =
    pace.tempo === undefined
      ? Math.max(fastestMs, Math.min(lengthMs(audio), slotMs))
      : naturalMs / inRange(pace.tempo);
  const rate = lengthMs(audio) / wantedMs;
  const close = Math.abs(rate - 1) < inaudible && wantedMs <= slotMs;
  const fitted = close ? audio : stretchTempo(audio, kokoroSampleRateHz, rate);
  const length = lengthMs(fitted);
  return {
    audio: fitted,
    tempo: inRange(naturalMs / length),
    naturalMs,
    clamped: length > slotMs + 1,
  };
}

function naturalLength(pieces: readonly SpokenPiece[], rate: SpeakingRate): number {
  return pieces.reduce((sum, piece) => sum + rate.naturalMs(piece.count) + piece.pauseMs, 0);
}

function lengthMs(audio: Float32Array): number {
  return (1000 * audio.length) / kokoroSampleRateHz;
}

function joined(chunks: readonly Float32Array[]): Float32Array {
  const audio = new Float32Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    audio.set(chunk, at);
    at += chunk.length;
  }
  return audio;
}
