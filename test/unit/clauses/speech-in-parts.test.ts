import { describe, expect, test } from "bun:test";
import type { CostFigures } from "../../../gpu/inference/stage-figures.ts";
import type { ClauseNotice } from "../../../gpu/session/clauses/line-answer.ts";
import { speechParts } from "../../../gpu/session/speech-parts.ts";
import { StageCosts } from "../../../gpu/session/stage-costs.ts";
import { ClauseReplay } from "../../support/clause-replay.ts";
import { msPerCharacter } from "../../support/scripted-stages.ts";

describe("a text that is spoken in parts", () => {
  test("is cut at a mark or before a phrase, and loses nothing", () => {
    expect(speechParts("de blocos de madeira gravados em relevo")).toEqual([
      "de blocos de madeira",
      "gravados em relevo",
    ]);
    const text = "E assim, meus caros companheiros, não perguntem o que o país pode fazer.";
    const parts = speechParts(text);
    expect(parts).toHaveLength(2);
    expect(parts.join(" ")).toBe(text);
    expect(parts[0]!.length).toBeLessThanOrEqual(Math.ceil(text.length * 0.55));
  });

  test("stays whole where a part would be a scrap", () => {
    for (const text of ["", "Sim.", "nunca foi.", "Especialmente extraordinariamente"])
      expect(speechParts(text).join(" ")).toBe(text);
    expect(speechParts("Ah, extraordinariamente")).toHaveLength(1);
  });
});

describe("a voice that takes longer than there is time", () => {
  const figures: CostFigures = { passMs: 500, translateMs: 50, speakRtf: 0.8, msPerCharacter };

  async function played(): Promise<{ told: ClauseNotice[]; asked: string[] }> {
    const told: ClauseNotice[] = [];
    const asked: string[] = [];
    const costs = new StageCosts();
    costs.seed(figures);
    using replay = new ClauseReplay(
      (self) => ({
        transcribe: (_request, run) => self.takes(figures.passMs).then(run),
        translate: (_request, run) => self.takes(figures.translateMs).then(run),
        speak: (request, run) => {
          if (request.language === "pt") asked.push(request.text);
          return self.takes(figures.speakRtf * request.text.length * msPerCharacter).then(run);
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
    return { told, asked };
  }

  test("is heard on time all the same: the first part airs while the second is being spoken", async () => {
    const { told, asked } = await played();
    const dubbed = told.filter(({ status }) => status === "dubbed");
    expect(dubbed.length).toBeGreaterThan(5);
    expect(dubbed).toHaveLength(told.length);
    // Some were asked for in two parts, and each was told of once.
    expect(asked.length).toBeGreaterThan(dubbed.length);
    // One runs over into the next: its text is longer than its slot.
    const late = dubbed.filter(({ slot }) => (slot?.lateMs ?? 0) > 300);
    expect(late.length).toBeLessThanOrEqual(1);
    for (const [index, { slot }] of dubbed.slice(1).entries())
      expect(slot!.startMs).toBeGreaterThan(dubbed[index]!.slot!.startMs);
  });
});
