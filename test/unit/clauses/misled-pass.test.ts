import { expect, test } from "bun:test";
import type { ClauseNotice } from "../../../gpu/session/clauses/line-answer.ts";
import { ClauseReplay } from "../../support/clause-replay.ts";

/** One loop of the recording, to a recogniser that is unsure of whatever it hears with a prompt, or never. */
async function play(isMisled: boolean) {
  const told: ClauseNotice[] = [];
  let refused = 0;
  let unprompted = 0;
  using replay = new ClauseReplay(
    () => ({
      transcribe: async (request, run) => {
        const heard = await run();
        if (request.quality !== "final") return heard;
        if (request.prompt === undefined) unprompted++;
        if (!isMisled || request.prompt === undefined) return heard;
        refused++;
        return { ...heard, text: "somewhere else", meanLogProbability: -2 };
      },
    }),
    { onTold: (notice) => void (notice.status === "late" || told.push(notice)) },
  );
  await replay.playLoop();
  return { told, refused, unprompted };
}

test("speech that a prompt misled the recogniser about is heard once more without one, and dubbed", async () => {
  const plain = await play(false);
  const misled = await play(true);
  expect(misled.refused).toBeGreaterThan(5);
  expect(misled.unprompted).toBe(plain.unprompted + misled.refused);
  const fates = (one: typeof plain) =>
    one.told.map(({ clauseId, language, status }) => `${clauseId} ${language} ${status}`);
  expect(fates(misled)).toEqual(fates(plain));
  expect(plain.told.every(({ status }) => status === "dubbed")).toBe(true);
});
