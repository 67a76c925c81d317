import { describe, expect, test } from "bun:test";
import { EngineError } from "../../../gpu/inference/engine-error.ts";
import type { ClauseMessage } from "../../../src/protocol/sts-fragment.ts";
import { ClauseReplay } from "../../support/clause-replay.ts";

/** The first clause begins in the third fragment; translated by then its dub begins in the sixth. */
const dubbedAtMs = 6800;
const dubBeginsIn = 5;
/** The next clause begins in the tenth fragment: its answer is gone by then, and the eleventh's is not. */
const betweenAnswersMs = 8700;
const recoveredAtMs = 12_000;

/** What answers that did not fail have told of a clause in Portuguese, in their order. */
function fates(told: readonly ClauseMessage[], clauseId: string): string[] {
  return told
    .filter(({ clause_id, languages }) => clause_id === clauseId && languages?.includes("pt"))
    .map(({ status, reason }) => (reason === undefined ? status : `${status} ${reason}`));
}

describe("what an answer that failed was to tell of clauses", () => {
  test("is told by the next one, where its words missed their time", async () => {
    const told: ClauseMessage[] = [];
    const refused = new EngineError("TRANSLATION_FAILED", {
      message: "not today",
      retryable: false,
      blame: "upstream",
    });
    using replay = new ClauseReplay(
      (self) => ({
        transcribe: (_request, run) => {
          const isStuck = self.nowMs > 4500 && self.nowMs < recoveredAtMs;
          return self.takes(isStuck ? recoveredAtMs - self.nowMs : 0).then(run);
        },
        translate: (request, run) =>
          request.text.includes("keeper")
            ? self.takes(betweenAnswersMs - self.nowMs).then(() => Promise.reject(refused))
            : self.takes(0).then(run),
      }),
      { onAnswer: ({ clauses = [] }) => told.push(...clauses) },
    );
    await replay.playLoop();
    expect(replay.failed).toBeGreaterThan(0);
    expect(fates(told, "clause-0")).toEqual(["late", "dropped TRANSLATION_FAILED"]);
  });

  for (const { what, change } of [
    { what: "its sound could not be read", change: { format: "m4a" } },
    { what: "its dub could not be written", change: { format: "m4a", speech: false } },
  ])
    test(`is told by the next one, where ${what}`, async () => {
      const told: ClauseMessage[] = [];
      const transcripts: string[] = [];
      using replay = new ClauseReplay(
        (self) => ({
          translate: (request, run) =>
            self.takes(request.text.includes("keeper") ? dubbedAtMs - self.nowMs : 0).then(run),
        }),
        {
          onAnswer: ({ clauses = [], transcript }) => {
            told.push(...clauses);
            transcripts.push(transcript);
          },
          change: (sequence) => (sequence === dubBeginsIn ? change : {}),
        },
      );
      await replay.playLoop();
      expect(replay.failed).toBe(1);
      expect(fates(told, "clause-0")).toEqual(["late", "dubbed"]);
      expect(transcripts.join(" ")).toContain(told[0]?.source_text ?? "nothing was told");
    });
});
