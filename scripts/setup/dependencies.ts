import { SetupError } from "./steps.ts";

const shownErrorLines = 8;

/** Installs the packages of bun.lock, exactly. */
export async function installDependencies(): Promise<string> {
  const child = Bun.spawn([process.execPath, "install", "--frozen-lockfile", "--no-progress"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) {
    const said = (errors + output).trim().split("\n").slice(-shownErrorLines).join("\n  ");
    throw new SetupError(
      `bun install --frozen-lockfile ended with ${code}\n  ${said}`,
      "Check that the npm registry is reachable (npm_config_registry names a mirror, HTTPS_PROXY a proxy) and run it again.",
    );
  }
  return `as bun.lock says, Bun ${Bun.version}`;
}
