import { describe, expect, test } from "bun:test";
import type { ClauseReport } from "../../../src/protocol/clause-report.ts";
import type { ClauseMessage } from "../../../src/protocol/sts-fragment.ts";
import { ClauseMemory } from "../../../src/worker/clause-memory.ts";

const samplesPerMs = 48;

function clause(change: Partial<ClauseMessage> = {}): ClauseMessage {
  return {
    clause_id: "clause-0",
    start_ms: 1000,
    end_ms: 3000,
    source_text: "The match begins.",
    translations: { pt: "O jogo começa." },
    status: "dubbed",
    languages: ["pt"],
    dub: { pt: { start_ms: 1000, end_ms: 2800, tempo: 1, voice: "default" } },
    ...change,
  };
}

const late = clause({ status: "late", dub: undefined, translations: {} });
const dropped = clause({ status: "dropped", dub: undefined, reason: "late" });

/** A memory, and everything that it has told. */
function memory() {
  const fates: string[] = [];
  const reports: ClauseReport[] = [];
  const remembers = new ClauseMemory(["pt"], {
    onFate: (_language, status, reason) =>
      fates.push(reason === undefined ? status : `${status} ${reason}`),
    onFinal: (report) => reports.push(report),
  });
  return { remembers, fates, reports };
}

describe("what a worker remembers of clauses", () => {
  test("takes the same news twice, in whichever order, as once", () => {
    const { remembers, fates, reports } = memory();
    remembers.learn([late, late], 0);
    remembers.learn([clause(), late], 0);
    remembers.learn([dropped, clause()], 0);
    expect(fates).toEqual(["late", "dubbed"]);
    expect(reports).toHaveLength(1);
    expect(remembers.marksOf("pt", 0, 10_000 * samplesPerMs)).toMatchObject([{ kind: "dub" }]);
  });

  test("learns the fate of a late clause from a later answer, within its time", () => {
    const { remembers, fates } = memory();
    remembers.learn([late], 1000 * samplesPerMs);
    remembers.learn([], 7900 * samplesPerMs);
    remembers.learn([dropped], 7950 * samplesPerMs);
    expect(fates).toEqual(["late", "dropped late"]);
  });

  test("tells nothing of a clause again that it has given up", () => {
    const { remembers, fates, reports } = memory();
    remembers.learn([late], 1000 * samplesPerMs);
    remembers.learn([], 8001 * samplesPerMs);
    expect(fates).toEqual(["late", "dropped lost"]);
    remembers.learn([dropped, clause()], 8400 * samplesPerMs);
    expect(fates).toEqual(["late", "dropped lost"]);
    expect(reports).toHaveLength(1);
  });

  test("tells nothing of a clause again that was told and is long over", () => {
    const { remembers, fates, reports } = memory();
    remembers.learn([clause()], 0);
    remembers.learn([], 60_000 * samplesPerMs);
    remembers.learn([clause()], 60_100 * samplesPerMs);
    remembers.close();
    expect(fates).toEqual(["dubbed"]);
    expect(reports).toHaveLength(1);
  });

  test("takes a clause that is first told long after its time, as one carried over from answers that failed", () => {
    const { remembers, fates, reports } = memory();
    remembers.learn([dropped], 60_000 * samplesPerMs);
    remembers.learn([dropped], 60_500 * samplesPerMs);
    expect(fates).toEqual(["dropped late"]);
    expect(reports).toHaveLength(1);
  });
});
