import { readdir, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toolPath } from "../../src/weights/cache-paths.ts";
import { countJunit, type SuiteCount } from "./junit.ts";

/** One part of `scripts/test`: a check, which counts as one test, or a suite of tests. */
export interface Part {
  readonly name: string;
  /** undefined: there is nothing to run yet, as `note` says. */
  readonly run: () => Promise<SuiteCount | { readonly note: string }>;
}

const suiteTimeoutMs = 45 * 60_000;

function check(name: string, command: readonly string[]): Part {
  return {
    name,
    async run() {
      const code = await runInForeground(command);
      return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
    },
  };
}

function suite(name: string, ...paths: readonly string[]): Part {
  return {
    name,
    async run() {
      const present = await Array.fromAsync(paths, hasTests);
      if (!present.includes(true)) return { note: `there are no tests in ${paths.join(", ")} yet` };
      const report = join(tmpdir(), `livedub-${name}-${process.pid}.xml`);
      try {
        const code = await runInForeground([
          ...[process.execPath, "test", "--reporter=junit", `--reporter-outfile=${report}`],
          ...paths.filter((_, index) => present[index]).map((path) => `./${path}`),
        ]);
        const text = await Bun.file(report)
          .text()
          .catch(() => "");
        const count = countJunit(text) ?? { passed: 0, failed: 0 };
        // A crash, an error outside the tests, or a suite that ran nothing is a failure too.
        const isSilentFailure = count.failed === 0 && (code !== 0 || count.passed === 0);
        return isSilentFailure ? { ...count, failed: 1 } : count;
      } finally {
        await rm(report, { force: true });
      }
    },
  };
}

async function hasTests(path: string): Promise<boolean> {
  if (path.endsWith(".ts")) return Bun.file(path).exists();
  const names = await readdir(path, { recursive: true }).catch(() => []);
  return names.some((name) => name.endsWith(".test.ts"));
}

async function runInForeground(command: readonly string[]): Promise<number> {
  const child = Bun.spawn([...command], {
    stdio: ["ignore", "inherit", "inherit"],
    env: environment(),
    timeout: suiteTimeoutMs,
    killSignal: "SIGKILL",
  });
  return child.exited;
}

function environment(): Record<string, string | undefined> {
  // The bootstrap takes a MediaMTX of the pinned version from PATH; tests look into the cache.
  const inPath = existsSync(toolPath(process.env, "mediamtx")) ? null : Bun.which("mediamtx");
  return {
    ...(inPath ? { MEDIAMTX_BIN: inPath } : {}),
    ...process.env,
    NO_COLOR: "1",
    // ONNX Runtime would report its use to its maker.
    ORT_DISABLE_TELEMETRY: "1",
  };
}

const bun = process.execPath;
const formatted = ["src", "gpu", "scripts", "test"];

/** All parts, in the order in which they run: what is quick to fail comes first. */
export const parts: readonly Part[] = [
  check("format", [bun, "fmt", "--check", ...formatted]),
  check("lint", [bun, "x", "oxlint", "--type-aware", "--deny-warnings"]),
  check("types", [bun, "check", "--no-script"]),
  check("unused", [bun, "x", "knip"]),
  suite("unit", "test/unit", "test/architecture.test.ts"),
  suite("integration", "test/integration"),
  suite("e2e", "test/e2e"),
  suite("smoke", "test/smoke"),
];
