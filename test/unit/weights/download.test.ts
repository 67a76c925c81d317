import { expect, test } from "bun:test";
import { exists, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { download } from "../../../src/weights/download.ts";
import { sha256, temporaryFolder } from "./weights-folder.ts";

const content = new Uint8Array(100_000).map((_, n) => (n * 31) % 251);
const digest = { algorithm: "sha256", encoding: "hex", value: sha256(content) } as const;

/** A server that serves `content`, notes the asked ranges, and may break off after some bytes. */
function fileServer(options: { resumes: boolean; breakOffAfter?: number }) {
  const ranges: (string | null)[] = [];
  let breakOffAfter = options.breakOffAfter;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const range = request.headers.get("range");
      ranges.push(range);
      const start = options.resumes ? Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0) : 0;
      const status = start > 0 ? 206 : 200;
      if (breakOffAfter === undefined) return new Response(content.subarray(start), { status });
      const piece = content.slice(start, breakOffAfter);
      breakOffAfter = undefined;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(piece);
          controller.close();
        },
      });
      return new Response(body, { status });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/file.bin`,
    ranges,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

test("a file is fetched whole, and not again when it is right", async () => {
  await using folder = await temporaryFolder();
  await using server = fileServer({ resumes: true });
  const path = join(folder.path, "file");
  await download({ url: server.url, bytes: content.length, digest }, path);
  await download({ url: server.url, bytes: content.length, digest }, path);
  expect(new Uint8Array(await readFile(path))).toEqual(content);
  expect(server.ranges).toEqual([null]);
});

test("an interrupted download goes on where it stopped", async () => {
  await using folder = await temporaryFolder();
  await using server = fileServer({ resumes: true, breakOffAfter: 40_000 });
  const path = join(folder.path, "file");
  await writeFile(`${path}.part`, content.subarray(0, 25_000));
  const seen: number[] = [];
  await download({ url: server.url, bytes: content.length, digest }, path, (done) =>
    seen.push(done),
  ).catch(() => undefined);
  expect(await exists(path)).toBe(false);
  await download({ url: server.url, bytes: content.length, digest }, path, (done) =>
    seen.push(done),
  );
  expect(new Uint8Array(await readFile(path))).toEqual(content);
  expect(server.ranges).toEqual(["bytes=25000-", "bytes=40000-"]);
  expect(seen.at(-1)).toBe(content.length);
});

test("a server that cannot resume sends the file anew", async () => {
  await using folder = await temporaryFolder();
  await using server = fileServer({ resumes: false });
  const path = join(folder.path, "file");
  await writeFile(`${path}.part`, content.subarray(0, 25_000));
  await download({ url: server.url, digest }, path);
  expect(new Uint8Array(await readFile(path))).toEqual(content);
});

test("another content than pinned is thrown away and named", async () => {
  await using folder = await temporaryFolder();
  await using server = fileServer({ resumes: true });
  const path = join(folder.path, "file");
  const wrong = { ...digest, value: sha256("something else") };
  const fetched = download({ url: `${server.url}?token=secret`, digest: wrong }, path);
  const error = await fetched.catch((failure: unknown) => failure);
  expect(error).toMatchObject({ name: "WeightsError", blame: "network", retryable: true });
  expect(String(error)).toContain("/file.bin sent another content");
  expect(String(error)).not.toContain("secret");
  expect(await exists(path)).toBe(false);
  expect(await exists(`${path}.part`)).toBe(false);
});

test("more bytes than the lock file says are not stored", async () => {
  await using folder = await temporaryFolder();
  await using server = fileServer({ resumes: true });
  const path = join(folder.path, "file");
  const fetched = download({ url: server.url, bytes: 10, digest }, path);
  await expect(fetched).rejects.toThrow(/more than the expected 10 bytes/);
});

test("an unreachable server is a failure of the network that may pass", async () => {
  await using folder = await temporaryFolder();
  const server = fileServer({ resumes: true });
  await server[Symbol.asyncDispose]();
  const error = await download({ url: server.url, digest }, join(folder.path, "file")).catch(
    (failure: unknown) => failure,
  );
  expect(error).toMatchObject({ blame: "network", retryable: true });
});
