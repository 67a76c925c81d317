import { type Kokoro, kokoroSampleRateHz } from "../models/kokoro/kokoro.ts";
import { languageOfVoice } from "../models/kokoro/languages.ts";
import { type Phonemizer, phonemesOf } from "../models/kokoro/phonemes.ts";
import { chooseTempo, fadeEnds, trimSilence } from "./fit.ts";
import { type Piece, cutIntoPieces } from "./pieces.ts";
import { SpeakingRate, speedForTempo, tempoOfSpeed } from "./speaking-rate.ts";

/** About 4.5 s of speech: a call blocks its process for a quarter of what it says. */
const longestPieceCharacters = 85;
/** A dub this much over its slot is spoken again, faster, where the range allows it. */
const toleratedOverrunMs = 150;

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
  /** Highest speed asked of the synthesiser. */
  readonly tempo: number;
  /** Estimated length at tempo 1. */
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
    stopped: () => boolean = () => false,
  ): Promise<SynthesisResult | undefined> {
    const pieces = await this.#prepare(request);
    const rate = this.#rateOf(request.voice);
    const naturalMs = naturalLength(pieces, rate);
    const chunks: Float32Array[] = [];
    let spokenMs = 0;
    let highestSpeed = 0;
    let clamped = false;
    for (const [index, piece] of pieces.entries()) {
      if (stopped()) return undefined;
      const rest = pieces.slice(index);
      const chosen = this.#tempoFor(rest, rate, request.slot, spokenMs);
      clamped ||= chosen.clamped;
      const roomMs = (request.slot?.slotMs ?? Infinity) - spokenMs;
      const lastRoomMs = rest.length === 1 ? roomMs : Infinity;
      const spoken = await this.#speakWithin(piece, request.voice, chosen.tempo, lastRoomMs);
      const pauseSamples = Math.round((piece.pauseMs / chosen.tempo / 1000) * kokoroSampleRateHz);
      chunks.push(spoken.audio, new Float32Array(pauseSamples));
      spokenMs += lengthMs(spoken.audio) + (1000 * pauseSamples) / kokoroSampleRateHz;
      highestSpeed = Math.max(highestSpeed, spoken.speed);
    }
    if (request.slot && spokenMs > request.slot.slotMs + toleratedOverrunMs) clamped = true;
    return { audio: joined(chunks), tempo: highestSpeed || 1, naturalMs, clamped };
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
  ): { tempo: number; clamped: boolean } {
    if (slot === undefined) return { tempo: 1, clamped: false };
    return chooseTempo({
      naturalMs: naturalLength(rest, rate),
      sourceMs: slot.sourceMs - spokenMs,
      slotMs: slot.slotMs - spokenMs,
    });
  }

  /** Speaks a piece; once more, faster, when it came out longer than its room. */
  async #speakWithin(
    piece: SpokenPiece,
    voice: string,
    tempo: number,
    roomMs: number,
  ): Promise<{ audio: Float32Array; speed: number }> {
    const speed = speedForTempo(tempo);
    const audio = await this.#speak(piece, voice, speed);
    const overrunMs = lengthMs(audio) - roomMs;
    if (overrunMs <= toleratedOverrunMs) return { audio, speed };
    const faster = speedForTempo((tempoOfSpeed(speed) * lengthMs(audio)) / Math.max(roomMs, 1));
    if (faster <= speed + 0.02) return { audio, speed };
    return { audio: await this.#speak(piece, voice, faster), speed: faster };
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
