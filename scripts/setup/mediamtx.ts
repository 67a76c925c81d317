import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { toolPath, toolVersions, type CacheEnvironment } from "../../src/weights/cache-paths.ts";
import { download } from "../../src/weights/download.ts";
import { claimFolder } from "../../src/weights/exclusive.ts";
import { runProgram } from "../../src/weights/run-program.ts";
import { buildMediamtx } from "./mediamtx-build.ts";
import type { ProgressLine } from "./progress-line.ts";
import { SetupError } from "./steps.ts";

const version = toolVersions.mediamtx;
const byHand = `Install Go 1.21 or newer (it fetches the Go it needs itself), or put MediaMTX v${version} into PATH, or name it with MEDIAMTX_BIN, or name its release archive with MEDIAMTX_ARCHIVE_URL and MEDIAMTX_ARCHIVE_SHA256.`;

/**
 * Finds or makes MediaMTX in the pinned version: `MEDIAMTX_BIN`, the cache, PATH, a release archive that
 * the user names with its hash, or a build from source.
 */
export async function setUpMediamtx(env: CacheEnvironment, line: ProgressLine): Promise<string> {
  const named = env["MEDIAMTX_BIN"];
  if (named) {
    const found = await versionOf(named);
    if (found === version) return `v${version}, ${named} (MEDIAMTX_BIN)`;
    throw new SetupError(
      `MEDIAMTX_BIN names ${named}, which ${found ? `is v${found}` : "does not run"}`,
      `Name MediaMTX v${version}, or unset MEDIAMTX_BIN.`,
    );
  }
  const target = toolPath(env, "mediamtx");
  if ((await versionOf(target)) === version) return `v${version} in ${target}`;
  const inPath = Bun.which("mediamtx");
  if (inPath && (await versionOf(inPath)) === version) return `v${version}, ${inPath}`;

  const workDir = join(dirname(target), ".work");
  await mkdir(workDir, { recursive: true });
  await claimFolder(workDir); // ends with the folder, or with this process
  const archiveUrl = env["MEDIAMTX_ARCHIVE_URL"];
  const made = archiveUrl
    ? await unpackArchive(archiveUrl, env["MEDIAMTX_ARCHIVE_SHA256"] ?? "", workDir, line)
    : await buildMediamtx(workDir, line, byHand);
  await chmod(made, 0o755);
  const found = await versionOf(made);
  if (found !== version) {
    throw new SetupError(
      `the new MediaMTX says it is ${found ?? "nothing"} and not v${version}`,
      byHand,
    );
  }
  await rename(made, target);
  await rm(workDir, { recursive: true, force: true });
  return `v${version} put into ${target}`;
}

/** The version that a MediaMTX program reports, without its `v`; undefined where it does not run. */
async function versionOf(program: string): Promise<string | undefined> {
  if (!Bun.which(program)) return undefined;
  const child = Bun.spawn([program, "--version"], { stdio: ["ignore", "pipe", "ignore"] });
  const said = (await new Response(child.stdout).text()).trim();
  return (await child.exited) === 0 ? said.replace(/^v/, "") : undefined;
}

async function unpackArchive(
  url: string,
  sha256: string,
  workDir: string,
  line: ProgressLine,
): Promise<string> {
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new SetupError(
      "MEDIAMTX_ARCHIVE_URL is set without the archive's SHA-256",
      "Set MEDIAMTX_ARCHIVE_SHA256 (the project publishes it beside the archive), or unset both.",
    );
  }
  const archive = join(workDir, "mediamtx.tar.gz");
  const label = `fetching MediaMTX v${version}`;
  await download(
    { url, digest: { algorithm: "sha256", encoding: "hex", value: sha256 } },
    archive,
    (doneBytes, totalBytes) => line.update(label, doneBytes, totalBytes),
  );
  await runProgram(["tar", "-xzf", archive, "-C", workDir, "mediamtx"], {
    cwd: workDir,
    purpose: "unpack MediaMTX's archive",
    remedy: "Check that the address names a release archive (.tar.gz) for Linux on x86-64.",
    blame: "machine",
  });
  return join(workDir, "mediamtx");
}
