import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { extraLockName, lockedFiles, parseLock, productLock } from "../../../src/weights/lock.ts";
import { temporaryFolder } from "./weights-folder.ts";

const file = {
  path: "mt/marian-en-es/encoder.onnx",
  bytes: 3,
  sha256: "a".repeat(64),
  licence: "CC-BY-4.0",
  task: "mt",
  engine: "marian",
  source: "an export of mine",
  url: "https://models.example/encoder.onnx",
};

function lockWith(change: object): unknown {
  return { version: 1, files: [{ ...file, ...change }] };
}

test("the product's lock names every engine's files", () => {
  const paths = productLock().files.map((entry) => entry.path);
  for (const path of [
    ...["asr/whisper-base-onnx/encoder_model.onnx", "asr/whisper-tokenizer/tokenizer.json"],
    ...["mt/bergamot-en-pt/decoder.onnx", "mt/bergamot-pt-en/vocab.json"],
    ...["tts/kokoro/model.weights.bin", "tts/kokoro/voices/pf_dora.bin"],
    "vad/silero-v6/silero_vad_v6.onnx",
  ]) {
    expect(paths).toContain(path);
  }
  expect(paths.filter((path) => path.startsWith("tts/kokoro/voices/"))).toHaveLength(54);
});

test.each([
  ["a path that leaves the folder", { path: "../../etc/passwd" }],
  ["an absolute path", { path: "/etc/passwd" }],
  ["a hidden file", { path: "mt/.verified.json" }],
  ["an address that is no http", { url: "file:///etc/passwd" }],
  ["half a hash", { sha256: "abc" }],
  ["a negative size", { bytes: -1 }],
  ["neither recipe nor url", { url: undefined }],
  ["an unknown task", { task: "video" }],
])("%s is refused", (_name, change) => {
  expect(() => parseLock(lockWith(change), "mine.json")).toThrow(/^mine\.json: /);
});

test("a path that stands twice is refused", () => {
  expect(() => parseLock({ version: 1, files: [file, file] }, "mine.json")).toThrow(/twice/);
});

test("the folder's own lock file adds to the product's", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, extraLockName), JSON.stringify(lockWith({})));
  const files = await lockedFiles(folder.path);
  expect(files).toHaveLength(productLock().files.length + 1);
  expect(files.at(-1)?.path).toBe(file.path);
});

test("it cannot replace a file of the product", async () => {
  await using folder = await temporaryFolder();
  const path = "tts/kokoro/model.onnx";
  await writeFile(join(folder.path, extraLockName), JSON.stringify(lockWith({ path })));
  await expect(lockedFiles(folder.path)).rejects.toThrow(
    /tts\/kokoro\/model\.onnx belongs to the product/,
  );
});

test("a lock file that is not JSON is named", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, extraLockName), "{");
  await expect(lockedFiles(folder.path)).rejects.toThrow(/extra\.lock\.json in .* is not JSON/);
});
