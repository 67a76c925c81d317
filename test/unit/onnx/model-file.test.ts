import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { ModelFileError, readModelFloats, readModelJson } from "../../../src/onnx/model-file.ts";
import { loadOnnxRuntime, openSession } from "../../../src/onnx/runtime.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "livedub-onnx-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

async function refusal(run: () => unknown): Promise<ModelFileError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof ModelFileError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

test("a model file that is missing or no model is refused by name, with the remedy", async () => {
  for (const path of [join(dir, "absent.onnx"), file("rubbish.onnx", "not a model at all")]) {
    const error = await refusal(() => openSession(path));
    expect(error.path).toBe(path);
    expect(error.message).toContain(path);
    expect(error.message).toContain("livedub-sts models pull");
  }
});

test("a truncated JSON file is refused by name, and so is one that lacks a field", async () => {
  const schema = z.object({ bands: z.number() });
  const cut = file("cut.json", '{"bands": 8');
  const other = file("other.json", '{"rows": 80}');
  expect((await refusal(() => readModelJson(cut, schema))).message).toContain(cut);
  expect((await refusal(() => readModelJson(other, schema))).message).toContain(other);
  expect(readModelJson(file("good.json", '{"bands": 80}'), schema)).toEqual({ bands: 80 });
});

test("floats are read little-endian, and a file cut off inside one is refused", async () => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat32(4, -1.5, true);
  expect([...readModelFloats(file("two.bin", bytes))]).toEqual([0, -1.5]);
  await refusal(() => readModelFloats(file("seven.bin", bytes.subarray(0, 7))));
  await refusal(() => readModelFloats(file("empty.bin", "")));
});

test("the runtime is loaded once", async () => {
  expect(await loadOnnxRuntime()).toBe(await loadOnnxRuntime());
});
