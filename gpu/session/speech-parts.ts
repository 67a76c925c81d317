import { cutIntoPieces } from "../pipeline/pieces.ts";

/** A shorter part would be spoken like a scrap: as if a sentence ended after it. */
const shortestPart = 8;
/** The first part is about this share of the text at most: that much of its synthesis comes before its first sound. */
export const firstPartShare = 0.55;

/**
 * Cuts a text in two that are spoken one after the other, at a mark or before a phrase where there is one.
 *
 * @returns one part where the text is too short for two
 */
export function speechParts(text: string): readonly string[] {
  const longest = Math.ceil(text.length * firstPartShare);
  if (longest < shortestPart) return [text];
  const pieces = cutIntoPieces(text, longest).map((piece) => piece.text);
  const [first = ""] = pieces;
  const rest = pieces.slice(1).join(" ");
  const isScrap = first.length < shortestPart || rest.length < shortestPart;
  return isScrap ? [text] : [first, rest];
}
