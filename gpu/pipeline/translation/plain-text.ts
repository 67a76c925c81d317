const tag = /<\/?[a-z][^<>]{0,300}>/giu;
const entity = /&(amp|lt|gt|quot|apos|nbsp|#39);/gu;
const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  "#39": "'",
};
/** Pictures and what joins or colours them; not the signs that are read aloud (©, ®, ™, digits). */
const emoji =
  /(?![©®™#*0-9])[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}♪♫♬♩]|\u{FE0F}|\u{20E3}|[\u{E0020}-\u{E007F}]|(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F])\u{200D}/gu;

/** Text without markup: tags say nothing aloud, and a local model makes rubble of them. */
export function withoutMarkup(text: string): string {
  return text.replaceAll(tag, " ").replaceAll(entity, (_, name: string) => entities[name] ?? " ");
}

/** Text without emoji and music signs: no voice says them, and a local model makes words of them. */
export function withoutEmoji(text: string): string {
  return text.replaceAll(emoji, " ");
}
