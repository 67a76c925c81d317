import type { ProgressLine } from "./progress-line.ts";
import { SetupError } from "./steps.ts";

const byHand =
  "Install it by hand: apt-get install espeak-ng (Debian, Ubuntu), dnf install espeak-ng (Fedora).";
const shownErrorLines = 4;

/** Installs espeak-ng with apt-get, unless it is in PATH; needs root or sudo without a password. */
export async function setUpEspeak(line: ProgressLine): Promise<string> {
  const present = Bun.which("espeak-ng");
  if (present) return present;
  const apt = Bun.which("apt-get");
  if (!apt) throw new SetupError("espeak-ng is missing, and there is no apt-get", byHand);
  const prefix = await rootPrefix();
  // The package lists of a fresh image are empty, those of an old one stale: refresh, then install.
  await runApt([...prefix, apt, "update"], "refreshing the package lists", line);
  const install = [...prefix, apt, "install", "-y", "--no-install-recommends", "espeak-ng"];
  await runApt(install, "installing espeak-ng", line);
  const installed = Bun.which("espeak-ng");
  if (installed) return `${installed}, installed with apt-get`;
  throw new SetupError("apt-get reports success, but espeak-ng is not in PATH", byHand);
}

async function rootPrefix(): Promise<readonly string[]> {
  if (process.getuid?.() === 0) return [];
  const sudo = Bun.which("sudo");
  if (sudo) {
    const probe = Bun.spawn([sudo, "-n", "true"], { stdio: ["ignore", "ignore", "ignore"] });
    if ((await probe.exited) === 0) return [sudo, "-n"];
  }
  const why = sudo ? "sudo asks for a password" : "there is no sudo";
  throw new SetupError(
    `espeak-ng is missing, and to install it this must run as root (${why})`,
    `Run it as root, or install espeak-ng first. ${byHand}`,
  );
}

async function runApt(
  command: readonly string[],
  label: string,
  line: ProgressLine,
): Promise<void> {
  line.update(label);
  const child = Bun.spawn([...command], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const tick = setInterval(() => line.update(label), 1000);
  const [errors, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  clearInterval(tick);
  if (code === 0) return;
  const said = errors.trim().split("\n").slice(-shownErrorLines).join("\n  ");
  throw new SetupError(`${label} failed: apt-get ended with ${code}\n  ${said}`, byHand);
}
