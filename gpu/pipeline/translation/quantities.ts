import type { Segment } from "./segments.ts";

/** Languages that write 1.234,5 (or 1 234,5); the others write 1,234.5. */
const decimalComma = new Set(
  "bg cs da de el es et fi fr hu id it lt lv nb nl pl pt ro ru sk sl sv tr uk".split(" "),
);
const thinSpaceGroups = new Set(["fr"]);

const currency = String.raw`(?:US|R|C|A|NZ|HK)?\$|[€£¥₹₽₩]`;
const letterUnits =
  "km/h|kph|mph|m/s|km|cm|mm|kg|mg|ml|kWh|kW|MW|GW|GHz|MHz|kHz|Hz|GB|MB|TB|Mbps|ft|lbs?|oz|ha|bpm|rpm";
const number = String.raw`\d{1,3}(?:[\u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*`;
const numberPattern = new RegExp(number, "gu");
const unitPattern = new RegExp(
  String.raw`(?<=\d[\s\u00a0\u202f]?)(?:%|°|${letterUnits})(?![\p{L}\p{N}])|[$€£¥₹₽₩]`,
  "gu",
);
const ordinalPattern = /^(\d+)(?:st|nd|rd|th)$/u;

/** A number with everything that belongs to it: sign, currency, unit, clock, score, ordinal. */
const quantityPattern = new RegExp(
  String.raw`(?:(?:${currency})\s?)?(?:${number})(?:[:/–-](?:${number}))*` +
    String.raw`(?:\s?(?:%|°[CF]?|${currency})|\s?(?:${letterUnits})(?![\p{L}\p{N}])|\s?[ap]\.?m\b\.?|[\p{L}\p{N}]+)?`,
  "giu",
);

/** A number's parts, or undefined for what is no single number (`1.2.3`, `4,4,2`). */
function parse(
  token: string,
  language: string,
): { whole: string; fraction: string; grouped: boolean } | undefined {
  const text = token.replaceAll(/[\u00a0\u202f]/gu, "");
  const spaced = text !== token;
  const marks = [...text.matchAll(/[.,]/gu)];
  const last = marks.at(-1);
  if (last === undefined) return { whole: text, fraction: "", grouped: spaced };
  const groupMark = decimalComma.has(language) ? "." : ",";
  const groups = (part: string) => /^\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*$/u.test(part);
  const sameMark = marks.every(([mark]) => mark === last[0]);
  if (sameMark && groups(text)) {
    const certain = marks.length > 1 || (last[0] === groupMark && !text.startsWith("0"));
    if (certain && !spaced)
      return { whole: text.replaceAll(/[.,]/gu, ""), fraction: "", grouped: true };
  }
  const whole = text.slice(0, last.index);
  const fraction = text.slice(last.index + 1);
  if (marks.length === 1) return { whole, fraction, grouped: spaced };
  if (groups(whole) && !whole.includes(last[0]))
    return { whole: whole.replaceAll(/[.,]/gu, ""), fraction, grouped: true };
  return undefined;
}

/** Full-width digits and signs as plain ones; everything else, thin spaces above all, as it was. */
export function asciiDigits(text: string): string {
  return text.replaceAll(/[０-９．，：％＄]/gu, (sign) => sign.normalize("NFKC"));
}

/** Every number of a text by its value, however the language writes it: `1,234.50` of English is `1234.5`. */
export function numbersIn(text: string, language: string): string[] {
  return [...asciiDigits(text).matchAll(numberPattern)].flatMap(([token]) => {
    const parsed = parse(token, language);
    const parts =
      parsed === undefined ? token.split(/[.,]/u) : [`${parsed.whole}.${parsed.fraction}`];
    return parts.map((part) => part.replace(/^0+(?=\d)/u, "").replace(/\.0*$|(\.\d*?)0+$/u, "$1"));
  });
}

/** Signs of units and money in a text; the letters of a unit count only behind a number. */
function unitsIn(text: string): string[] {
  return [...asciiDigits(text).matchAll(unitPattern)].map(([unit]) => unit);
}

/**
 * Numbers and units of the source that the translation lacks. What it has beyond them is no fault:
 * `twenty-five` may well become `25`.
 */
export function missingQuantities(
  source: { readonly text: string; readonly language: string },
  translation: { readonly text: string; readonly language: string },
): string[] {
  return [
    ...without(
      numbersIn(source.text, source.language),
      numbersIn(translation.text, translation.language),
    ),
    ...without(unitsIn(source.text), unitsIn(translation.text)),
  ];
}

/** What of `wanted` is not in `found`, as multisets. */
function without(wanted: readonly string[], found: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const item of found) left.set(item, (left.get(item) ?? 0) + 1);
  return wanted.filter((item) => {
    const count = left.get(item) ?? 0;
    left.set(item, count - 1);
    return count <= 0;
  });
}

/**
 * Turns quantities of the plain stretches into spans, written as the target language writes them: those
 * with something of `missing` in them.
 */
export function protectQuantities(
  segments: readonly Segment[],
  missing: readonly string[],
  source: string,
  target: string,
): Segment[] {
  const wanted = new Set(missing);
  return segments.flatMap((segment): Segment[] => {
    if (typeof segment !== "string") return [segment];
    const cut: Segment[] = [];
    let end = 0;
    for (const match of segment.matchAll(quantityPattern)) {
      const parts = [...numbersIn(match[0], source), ...unitsIn(match[0])];
      if (!parts.some((part) => wanted.has(part))) continue;
      cut.push(segment.slice(end, match.index));
      end = match.index + match[0].length;
      cut.push({ kind: "quantity", rendered: localise(match[0], source, target) });
    }
    cut.push(segment.slice(end));
    return cut.filter((part) => part !== "");
  });
}

function localise(quantity: string, source: string, target: string): string {
  const ordinal = source === "en" ? ordinalPattern.exec(quantity)?.[1] : undefined;
  if (ordinal !== undefined && ["es", "it", "pt"].includes(target)) return `${ordinal}º`;
  if (ordinal !== undefined && target === "fr") return `${ordinal}e`;
  return quantity.replaceAll(numberPattern, (token) => {
    const parsed = parse(token, source);
    if (parsed === undefined) return token;
    const comma = decimalComma.has(target);
    const groupMark = thinSpaceGroups.has(target) ? "\u202f" : comma ? "." : ",";
    const whole = parsed.grouped
      ? parsed.whole.replaceAll(/\d(?=(?:\d{3})+$)/gu, `$&${groupMark}`)
      : parsed.whole;
    return parsed.fraction === "" ? whole : `${whole}${comma ? "," : "."}${parsed.fraction}`;
  });
}
