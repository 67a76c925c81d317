import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DeadlineQueue } from "../../../gpu/session/clauses/deadlines.ts";
import {
  finishTimes,
  isCheaper,
  victimOf,
  worstLagMs,
} from "../../../gpu/session/clauses/overload.ts";
import { assumedCost, expectedMs, measuredCost } from "../../../gpu/session/clauses/stage-cost.ts";
import {
  type Job,
  type ShedJob,
  type Worth,
  sheddingOrder,
  worthOf,
} from "../../../gpu/session/clauses/work.ts";

let made = 0;
const job = (over: Partial<Job> = {}): Job => ({
  id: `job-${made++}`,
  sessionId: "one",
  lane: "recognise",
  pacing: "live",
  worth: "clause",
  deadlineMs: 10_000,
  estimateMs: 100,
  ...over,
});

const shedNames = (shed: readonly ShedJob[]): string[] =>
  shed.map((one) => `${one.job.id} ${one.reason}`);

/** Runs a lane to its end, each job for its estimate, and gives what ran in order. */
function drain(queue: DeadlineQueue, lane = "recognise", fromMs = 0): string[] {
  const ran: string[] = [];
  for (let nowMs = fromMs; ;) {
    const { job: chosen } = queue.next(lane, nowMs);
    if (!chosen) return ran;
    ran.push(chosen.id);
    nowMs += chosen.estimateMs;
  }
}

describe("a lane runs", () => {
  test("the earliest deadline first, over all sessions", () => {
    const queue = new DeadlineQueue();
    queue.submit(job({ id: "c", deadlineMs: 3000 }));
    queue.submit(job({ id: "a", deadlineMs: 1000, sessionId: "two" }));
    queue.submit(job({ id: "b", deadlineMs: 2000, pacing: "fragment" }));
    queue.submit(job({ id: "other lane", lane: "voice" }));
    expect(drain(queue)).toEqual(["a", "b", "c"]);
    expect(drain(queue, "voice")).toEqual(["other lane"]);
    expect(queue.next("voice", 0)).toEqual({ shed: [] });
  });

  test("the first language of a clause before its others, whose shorter text could wait until later", () => {
    const queue = new DeadlineQueue();
    const clause = { clauseId: "clause-1", worth: "language" as const };
    queue.submit(job({ ...clause, id: "fr", deadlineMs: 2900, languageRank: 2 }));
    queue.submit(job({ ...clause, id: "es", deadlineMs: 2800, languageRank: 1 }));
    queue.submit(job({ ...clause, id: "pt", deadlineMs: 3000, languageRank: 0, worth: "clause" }));
    queue.submit(job({ id: "urgent", deadlineMs: 2000, clauseId: "clause-0" }));
    queue.submit(job({ id: "between", deadlineMs: 2850, clauseId: "clause-1", sessionId: "two" }));
    expect(drain(queue)).toEqual(["urgent", "pt", "es", "between", "fr"]);
  });

  test("jobs of one chain in the order in which they came, whatever their deadlines", () => {
    const queue = new DeadlineQueue();
    queue.submit(job({ id: "first", deadlineMs: 5000, orderKey: "pt" }));
    queue.submit(job({ id: "other", deadlineMs: 3000, sessionId: "two" }));
    queue.submit(job({ id: "second", deadlineMs: 2000, orderKey: "pt" }));
    expect(drain(queue)).toEqual(["first", "second", "other"]);
  });

  test("file work whenever every deadline holds after it", () => {
    const queue = new DeadlineQueue();
    queue.submit(job({ id: "file", pacing: "file", estimateMs: 2000 }));
    queue.submit(job({ id: "live", deadlineMs: 2200 }));
    expect(drain(queue)).toEqual(["file", "live"]);
    queue.submit(job({ id: "file", pacing: "file", estimateMs: 2000 }));
    queue.submit(job({ id: "live", deadlineMs: 2000 }));
    expect(drain(queue)).toEqual(["live", "file"]);
  });

  test("file work in its turn, even when live work never ends", () => {
    const queue = new DeadlineQueue({ fileTurn: 3 });
    queue.submit(job({ id: "file", pacing: "file", estimateMs: 900 }));
    const ran: (string | undefined)[] = [];
    for (let nowMs = 0; nowMs < 500; nowMs += 100) {
      queue.submit(job({ id: "live", deadlineMs: nowMs + 300 }));
      queue.submit(job({ id: "live", deadlineMs: nowMs + 350 }));
      ran.push(queue.next("recognise", nowMs).job?.id);
    }
    expect(ran).toEqual(["live", "live", "live", "file", "live"]);
  });
});

describe("under overload", () => {
  const crowd = (): Job[] => [
    job({ id: "clause", deadlineMs: 400 }),
    job({ id: "spanish", deadlineMs: 390, worth: "language", languageRank: 1 }),
    job({ id: "french", deadlineMs: 380, worth: "language", languageRank: 2 }),
    job({ id: "again", deadlineMs: 370, worth: "redecode" }),
    job({ id: "partial", deadlineMs: 360, worth: "partial" }),
  ];

  test("partials go first, then re-decodes, then further languages from the last on, then clauses", () => {
    const order: string[] = [];
    for (let nowMs = 0; nowMs <= 400; nowMs += 100) {
      const jobs = crowd().toSorted((a, b) => a.deadlineMs - b.deadlineMs);
      for (;;) {
        const victim = victimOf(jobs, nowMs);
        if (!victim) break;
        if (!order.includes(victim.id)) order.push(victim.id);
        jobs.splice(jobs.indexOf(victim), 1);
      }
    }
    expect(order.slice(0, 4)).toEqual(["partial", "again", "french", "spanish"]);
  });

  test("what is shed is told and counted, the rest is in time", () => {
    const queue = new DeadlineQueue();
    for (const one of crowd()) queue.submit(one);
    expect(queue.lagMs("recognise", 0)).toBe(100);
    const { job: chosen, shed } = queue.next("recognise", 0);
    expect(shedNames(shed)).toEqual(["partial overload"]);
    expect(queue.shedCount("partial", "overload")).toBe(1);
    expect(chosen?.id).toBe("again");
    expect(queue.lagMs("recognise", 100)).toBe(0);
  });

  test("a clause is shed whole, in every lane, and only of its own session", () => {
    const queue = new DeadlineQueue();
    queue.submit(job({ id: "a", clauseId: "1", deadlineMs: 300, estimateMs: 250 }));
    queue.submit(job({ id: "a voice", clauseId: "1", lane: "voice" }));
    queue.submit(job({ id: "b", clauseId: "1", deadlineMs: 300, sessionId: "two" }));
    const { job: chosen, shed } = queue.next("recognise", 0);
    expect(shedNames(shed)).toEqual(["a overload", "a voice overload"]);
    expect(chosen?.id).toBe("b");
  });

  test("a clause that is alone is tried, so that a spoilt estimate corrects itself", () => {
    const queue = new DeadlineQueue();
    queue.submit(job({ id: "a", deadlineMs: 300, estimateMs: 5000 }));
    queue.submit(job({ id: "b", deadlineMs: 320, estimateMs: 5000 }));
    const { job: chosen, shed } = queue.next("recognise", 0);
    expect(shed).toHaveLength(1);
    expect(chosen?.worth).toBe("clause");
  });

  test("work of the base protocol and of files is never shed for it", () => {
    const queue = new DeadlineQueue();
    for (let i = 0; i < 5; i++) queue.submit(job({ pacing: "fragment", deadlineMs: 200 }));
    queue.submit(job({ pacing: "file" }));
    expect(queue.next("recognise", 0).shed).toEqual([]);
  });
});

describe("a job leaves unrun", () => {
  test("when its deadline passed while it waited", () => {
    const queue = new DeadlineQueue();
    queue.submit(job({ id: "live", clauseId: "7", deadlineMs: 500 }));
    queue.submit(job({ id: "voice", clauseId: "7", lane: "voice", deadlineMs: 900 }));
    queue.submit(job({ id: "base", pacing: "fragment", deadlineMs: 500 }));
    queue.submit(job({ id: "file", pacing: "file", deadlineMs: 500 }));
    expect(queue.expire(499)).toEqual([]);
    expect(shedNames(queue.expire(500))).toEqual([
      "live expired",
      "base expired",
      "voice overload",
    ]);
    expect(queue.next("recognise", 9999).job?.id).toBe("file");
  });

  test("when a newer partial of its session comes", () => {
    const queue = new DeadlineQueue();
    queue.submit(job({ id: "old", worth: "partial" }));
    queue.submit(job({ id: "other", worth: "partial", sessionId: "two" }));
    expect(shedNames(queue.submit(job({ worth: "partial" })).shed)).toEqual(["old superseded"]);
    expect(queue.size).toBe(2);
  });

  test("when its session or its clause is gone", () => {
    const queue = new DeadlineQueue();
    queue.submit(job({ id: "a", clauseId: "1" }));
    queue.submit(job({ id: "b", clauseId: "2" }));
    queue.submit(job({ id: "c", clauseId: "1", sessionId: "two" }));
    expect(shedNames(queue.cancel("one", "1"))).toEqual(["a cancelled"]);
    expect(shedNames(queue.cancel("one"))).toEqual(["b cancelled"]);
    expect(queue.size).toBe(1);
  });
});

describe("memory is bounded", () => {
  test("a full queue gives up cheaper work for a clause, and refuses what is not dearer", () => {
    const queue = new DeadlineQueue({ capacity: 2 });
    queue.submit(job({ id: "partial", worth: "partial" }));
    queue.submit(job({ id: "clause" }));
    expect(shedNames(queue.submit(job({ id: "more" })).shed)).toEqual(["partial full"]);
    expect(queue.submit(job({ worth: "redecode" })).accepted).toBe(false);
    expect(queue.submit(job({})).accepted).toBe(false);
    expect([queue.size, queue.shedCount("clause", "full")]).toEqual([2, 1]);
  });

  test("one session cannot take the room of the others", () => {
    const queue = new DeadlineQueue({ capacity: 10, sessionCapacity: 3 });
    const accepted = Array.from({ length: 9 }, () => queue.submit(job({})).accepted);
    expect(accepted.filter((one) => one)).toHaveLength(3);
    expect(queue.submit(job({ sessionId: "two" })).accepted).toBe(true);
  });
});

test("costs rise at once and fall slowly, and nonsense teaches nothing", () => {
  const first = measuredCost(assumedCost(400), 200, 1);
  expect(first).toEqual({ perUnit: 200, measured: 1 });
  expect(measuredCost(first, 400, 1).perUnit).toBe(300);
  expect(measuredCost(first, 100, 1).perUnit).toBe(190);
  for (const [workMs, units] of [
    [100, 0],
    [Number.NaN, 1],
    [-5, 1],
  ] as const)
    expect(measuredCost(first, workMs, units)).toBe(first);
  expect(expectedMs(first, 2.5)).toBe(500);
  expect(expectedMs(first, -1)).toBe(0);
});

describe("whatever waits", () => {
  const anyJob = fc.record({
    sessionId: fc.constantFrom("one", "two", "three"),
    pacing: fc.constantFrom("live" as const, "live" as const, "fragment" as const, "file" as const),
    worth: fc.constantFrom<Worth>(...sheddingOrder),
    languageRank: fc.nat(3),
    orderKey: fc.constantFrom(undefined, "pt", "es"),
    clauseId: fc.constantFrom("1", "2", "3", "4", "5"),
    deadlineMs: fc.integer({ min: 0, max: 5000 }),
    estimateMs: fc.integer({ min: 1, max: 800 }),
  });
  const jobs = fc
    .array(anyJob, { maxLength: 40 })
    .map((list) =>
      list.map(({ orderKey, ...one }) =>
        job({ ...one, ...(orderKey === undefined ? {} : { orderKey }) }),
      ),
    );

  test("every job is run or given back, once; queue and counts agree", () => {
    fc.assert(
      fc.property(jobs, (all) => {
        const queue = new DeadlineQueue({ capacity: 24, sessionCapacity: 12 });
        const seen: string[] = [];
        for (const one of all) {
          const { accepted, shed } = queue.submit(one);
          if (!accepted) seen.push(one.id);
          seen.push(...shed.map((gone) => gone.job.id));
          expect(queue.size).toBeLessThanOrEqual(24);
        }
        for (let nowMs = 0; queue.size > 0;) {
          const { job: chosen, shed } = queue.next("recognise", nowMs);
          seen.push(...shed.map((gone) => gone.job.id));
          if (chosen) seen.push(chosen.id);
          nowMs += chosen?.estimateMs ?? 100;
        }
        expect(seen.toSorted()).toEqual(all.map((one) => one.id).toSorted());
      }),
    );
  });

  test("a chain keeps its order, whatever is shed from it", () => {
    fc.assert(
      fc.property(jobs, (all) => {
        const queue = new DeadlineQueue();
        for (const one of all) queue.submit(one);
        const place = new Map(all.map((one, i) => [one.id, i]));
        const last = new Map<string, number>();
        const ran = new Map(all.map((one) => [one.id, one]));
        for (const id of drain(queue)) {
          const one = ran.get(id);
          if (one?.orderKey === undefined) continue;
          const chain = `${one.sessionId} ${one.orderKey} ${one.pacing === "file"}`;
          const index = place.get(id) ?? -1;
          expect(index).toBeGreaterThan(last.get(chain) ?? -1);
          last.set(chain, index);
        }
      }),
    );
  });

  test("a job is shed for overload only when nothing cheaper stands before it", () => {
    fc.assert(
      fc.property(jobs, (all) => {
        const lane = all.toSorted((a, b) => a.deadlineMs - b.deadlineMs);
        const victim = victimOf(lane, 0);
        if (!victim) return;
        const before = lane.slice(0, lane.indexOf(victim)).filter((one) => one.pacing === "live");
        for (const one of before) {
          expect(worthOf(one)).toBeGreaterThanOrEqual(worthOf(victim));
          expect(isCheaper(one, victim)).toBe(false);
        }
      }),
    );
  });

  test("what remains after shedding is in time, but for a clause that is tried alone", () => {
    fc.assert(
      fc.property(jobs, (all) => {
        let lane = all.filter((one) => one.pacing === "live");
        lane = lane.toSorted((a, b) => a.deadlineMs - b.deadlineMs);
        for (;;) {
          const victim = victimOf(lane, 0);
          if (!victim) break;
          lane = lane.filter((one) => one !== victim);
        }
        if (lane.length > 1) expect(worstLagMs(lane, 0)).toBe(0);
        expect(finishTimes(lane, 0)).toHaveLength(lane.length);
      }),
    );
  });
});
