import type { RegionKind } from "../protocol/relay-worker.ts";
import type { Marked } from "./clause-memory.ts";

/** What wins where marks overlap: a dub that sounds is never laid under a fallback. */
const rank: Record<RegionKind, number> = { dub: 3, replace: 2, fallback: 1, original: 0 };

/** Divides [startSample, endSample) by what is marked in it, without gap or overlap; unmarked time is `original`. */
export function dividedBy(
  marks: readonly Marked[],
  startSample: number,
  endSample: number,
): Marked[] {
  const inside = (sample: number) => sample > startSample && sample < endSample;
  const borders = marks.flatMap((mark) => [mark.startSample, mark.endSample]).filter(inside);
  const cuts = [...new Set([startSample, ...borders, endSample])].toSorted((a, b) => a - b);
  const regions: Marked[] = [];
  for (const [index, from] of cuts.entries()) {
    const to = cuts[index + 1];
    if (to === undefined) break;
    const kind = marks
      .filter((mark) => mark.startSample <= from && mark.endSample >= to)
      .reduce<RegionKind>(
        (best, mark) => (rank[mark.kind] > rank[best] ? mark.kind : best),
        "original",
      );
    const last = regions.at(-1);
    if (last?.kind === kind) regions[regions.length - 1] = { ...last, endSample: to };
    else regions.push({ startSample: from, endSample: to, kind });
  }
  return regions;
}
