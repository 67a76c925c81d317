import { describe, expect, test } from "bun:test";
import { openSync } from "node:fs";
import { join } from "node:path";

const fixture = join(import.meta.dir, "log.fixture.ts");

/** Runs a process whose log goes to `stdout`. @returns how it ended and what it said on stderr */
async function logTo(format: string, stdout: number | "pipe") {
  const child = Bun.spawn([process.execPath, fixture, format], { stdout, stderr: "pipe" });
  // A reader that goes away at once: whatever is written then meets a broken pipe.
  if (child.stdout instanceof ReadableStream) await child.stdout.cancel();
  const said = await new Response(child.stderr).text();
  return { code: await child.exited, said };
}

describe.each(["json", "text"])("a log that nothing can be written to any more (%s)", (format) => {
  test("a full disk does not end the process", async () => {
    expect(await logTo(format, openSync("/dev/full", "w"))).toEqual({
      code: 0,
      said: "came through",
    });
  });

  test("a reader that has gone does not end the process", async () => {
    expect(await logTo(format, "pipe")).toEqual({ code: 0, said: "came through" });
  });
});
