import { expect, test } from "bun:test";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embeddedFfmpeg, extractEmbedded } from "../../../src/media/embedded.ts";
import type { EmbeddedFile } from "../../../src/media/embedded-files.ts";

const script = "#!/bin/sh\necho carried\n";

/** A compressed program as the build embeds it, and a cache to extract it to. */
async function carriedProgram(change: Partial<EmbeddedFile> = {}) {
  const folder = await mkdtemp(join(tmpdir(), "livedub-embedded-"));
  const path = join(folder, "program.zst");
  await writeFile(path, await Bun.zstdCompress(script));
  const sha256 = new Bun.CryptoHasher("sha256").update(script).digest("hex");
  const file: EmbeddedFile = { path, sha256, bytes: script.length, ...change };
  return {
    file,
    env: { LIVEDUB_CACHE_DIR: join(folder, "cache") },
    extractedTo: join(folder, "cache/embedded", sha256.slice(0, 16)),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

test("running from source, nothing is inside", async () => {
  expect(await embeddedFfmpeg()).toBeUndefined();
  expect(await extractEmbedded("mediamtx", {})).toBeUndefined();
});

test("a program is extracted, runs, and only its owner may touch it", async () => {
  await using carried = await carriedProgram();
  const path = await extractEmbedded("ffmpeg", carried.env, carried.file);
  expect(path).toBe(join(carried.extractedTo, "ffmpeg"));
  expect(await new Response(Bun.spawn([path ?? ""]).stdout).text()).toBe("carried\n");
  expect((await stat(carried.extractedTo)).mode & 0o777).toBe(0o700);
  expect((await stat(path ?? "")).mode & 0o777).toBe(0o700);
});

test("it is extracted once, also by several processes at a time", async () => {
  await using carried = await carriedProgram();
  const extract = () => extractEmbedded("ffmpeg", carried.env, carried.file);
  const paths = await Promise.all([extract(), extract(), extract()]);
  expect(new Set(paths).size).toBe(1);
  expect(await readdir(carried.extractedTo)).toEqual(["ffmpeg"]);
  const { mtimeMs } = await stat(join(carried.extractedTo, "ffmpeg"));
  await extract();
  expect((await stat(join(carried.extractedTo, "ffmpeg"))).mtimeMs).toBe(mtimeMs);
});

test("what an interrupted extraction left is replaced", async () => {
  await using carried = await carriedProgram();
  const path = (await extractEmbedded("ffmpeg", carried.env, carried.file)) ?? "";
  await writeFile(path, "#!/bin/sh\n");
  await extractEmbedded("ffmpeg", carried.env, carried.file);
  expect(await readFile(path, "utf8")).toBe(script);
});

test("what a killed extraction left is cleared away once nobody can be at work on it", async () => {
  await using carried = await carriedProgram();
  await mkdir(carried.extractedTo, { recursive: true, mode: 0o700 });
  for (const [name, time] of [
    ["old.part", new Date(0)],
    ["young.part", new Date()],
  ] as const) {
    await writeFile(join(carried.extractedTo, name), "half");
    await utimes(join(carried.extractedTo, name), time, time);
  }
  await extractEmbedded("ffmpeg", carried.env, carried.file);
  expect((await readdir(carried.extractedTo)).toSorted()).toEqual(["ffmpeg", "young.part"]);
});

test("a full disk is named with the folder and the bytes that are needed", async () => {
  const bytes = 2 ** 60;
  await using carried = await carriedProgram({ bytes });
  const failure = extractEmbedded("ffmpeg", carried.env, carried.file);
  await expect(failure).rejects.toThrow(
    new RegExp(`disk is full: ${bytes} bytes are needed in ${carried.extractedTo}`),
  );
});

test("a damaged executable is told by the hash, and leaves nothing behind", async () => {
  await using carried = await carriedProgram();
  await writeFile(carried.file.path, await Bun.zstdCompress("#!/bin/sh\necho ALTERED\n"));
  const failure = extractEmbedded("ffmpeg", carried.env, carried.file);
  await expect(failure).rejects.toThrow(/is damaged: fetch the executable again/);
  expect(await readdir(carried.extractedTo)).toEqual([]);
});

test("a truncated executable is an error, not a crash", async () => {
  await using carried = await carriedProgram();
  const whole = await readFile(carried.file.path);
  await writeFile(carried.file.path, whole.subarray(0, whole.length - 6));
  const failure = extractEmbedded("ffmpeg", carried.env, carried.file);
  await expect(failure).rejects.toThrow(/cannot extract ffmpeg into|is damaged/);
  expect(await readdir(carried.extractedTo)).toEqual([]);
});

test("nothing is run from a folder that others can write to", async () => {
  await using carried = await carriedProgram();
  await extractEmbedded("ffmpeg", carried.env, carried.file);
  await chmod(carried.extractedTo, 0o777);
  const failure = extractEmbedded("ffmpeg", carried.env, carried.file);
  await expect(failure).rejects.toThrow(/can be written by somebody else/);
});
