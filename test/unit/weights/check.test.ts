import { expect, test } from "bun:test";
import { rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { quickCheckWeights, verifyWeights } from "../../../src/weights/check.ts";
import { pullWeights } from "../../../src/weights/pull.ts";
import { listWeights, requireModelsFolder } from "../../../src/weights/store.ts";
import { isCarried, temporaryFolder } from "./weights-folder.ts";

const vocabulary = "tts/kokoro/vocab.json";
const vocabularyBytes = 1146;

test("an empty folder misses every file, and each message names the file and the remedy", async () => {
  await using folder = await temporaryFolder();
  const { problems, checkedFiles } = await verifyWeights(folder.path);
  expect(problems).toHaveLength(checkedFiles);
  expect(new Set(problems.map(({ kind }) => kind))).toEqual(new Set(["missing"]));
  const message = problems.find(({ path }) => path === vocabulary)?.message ?? "";
  expect(message).toContain(join(folder.path, vocabulary));
  expect(message).toContain("models pull");
});

test("a truncated file is told by its size", async () => {
  await using folder = await temporaryFolder();
  await pullWeights(folder.path, { only: isCarried });
  await truncate(join(folder.path, vocabulary), 100);
  const { problems } = await verifyWeights(folder.path, { only: isCarried });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({
    kind: "truncated",
    expectedBytes: vocabularyBytes,
    foundBytes: 100,
  });
  expect(problems[0]?.message).toContain(`100 bytes of ${vocabularyBytes}`);
});

test("a file of the right size and another content is told by its hash", async () => {
  await using folder = await temporaryFolder();
  await pullWeights(folder.path, { only: isCarried });
  await writeFile(join(folder.path, vocabulary), "x".repeat(vocabularyBytes));
  for (const check of [verifyWeights, quickCheckWeights]) {
    const { problems } = await check(folder.path, { only: isCarried });
    expect(problems.map(({ path, kind }) => ({ path, kind }))).toEqual([
      { path: vocabulary, kind: "wrong-hash" },
    ]);
  }
});

test("a quick check hashes only what has changed since it was verified", async () => {
  await using folder = await temporaryFolder();
  await pullWeights(folder.path, { only: isCarried });
  expect((await quickCheckWeights(folder.path, { only: isCarried })).hashedBytes).toBe(0);
  const path = join(folder.path, vocabulary);
  const { atime } = await stat(path);
  await utimes(path, atime, new Date(0));
  const report = await quickCheckWeights(folder.path, { only: isCarried });
  expect(report).toMatchObject({ hashedBytes: vocabularyBytes, problems: [] });
});

test("a full check trusts no stamp", async () => {
  await using folder = await temporaryFolder();
  await pullWeights(folder.path, { only: isCarried });
  const path = join(folder.path, vocabulary);
  const { atime, mtime } = await stat(path);
  // The stamp goes by size and time: with both kept, only reading the file shows the change.
  await utimes(path, atime, mtime);
  await quickCheckWeights(folder.path, { only: isCarried });
  await writeFile(path, "x".repeat(vocabularyBytes));
  await utimes(path, atime, mtime);
  expect((await quickCheckWeights(folder.path, { only: isCarried })).problems).toHaveLength(0);
  expect((await verifyWeights(folder.path, { only: isCarried })).problems).toHaveLength(1);
});

test("progress ends at the sum of all bytes", async () => {
  await using folder = await temporaryFolder();
  await pullWeights(folder.path, { only: isCarried });
  const seen: { doneBytes: number; totalBytes: number }[] = [];
  await verifyWeights(folder.path, { only: isCarried, onProgress: (step) => seen.push(step) });
  const last = seen.at(-1);
  expect(last?.doneBytes).toBe(last?.totalBytes ?? -1);
  expect(seen.every((step, n) => step.doneBytes >= (seen[n - 1]?.doneBytes ?? 0))).toBe(true);
});

test("the list says which files are present, missing or of another size", async () => {
  await using folder = await temporaryFolder();
  await pullWeights(folder.path, { only: isCarried });
  await truncate(join(folder.path, vocabulary), 1);
  await rm(join(folder.path, "tts/kokoro/NOTICE"));
  const listed = new Map((await listWeights(folder.path)).map(({ path, state }) => [path, state]));
  expect(listed.get(vocabulary)).toBe("wrong-size");
  expect(listed.get("tts/kokoro/NOTICE")).toBe("missing");
  expect(listed.get("tts/kokoro/LICENSE")).toBe("present");
});

test("a models folder that is not there is named with the remedy", async () => {
  await using folder = await temporaryFolder();
  const dir = join(folder.path, "none");
  await expect(requireModelsFolder({ dir, env: {} })).rejects.toThrow(
    /no model weights: .*none is not there.*models pull/,
  );
});
