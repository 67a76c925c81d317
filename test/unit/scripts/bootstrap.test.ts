import { expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../../..");

/** A machine whose PATH holds only the given shell scripts, and whose cache is empty. */
async function machine(programs: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), "livedub-bootstrap-"));
  for (const name of ["bin", "home", "cache"]) await mkdir(join(folder, name));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, "bin", name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, "bin", name), 0o755);
  }
  return {
    folder,
    cache: join(folder, "cache"),
    async bootstrap(step: string, env: Readonly<Record<string, string>> = {}) {
      const child = Bun.spawn([process.execPath, "scripts/bootstrap.ts", step], {
        cwd: root,
        env: {
          PATH: join(folder, "bin"),
          HOME: join(folder, "home"),
          LIVEDUB_CACHE_DIR: join(folder, "cache"),
          ...env,
        },
        stdio: ["ignore", "ignore", "pipe"],
      });
      const said = await new Response(child.stderr).text();
      return { code: await child.exited, said };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

test("an unknown step is named with those that there are", async () => {
  await using bare = await machine();
  const { code, said } = await bare.bootstrap("gstreamer");
  expect(code).toBe(2);
  expect(said).toContain("no step gstreamer; the steps are dependencies, ffmpeg, mediamtx");
});

test("without Go, MediaMTX's step says what else will do", async () => {
  await using bare = await machine();
  const { code, said } = await bare.bootstrap("mediamtx");
  expect(code).toBe(1);
  expect(said).toContain("FAILED  mediamtx: it is neither in the cache nor in PATH");
  expect(said).toMatch(/What to do: Install Go .*MEDIAMTX_BIN/);
});

test("a MediaMTX of another version is not taken from PATH, and named when MEDIAMTX_BIN says so", async () => {
  await using bare = await machine({ mediamtx: "echo v1.9.0" });
  expect((await bare.bootstrap("mediamtx")).said).toContain("FAILED  mediamtx: it is neither");
  const path = join(bare.folder, "bin/mediamtx");
  const { said } = await bare.bootstrap("mediamtx", { MEDIAMTX_BIN: path });
  expect(said).toContain(`MEDIAMTX_BIN names ${path}, which is v1.9.0`);
});

test("a MediaMTX of the pinned version is taken from PATH", async () => {
  await using bare = await machine({ mediamtx: "echo v1.20.1" });
  const { code, said } = await bare.bootstrap("mediamtx");
  expect({ code, said }).toMatchObject({ code: 0 });
  expect(said).toContain("ok  mediamtx: v1.20.1");
});

test("a named release archive is fetched, checked by its hash and unpacked", async () => {
  await using bare = await machine({
    tar: 'exec /usr/bin/tar "$@"',
    gzip: 'exec /usr/bin/gzip "$@"',
  });
  const archive = await new Bun.Archive(
    { mediamtx: "#!/bin/sh\necho v1.20.1\n" },
    { compress: "gzip" },
  ).bytes();
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(archive),
  });
  const env = {
    MEDIAMTX_ARCHIVE_URL: `http://127.0.0.1:${server.port}/mediamtx.tar.gz`,
    MEDIAMTX_ARCHIVE_SHA256: new Bun.CryptoHasher("sha256").update(archive).digest("hex"),
  };
  const wrong = await bare.bootstrap("mediamtx", {
    ...env,
    MEDIAMTX_ARCHIVE_SHA256: "0".repeat(64),
  });
  expect(wrong.said).toContain("sent another content than the pinned digest");
  const right = await bare.bootstrap("mediamtx", env);
  expect(right.said).toContain(`v1.20.1 put into ${bare.cache}/tools/mediamtx-1.20.1/mediamtx`);
  expect(await readdir(join(bare.cache, "tools/mediamtx-1.20.1"))).toEqual(["mediamtx"]);
});

test("without Python, FFmpeg's step says which Python it needs", async () => {
  await using bare = await machine();
  const { code, said } = await bare.bootstrap("ffmpeg");
  expect(code).toBe(1);
  expect(said).toMatch(/FAILED {2}ffmpeg: Python is needed .* not in PATH\. Install Python 3\.11/);
});

test("a Python that is too old is named with its version", async () => {
  await using bare = await machine({ python3: "echo 3.9.2" });
  const { said } = await bare.bootstrap("weights");
  expect(said).toContain(`too old (${join(bare.folder, "bin/python3")} is 3.9.2)`);
});

test("a package index that cannot be reached is named with what pip said", async () => {
  const pip = 'case "$*" in *--version) exit 0;; *) echo "no route to host" >&2; exit 1;; esac';
  await using bare = await machine({
    python3: `case "$*" in *platform*) echo 3.12.1;; *) ${pip};; esac`,
  });
  const { said } = await bare.bootstrap("ffmpeg");
  expect(said).toMatch(
    /Cannot fetch the Python package imageio-ffmpeg 0\.8\.1: .*no route to host/s,
  );
  expect(said).toContain("PIP_INDEX_URL");
});

test("without apt-get, espeak-ng's step says how to install it", async () => {
  await using bare = await machine();
  const { code, said } = await bare.bootstrap("espeak-ng");
  expect(code).toBe(1);
  expect(said).toMatch(
    /espeak-ng is missing, and there is no apt-get\n.*apt-get install espeak-ng/,
  );
});

test("FFMPEG_BIN that names nothing is refused", async () => {
  await using bare = await machine();
  const { said } = await bare.bootstrap("ffmpeg", { FFMPEG_BIN: "/nowhere/ffmpeg" });
  expect(said).toContain("FFMPEG_BIN names /nowhere/ffmpeg, which is no program");
});

test("the wrapper refuses to run without the pinned Bun, npm and another Bun", async () => {
  await using bare = await machine({
    bash: 'exec /bin/bash "$@"',
    uname: 'exec /bin/uname "$@"',
    mkdir: 'exec /bin/mkdir "$@"',
    mktemp: 'exec /bin/mktemp "$@"',
    rm: 'exec /bin/rm "$@"',
  });
  const child = Bun.spawn(["/bin/bash", "scripts/bun", "--version"], {
    cwd: root,
    env: { PATH: join(bare.folder, "bin"), LIVEDUB_CACHE_DIR: bare.cache },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = await new Response(child.stderr).text();
  expect(await child.exited).toBe(1);
  expect(said).toContain("there is neither npm nor Bun");
  expect(await readdir(join(bare.cache, "tools"))).toEqual([]);
});
