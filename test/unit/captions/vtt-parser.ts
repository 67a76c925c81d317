/** One cue of a WebVTT file, as the standard's parser reads it. */
export interface ParsedCue {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
}

const timing = /^(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})$/;

/** Reads WebVTT by the letter of the standard and throws at the first thing that it does not allow. */
export function parseWebVtt(text: string): { header: string[]; cues: ParsedCue[] } {
  if (text.includes("\r") || text.includes("\0")) throw new Error("a carriage return or NUL");
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const [head = "", ...blocks] = text.slice(0, -1).split("\n\n");
  const [magic, ...header] = head.split("\n");
  if (magic !== "WEBVTT") throw new Error(`begins with ${magic}`);
  const cues = blocks.map((block) => {
    const [first = "", ...lines] = block.split("\n");
    const match = timing.exec(first);
    if (match === null) throw new Error(`no timing line: ${first}`);
    const numbers = match.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const at = (o: number) =>
      ((numbers[o]! * 60 + numbers[o + 1]!) * 60 + numbers[o + 2]!) * 1000 + numbers[o + 3]!;
    if (at(4) <= at(0)) throw new Error(`a cue that ends before it begins: ${first}`);
    if (lines.length === 0) throw new Error(`a cue without text at ${first}`);
    for (const line of lines) {
      if (line === "" || line.includes("-->")) throw new Error(`not allowed in a cue: ${line}`);
      if (/[<>]/.test(line)) throw new Error(`markup: ${line}`);
      if (/&(?!(amp|lt|gt);)/.test(line)) throw new Error(`an unknown reference: ${line}`);
    }
    const unescaped = lines
      .join("\n")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&amp;", "&");
    return { startMs: at(0), endMs: at(4), text: unescaped };
  });
  return { header, cues };
}
