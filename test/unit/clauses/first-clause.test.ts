import { describe, expect, test } from "bun:test";
import type { CostFigures } from "../../../gpu/inference/stage-figures.ts";
import type { ClauseNotice } from "../../../gpu/session/clauses/line-answer.ts";
import { StageCosts } from "../../../gpu/session/stage-costs.ts";
import { ClauseReplay } from "../../support/clause-replay.ts";
import { msPerCharacter } from "../../support/scripted-stages.ts";

/** Two to three times slower than what is assumed of an unknown machine. */
const slow: CostFigures = { passMs: 800, translateMs: 80, speakRtf: 1.2, msPerCharacter };

/** Plays the recording once to an engine that is as slow, and tells what became of its clauses in Portuguese. */
async function playTo(figures: CostFigures, costs: StageCosts): Promise<ClauseNotice[]> {
  const told: ClauseNotice[] = [];
  using replay = new ClauseReplay(
    (self) => ({
      transcribe: (_request, run) => self.takes(figures.passMs).then(run),
      translate: (_request, run) => self.takes(figures.translateMs).then(run),
      speak: (request, run) => {
        const speechMs = request.text.length * msPerCharacter;
        return self.takes(figures.speakRtf * speechMs).then(run);
      },
    }),
    {
      costs,
      onTold: (notice) => {
        if (notice.language === "pt" && notice.status !== "late") told.push(notice);
      },
    },
  );
  await replay.playLoop();
  return told;
}

function expectInPlace([first, second]: readonly ClauseNotice[]): void {
  for (const notice of [first, second]) {
    expect(notice?.status).toBe("dubbed");
    expect(notice?.slot?.lateMs).toBeLessThanOrEqual(300);
  }
}

describe("the first clauses of the first session on a slow machine", () => {
  test("begin with one that is lost while nothing is known of it", async () => {
    const [first] = await playTo(slow, new StageCosts());
    expect(first).toMatchObject({ clauseId: "clause-0", status: "dropped", reason: "late" });
  });

  test("are in their places when it was measured before", async () => {
    const costs = new StageCosts();
    costs.seed(slow);
    expectInPlace(await playTo(slow, costs));
  });

  test("are in their places when a session before has learnt it", async () => {
    const costs = new StageCosts();
    await playTo(slow, costs);
    expectInPlace(await playTo(slow, costs));
  });
});
