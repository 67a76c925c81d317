import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

test("loading ONNX Runtime leaves no trace of telemetry in the user's home", async () => {
  const home = mkdtempSync(join(tmpdir(), "livedub-home-"));
  const runtime = join(import.meta.dir, "../../../src/onnx/runtime.ts");
  const program = `
    const { loadOnnxRuntime } = await import(${JSON.stringify(runtime)});
    const { Tensor } = await loadOnnxRuntime();
    process.stdout.write(String(new Tensor("float32", [1, 2], [2]).size));`;
  const child = Bun.spawn({
    cmd: [process.execPath, "-e", program],
    env: { PATH: process.env["PATH"], HOME: home },
    stdout: "pipe",
  });
  expect(await new Response(child.stdout).text()).toBe("2");
  expect(await child.exited).toBe(0);
  const left = readdirSync(home, { recursive: true }).filter((name) =>
    /microsoft|onnx/i.test(String(name)),
  );
  rmSync(home, { recursive: true });
  expect(left).toEqual([]);
});
