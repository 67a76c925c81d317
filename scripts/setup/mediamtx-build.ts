import { cp, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { toolVersions } from "../../src/weights/cache-paths.ts";
import { fetchNpmTarball, unpackTarball, type NpmPin } from "../../src/weights/npm-tarball.ts";
import { runProgram } from "../../src/weights/run-program.ts";
import { sha256OfFile } from "../../src/weights/sha256.ts";
import type { ProgressLine } from "./progress-line.ts";
import { SetupError } from "./steps.ts";

const module = `github.com/bluenviron/mediamtx@v${toolVersions.mediamtx}`;
/** The compiler is pinned as well: with it, and the settings below, the build is the same everywhere. */
const goVersion = "go1.26.8";
const builtSha256 = "f6aa544fc7803f7b90395a547711a62179b38109a5d6bcc345863e732565b44a";
/** The player that MediaMTX's HLS page embeds; the version is the one its source asks for. */
const hlsJs: NpmPin = {
  name: "hls.js",
  version: "1.7.0",
  sha512:
    "NnQpT6Z//+2IB2qovSUbKbrlXY1MOpi0JynZ9L2NNOuTJiNCyMSQj9k2laEj1v7CxU/Hb8oTWR98eT3mVpPQVQ==",
};
const goEnvironment = {
  CGO_ENABLED: "0",
  GOARCH: "amd64",
  GOAMD64: "v1",
  GOEXPERIMENT: "",
  GOFLAGS: "-modcacherw", // else what Go fetches could not be removed
  GOOS: "linux",
  GOTOOLCHAIN: goVersion,
  GOWORK: "off",
};

/** The caches that Go would fill; those that are not there yet are made in the work folder, and go with it. */
async function privateCaches(go: string, workDir: string): Promise<Record<string, string>> {
  const caches: Record<string, string> = {};
  for (const name of ["GOCACHE", "GOMODCACHE"]) {
    const said = await runProgram([go, "env", name], {
      cwd: workDir,
      env: { GOTOOLCHAIN: "local" },
      purpose: `ask Go for ${name}`,
      remedy: "Check that `go env` works.",
      blame: "machine",
    });
    const isThere = (await stat(said.trim()).catch(() => undefined))?.isDirectory();
    if (!isThere) caches[name] = join(workDir, name.toLowerCase());
  }
  return caches;
}

const moduleSchema = z.object({ Dir: z.string().min(1) });

/**
 * Builds MediaMTX from the source that the Go module proxy serves (checked against Go's checksum database)
 * and returns the program's path, in `workDir`. About a minute on two cores.
 * @param byHand what to do where Go is missing
 */
export async function buildMediamtx(
  workDir: string,
  line: ProgressLine,
  byHand: string,
): Promise<string> {
  const go = Bun.which("go");
  if (!go) {
    throw new SetupError(
      "it is neither in the cache nor in PATH, and there is no Go to build it",
      byHand,
    );
  }
  const network = {
    cwd: workDir,
    env: { ...goEnvironment, ...(await privateCaches(go, workDir)) },
    remedy:
      "Check that Go reaches its module proxy (GOPROXY names another one, HTTPS_PROXY a proxy) and run it again.",
    blame: "network" as const,
  };
  const described = await during(line, "fetching MediaMTX's source and Go", () =>
    runProgram([go, "mod", "download", "-json", module], {
      ...network,
      purpose: `fetch ${module}`,
    }),
  );
  const { Dir: cached } = moduleSchema.parse(JSON.parse(described));
  const source = join(workDir, "source");
  await rm(source, { recursive: true, force: true });
  await cp(cached, source, { recursive: true });
  await makeWritable(source);
  await writeFile(join(source, "internal/core/VERSION"), `v${toolVersions.mediamtx}`);
  const player = await fetchNpmTarball(hlsJs, workDir);
  await unpackTarball(player, "package/dist/hls.min.js", join(source, "internal/servers/hls"));

  const program = join(workDir, "mediamtx");
  const flags = ["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags=-s -w"];
  await during(line, "building MediaMTX (about a minute)", () =>
    runProgram([go, "build", ...flags, "-o", program, "."], {
      ...network,
      cwd: source,
      purpose: "build MediaMTX",
    }),
  );
  if ((await sha256OfFile(program)) !== builtSha256) {
    throw new SetupError(
      `the MediaMTX built here is not the one that ${goVersion} makes of the pinned source`,
      byHand,
    );
  }
  return program;
}

/** Files of Go's module cache are read-only, and so are their copies. */
async function makeWritable(folder: string): Promise<void> {
  await runProgram(["chmod", "-R", "u+w", folder], {
    cwd: folder,
    purpose: "make the source's copy writable",
    remedy: "Check the rights of the cache folder.",
    blame: "machine",
  });
}

async function during<Result>(
  line: ProgressLine,
  label: string,
  work: () => Promise<Result>,
): Promise<Result> {
  line.update(label);
  const tick = setInterval(() => line.update(label), 1000);
  try {
    return await work();
  } finally {
    clearInterval(tick);
  }
}
