import { type Atom, atomsOf, textOf, widthOf } from "./atoms.ts";
import { breakCost } from "./phrase-boundary.ts";

/** The longest line, in columns. */
const mostColumns = 42;
/** The most lines of one cue. */
const mostLines = 2;

/** One cue's worth of text. */
export interface CueText {
  readonly lines: readonly string[];
  readonly atoms: readonly Atom[];
}

/** A cue costs this much, so that text is not scattered over more of them than it needs. */
const cueCost = 10;
/** Columns by which a cue's two lines differ cost little; they only decide between equal breaks. */
const imbalanceCost = 0.05;
/** A cue of a few letters flashes by; each column that is missing to half a line costs this. */
const shortCueCost = 0.3;

interface Choice {
  readonly cost: number;
  /** The first atom after the cue. */
  readonly next: number;
  readonly lines: readonly string[];
}

/**
 * Breaks a text into cues of at most two lines of 42 columns, at ends of sentences and phrases where there
 * are any, and with as few cues as that takes: the cheapest way over all breaks. No word is lost or doubled.
 */
export function breakText(text: string): CueText[] {
  const atoms = atomsOf(text, mostColumns);
  const best: Choice[] = Array.from({ length: atoms.length + 1 });
  best[atoms.length] = { cost: 0, next: atoms.length, lines: [] };
  for (let from = atoms.length - 1; from >= 0; from--) best[from] = cheapest(atoms, from, best);
  const cues: CueText[] = [];
  for (let at = 0; at < atoms.length;) {
    const { next, lines } = best[at] as Choice;
    cues.push({ lines, atoms: atoms.slice(at, next) });
    at = next;
  }
  return cues;
}

/** The best cue that begins at an atom, the rest being solved already. */
function cheapest(atoms: readonly Atom[], from: number, best: readonly Choice[]): Choice {
  let found: Choice | undefined;
  for (let next = from + 1; next <= atoms.length; next++) {
    const cue = atoms.slice(from, next);
    if (widthOf(cue) > mostColumns * mostLines + 1) break;
    const lines = linesOf(cue);
    if (lines === undefined) continue;
    const isLast = next === atoms.length;
    const boundary = isLast ? 0 : costAfter(atoms, next);
    const missing = Math.max(0, mostColumns / 2 - widthOf(cue));
    const rest = best[next] as Choice;
    const cost = cueCost + boundary + missing * shortCueCost + lines.cost + rest.cost;
    if (found === undefined || cost < found.cost) found = { cost, next, lines: lines.lines };
  }
  // One atom alone always fits, so something was found.
  return found as Choice;
}

/** One line where it fits, else the best of the ways to make two; undefined when neither does. */
function linesOf(cue: readonly Atom[]): { cost: number; lines: string[] } | undefined {
  if (widthOf(cue) <= mostColumns) return { cost: 0, lines: [textOf(cue)] };
  let found: { cost: number; lines: string[] } | undefined;
  for (let at = 1; at < cue.length; at++) {
    const [first, second] = [cue.slice(0, at), cue.slice(at)];
    const [above, below] = [widthOf(first), widthOf(second)];
    if (above > mostColumns) break;
    if (below > mostColumns) continue;
    const cost = costAfter(cue, at) / 2 + Math.abs(above - below) * imbalanceCost;
    if (found === undefined || cost < found.cost)
      found = { cost, lines: [textOf(first), textOf(second)] };
  }
  return found;
}

/** A break inside a word of a script without blanks is like one between words; inside any other, the worst. */
function costAfter(atoms: readonly Atom[], next: number): number {
  const before = atoms[next - 1] as Atom;
  const after = atoms[next] as Atom;
  const inside =
    !after.spaced && /[\p{L}\p{N}]$/u.test(before.text) && /^\p{Script=Latin}/u.test(after.text);
  return inside ? 9 : breakCost(before.text);
}
