import { createHash } from "node:crypto";

/** Encoded names up to this long stay readable; file systems take 255 bytes, and endings need room. */
const longestName = 180;
const readableOfLong = 120;

/**
 * An identifier from the network as the name of one file or folder: never a path, never hidden, never too long, and
 * never that of another identifier. Letters, digits, `-`, `_` and inner dots stay as they are, other bytes become `%XX`.
 */
export function safeName(identifier: string): string {
  const bytes = new TextEncoder().encode(identifier);
  const encoded = [...bytes].map((byte, at) => encodeByte(byte, at === 0)).join("");
  if (encoded === "") return "%"; // no other identifier gives a lone percent sign
  if (encoded.length <= longestName) return encoded;
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 32);
  return `${encoded.slice(0, readableOfLong)}~${digest}`; // `~` stands in no encoded name
}

function encodeByte(byte: number, isFirst: boolean): string {
  const character = String.fromCodePoint(byte);
  const isPlain = /^[A-Za-z0-9_-]$/.test(character) || (character === "." && !isFirst);
  return isPlain ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
