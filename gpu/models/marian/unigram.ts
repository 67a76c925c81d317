import { z } from "zod";
import { readModelJson } from "../../../src/onnx/model-file.ts";

/** `[piece, log-probability]` by id; 0 ends a sentence, 1 stands for what the vocabulary lacks. */
const vocabularySchema = z.array(z.tuple([z.string(), z.number()])).min(3);

export const endOfSentenceId = 0;
const unknownId = 1;
const firstPieceId = 2;
/** SentencePiece's visible space (U+2581). */
const wordMark = "\u2581";
/** An unknown character costs this much more than the rarest piece, as SentencePiece has it. */
const unknownPenalty = 10;

/**
 * A SentencePiece Unigram vocabulary: text to pieces by the most probable segmentation (Viterbi), after
 * Kudo, "Subword Regularization" (2018), section 3.2.
 */
export class UnigramVocabulary {
  readonly #ids = new Map<string, number>();
  readonly #longestPiece: number;
  readonly #unknownScore: number;

  constructor(private readonly pieces: readonly (readonly [piece: string, score: number])[]) {
    let longest = 1;
    let lowest = 0;
    for (const [id, [piece, score]] of pieces.entries()) {
      if (id < firstPieceId) continue;
      this.#ids.set(piece, id);
      longest = Math.max(longest, piece.length);
      lowest = Math.min(lowest, score);
    }
    this.#longestPiece = longest;
    this.#unknownScore = lowest - unknownPenalty;
  }

  /** Reads `vocab.json` of a converted model. @throws {ModelFileError} */
  static fromFile(path: string): UnigramVocabulary {
    return new UnigramVocabulary(readModelJson(path, vocabularySchema));
  }

  get size(): number {
    return this.pieces.length;
  }

  /** Ids of the text's pieces, without the end token. Blank text has none. */
  encode(text: string): number[] {
    const words = text.normalize("NFKC").trim().replace(/\s+/gu, " ");
    if (words === "") return [];
    return this.#segment(wordMark + words.replaceAll(" ", wordMark));
  }

  decode(ids: readonly number[]): string {
    return ids
      .map((id) => (id < firstPieceId ? "" : (this.pieces[id]?.[0] ?? "")))
      .join("")
      .replaceAll(wordMark, " ")
      .trim();
  }

  /** Positions are UTF-16 units; an unknown character is never cut between its surrogates. */
  #segment(text: string): number[] {
    const bestScore = new Float64Array(text.length + 1).fill(-Infinity);
    const bestStart = new Int32Array(text.length + 1);
    const bestId = new Int32Array(text.length + 1);
    bestScore[0] = 0;
    const offer = (start: number, end: number, id: number, score: number) => {
      const total = bestScore[start]! + score;
      if (total <= bestScore[end]!) return;
      bestScore[end] = total;
      bestStart[end] = start;
      bestId[end] = id;
    };
    for (let start = 0; start < text.length; start++) {
      if (bestScore[start] === -Infinity) continue;
      const characterEnd = start + (text.codePointAt(start)! > 0xffff ? 2 : 1);
      let characterKnown = false;
      const lastEnd = Math.min(text.length, start + this.#longestPiece);
      for (let end = start + 1; end <= lastEnd; end++) {
        const id = this.#ids.get(text.slice(start, end));
        if (id === undefined) continue;
        if (end === characterEnd) characterKnown = true;
        offer(start, end, id, this.pieces[id]![1]);
      }
      if (!characterKnown) offer(start, characterEnd, unknownId, this.#unknownScore);
    }
    const ids: number[] = [];
    for (let end = text.length; end > 0; end = bestStart[end]!) ids.push(bestId[end]!);
    return ids.toReversed();
  }
}
