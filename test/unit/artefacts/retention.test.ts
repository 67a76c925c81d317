import { expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyRetention } from "../../../gpu/artefacts/retention.ts";

const nowMs = 1_800_000_000_000;
const hourMs = 3_600_000;

function fragment(
  root: string,
  stream: string,
  name: string,
  ageHours: number,
  file = "metadata.json",
) {
  const path = join(root, stream, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, file), "{}");
  const at = new Date(nowMs - ageHours * hourMs);
  utimesSync(path, at, at);
}

const newRoot = () => mkdtempSync(join(tmpdir(), "livedub-retention-"));

test("what is too old goes first, then the oldest of each stream above its number", async () => {
  const root = newRoot();
  for (const age of [1, 2, 3, 4, 23, 25, 30]) fragment(root, "match", `f${age}`, age);
  fragment(root, "other", "f5", 5);
  fragment(root, "gone", "f90", 90);
  expect(await applyRetention(root, { hours: 24, count: 3 }, nowMs)).toBe(5);
  expect(readdirSync(join(root, "match")).toSorted()).toEqual(["f1", "f2", "f3"]);
  expect(readdirSync(root).toSorted()).toEqual(["match", "other"]);
});

test("a folder that holds anything but files of ours is left alone, and links are not followed", async () => {
  const root = newRoot();
  const elsewhere = newRoot();
  fragment(elsewhere, "stream", "f1", 90);
  fragment(root, "documents", "letters", 90, "letter.txt");
  fragment(root, "mixed", "f1", 90);
  writeFileSync(join(root, "mixed", "f1", "notes.md"), "mine");
  const old = new Date(nowMs - 90 * hourMs);
  utimesSync(join(root, "mixed", "f1"), old, old);
  symlinkSync(join(elsewhere, "stream"), join(root, "link"));
  expect(await applyRetention(root, { hours: 24, count: 1 }, nowMs)).toBe(0);
  expect(readdirSync(join(elsewhere, "stream"))).toEqual(["f1"]);
  expect(readdirSync(join(root, "mixed", "f1")).toSorted()).toEqual(["metadata.json", "notes.md"]);
  expect(readdirSync(join(root, "documents", "letters"))).toEqual(["letter.txt"]);
});

test("what a crash left half written goes after an hour and counts for nothing", async () => {
  const root = newRoot();
  fragment(root, "match", ".unfinished-a", 2, "transcript.txt");
  fragment(root, "match", ".unfinished-b", 0.5, "transcript.txt");
  fragment(root, "match", "f1", 3);
  await applyRetention(root, { hours: 24, count: 1 }, nowMs);
  expect(readdirSync(join(root, "match")).toSorted()).toEqual([".unfinished-b", "f1"]);
});
