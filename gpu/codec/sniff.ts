/** What the bytes of a fragment really are. */
export type AudioContainer = "mp4" | "adts" | "wav" | "raw-aac" | "pcm_s16le" | "pcm_f32le";

/** Looks at the first bytes; labels lie (a released worker calls ADTS `m4a`). PCM has no mark of its own. */
export function sniffContainer(label: string, bytes: Uint8Array): AudioContainer | undefined {
  if (tag(bytes, 4) === "ftyp") return "mp4";
  if (tag(bytes, 0) === "RIFF" && tag(bytes, 8) === "WAVE") return "wav";
  if (label === "pcm_s16le" || label === "pcm_f32le") return label;
  if (label === "wav") return undefined;
  if (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xf6) === 0xf0) return "adts"; // ISO/IEC 13818-7, 6.2
  return "raw-aac";
}

function tag(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + 4));
}
