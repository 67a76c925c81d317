import { expect, test } from "bun:test";
import { exists, mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { extraLockName } from "../../../src/weights/lock.ts";
import { pullWeights } from "../../../src/weights/pull.ts";
import { isCarried, sha256, temporaryFolder } from "./weights-folder.ts";

const voice = "a voice of mine";

function extraLock(url: string, bytes = voice.length): string {
  const path = "tts/kokoro/voices/xx_mine.bin";
  const about = { licence: "CC0-1.0", task: "tts", engine: "kokoro", source: "recorded by me" };
  return JSON.stringify({
    version: 1,
    files: [{ path, bytes, sha256: sha256(voice), url, ...about }],
  });
}

test("a pull puts right what is missing or wrong, and leaves nothing else behind", async () => {
  await using folder = await temporaryFolder();
  await pullWeights(folder.path, { only: isCarried });
  const path = join(folder.path, "tts/kokoro/vocab.json");
  const original = await readFile(path);
  await truncate(path, 7);
  const report = await pullWeights(folder.path, { only: isCarried });
  expect(report.problems).toEqual([]);
  expect(await readFile(path)).toEqual(original);
  expect(await exists(join(folder.path, ".pull"))).toBe(false);
});

test("a further export is fetched by its address and checked by its hash", async () => {
  await using folder = await temporaryFolder();
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(voice),
  });
  await writeFile(
    join(folder.path, extraLockName),
    extraLock(`http://127.0.0.1:${server.port}/mine.bin`),
  );
  const isMine = (file: { path: string }): boolean => file.path.endsWith("xx_mine.bin");
  const report = await pullWeights(folder.path, { only: isMine });
  expect(report).toMatchObject({ checkedFiles: 1, problems: [] });
  expect(await readFile(join(folder.path, "tts/kokoro/voices/xx_mine.bin"), "utf8")).toBe(voice);
});

test("a further export with another content does not reach the folder", async () => {
  await using folder = await temporaryFolder();
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("x".repeat(voice.length)),
  });
  await writeFile(
    join(folder.path, extraLockName),
    extraLock(`http://127.0.0.1:${server.port}/mine.bin`),
  );
  const pull = pullWeights(folder.path, { only: (file) => file.path.endsWith("xx_mine.bin") });
  await expect(pull).rejects.toThrow(/mine\.bin sent another content/);
  await pull.catch(() => undefined);
  expect(await exists(join(folder.path, "tts/kokoro/voices/xx_mine.bin"))).toBe(false);
});

/** A process that holds the claim on the folder's pulls, for as long as it lives. */
async function holderOf(folder: string) {
  const script = `
    import { mkdir } from "node:fs/promises";
    import { claimFolder } from "${join(import.meta.dir, "../../../src/weights/exclusive.ts")}";
    await mkdir("${folder}/.pull", { recursive: true });
    await claimFolder("${folder}/.pull");
    process.stdout.write("claimed");
    await Bun.stdin.text();`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe" });
  for await (const said of child.stdout)
    if (new TextDecoder().decode(said).includes("claimed")) break;
  return child;
}

test("two pulls into one folder do not mix", async () => {
  await using folder = await temporaryFolder();
  const holder = await holderOf(folder.path);
  const error = await pullWeights(folder.path, { only: isCarried }).catch(
    (failure: unknown) => failure,
  );
  holder.kill();
  await holder.exited;
  expect(error).toMatchObject({ name: "WeightsError", retryable: true });
  expect(String(error)).toContain(`Process ${holder.pid} is already at work`);
});

test("the claim of a process that was killed is taken over", async () => {
  await using folder = await temporaryFolder();
  const holder = await holderOf(folder.path);
  holder.kill("SIGKILL");
  await holder.exited;
  expect(await exists(join(folder.path, ".pull/owner.pid"))).toBe(true);
  expect((await pullWeights(folder.path, { only: isCarried })).problems).toEqual([]);
});

test("the claim of an earlier process of the same number is taken over", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, ".pull"), { recursive: true });
  await writeFile(join(folder.path, ".pull/owner.pid"), `${process.pid} 1`);
  expect((await pullWeights(folder.path, { only: isCarried })).problems).toEqual([]);
});

test("a folder that cannot be made is named", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  await writeFile(file, "");
  const error = await pullWeights(join(file, "models"), { only: isCarried }).catch(
    (failure: unknown) => failure,
  );
  expect(error).toMatchObject({ name: "WeightsError", blame: "machine", retryable: false });
  expect(String(error)).toContain(join(file, "models"));
});
