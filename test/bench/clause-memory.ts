/**
 * Memory of one live session by clauses over hours of recorded hypotheses, on a clock of its own:
 * `bun test/bench/clause-memory.ts [HOURS]` (default 8). Ends with 1 when what is held after the first tenth has grown
 * by more than 2 % at the end.
 */
import { heapStats } from "bun:jsc";
import { ClauseReplay, loopMs } from "../support/clause-replay.ts";

const mostGrowth = 0.02;
const steps = 10;

const hours = Number(process.argv[2] ?? 8);
if (!(hours > 0 && hours <= 1000)) {
  process.stderr.write(`HOURS=${process.argv[2]}: must be a number above 0, at most 1000\n`);
  process.exit(2);
}

using replay = new ClauseReplay();
const loops = Math.max(1, Math.ceil((hours * 3_600_000) / loopMs / steps));
const heaps: number[] = [];
for (let step = 1; step <= steps; step++) {
  for (let loop = 0; loop < loops; loop++) await replay.playLoop();
  Bun.gc(true);
  Bun.gc(true);
  const { heapSize, objectCount } = heapStats();
  heaps.push(heapSize);
  const at = ((hours * step) / steps).toFixed(2);
  process.stdout.write(
    `${at} h: heap ${heapSize} bytes, ${objectCount} objects, held ${JSON.stringify(replay.holds())}, ` +
      `${replay.dubbed} dubbed, ${replay.failed} failed\n`,
  );
}
const growth = (heaps.at(-1) ?? 0) / (heaps[0] ?? 1) - 1;
process.stdout.write(`growth ${(100 * growth).toFixed(2)} %, at most ${100 * mostGrowth} %\n`);
process.exitCode = growth <= mostGrowth ? 0 : 1;
