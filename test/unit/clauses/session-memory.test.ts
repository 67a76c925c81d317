import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { ClauseReplay, loopMs } from "../../support/clause-replay.ts";

const loopsBetween = Math.ceil(120_000 / loopMs);
const measurements = 5;
const warmUpLoops = 10;
const mostGrowth = 0.02;
/** Longer than the replay's whole delay. */
const stuckMs = 9000;
/** Both languages of the recording's seven sentences or more. */
const clausesOfALoop = 14;
/** Between two loops the recording is silent: only the newest fragment may still wait for what follows it. */
const atRest = { fragments: 1, clauses: 0, untold: 0, carried: 0, soundBytes: 0, waiting: 0 };

function heapAfterGc() {
  Bun.gc(true);
  Bun.gc(true);
  const { objectCount, heapSize } = heapStats();
  return { objectCount, heapSize };
}

test("ten minutes of recorded speech leave a live session as large as two did", async () => {
  using replay = new ClauseReplay();
  for (let loop = 0; loop < warmUpLoops; loop++) await replay.playLoop(); // code is compiled as it runs
  const measured: {
    holds: ReturnType<ClauseReplay["holds"]>;
    heap: ReturnType<typeof heapAfterGc>;
  }[] = [];
  for (let i = 0; i < measurements; i++) {
    for (let loop = 0; loop < loopsBetween; loop++) await replay.playLoop();
    measured.push({ holds: replay.holds(), heap: heapAfterGc() });
  }
  expect(replay.failed).toBe(0);
  expect(replay.dubbed).toBeGreaterThan(100);
  const [first, ...later] = measured;
  const last = later.at(-1);
  if (first === undefined || last === undefined) throw new Error("nothing was measured");
  for (const { holds } of measured) expect(holds).toEqual(atRest);
  expect(last.heap.objectCount / first.heap.objectCount - 1).toBeLessThanOrEqual(mostGrowth);
  expect(last.heap.heapSize / first.heap.heapSize - 1).toBeLessThanOrEqual(mostGrowth);
}, 60_000);

for (const stage of ["transcribe", "translate", "speak"] as const)
  test(`a ${stage} stage that is stuck again and again harms only what misses its time, and leaves nothing behind`, async () => {
    let calls = 0;
    let isStuck = true;
    using replay = new ClauseReplay((self) => ({
      [stage]: <Result>(_request: unknown, run: () => Result) => {
        if (isStuck && calls++ % 3 === 0) self.nowMs += stuckMs;
        return Promise.resolve(run());
      },
    }));
    for (let loop = 0; loop < 3; loop++) await replay.playLoop();
    isStuck = false;
    await replay.playLoop();
    const { dubbed } = replay;
    for (let loop = 0; loop < 2; loop++) await replay.playLoop();
    expect((replay.dubbed - dubbed) / 2).toBeGreaterThanOrEqual(clausesOfALoop);
    expect(replay.answered + replay.failed).toBeGreaterThanOrEqual(6 * 100 - 1);
    expect(replay.holds()).toEqual(atRest);
  }, 30_000);
