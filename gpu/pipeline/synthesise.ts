import { type Kokoro, kokoroSampleRateHz } from "../models/kokoro/kokoro.ts";
import { languageOfVoice } from "../models/kokoro/languages.ts";
import { type Phonemizer, phonemesOf } from "../models/kokoro/phonemes.ts";
import { chooseTempo, fadeEnds, fastestTempo, trimSilence } from "./fit.ts";
import { type Piece, cutIntoPieces } from "./pieces.ts";
import { SpeakingRate, speedForTempo, tempoOfSpeed } from "./speaking-rate.ts";
import { type Stopped, neverStopped } from "./stopped.ts";
import { stretchTempo } from "./time-stretch.ts";

/** About 4.5 s of speech: a call blocks its process for a quarter of what it says. */
const longestPieceCharacters = 85;
export interface SynthesisRequest {
  readonly text: string;
  /** A voice of the package; its name tells the language. */
  readonly voice: string;
  /** See {@link FitTarget}; without a slot the text is spoken at its natural tempo. */
  readonly slot?: { readonly sourceMs: number; readonly slotMs: number };
}

export interface SynthesisResult {
  /** Mono, 24 kHz, without silence around it; empty when the text has nothing to say. */
  readonly audio: Float32Array;
  /** How much faster than natural it came out, by the voice's measured behaviour; at most 1.30. */
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
      const wanted = this.#tempoFor(pieces.slice(index), rate, request.slot, spokenMs);
      const speed = speedForTempo(wanted);
      const audio = await this.#speak(piece, request.voice, speed);
      const pauseSamples = Math.round((piece.pauseMs / wanted / 1000) * kokoroSampleRateHz);
      chunks.push(audio, new Float32Array(pauseSamples));
      spokenMs += lengthMs(audio) + (1000 * pauseSamples) / kokoroSampleRateHz;
      naturalMs += lengthMs(audio) * tempoOfSpeed(speed) + piece.pauseMs;
    }
    const slotMs = request.slot?.slotMs ?? Infinity;
    const audio = squeezed(joined(chunks), naturalMs, slotMs);
    const length = lengthMs(audio);
    const tempo = length === 0 ? 1 : Math.min(fastestTempo, naturalMs / length);
    return { audio, tempo, naturalMs, clamped: length > slotMs + 1 };
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

  /** Tempo of what is still to be said, by what is left of the slot. */
  #tempoFor(
    rest: readonly SpokenPiece[],
    rate: SpeakingRate,
    slot: SynthesisRequest["slot"],
    spokenMs: number,
  ): number {
    if (slot === undefined) return 1;
    return chooseTempo({
      naturalMs: naturalLength(rest, rate),
      sourceMs: slot.sourceMs - spokenMs,
      slotMs: slot.slotMs - spokenMs,
    }).tempo;
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

/** What the synthesiser's coarse speeds left over the slot is stretched away, as far as the range goes. */
function squeezed(audio: Float32Array, naturalMs: number, slotMs: number): Float32Array {
  const overMs = lengthMs(audio) - slotMs;
  if (overMs <= 0) return audio;
  const fastestMs = naturalMs / fastestTempo;
  const tempo = lengthMs(audio) / Math.max(slotMs, fastestMs);
  return tempo <= 1 ? audio : stretchTempo(audio, kokoroSampleRateHz, tempo);
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
