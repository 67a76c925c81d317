import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelPath, modelsFolder } from "../../../src/weights/store.ts";

test("opening a model leaves no trace of telemetry in the user's home", async () => {
  const home = mkdtempSync(join(tmpdir(), "livedub-home-"));
  const runtime = join(import.meta.dir, "../../../src/onnx/runtime.ts");
  const models = modelsFolder({ dir: process.env["LIVEDUB_MODELS_DIR"], env: process.env });
  const model = modelPath(models, "vad/silero-v6/silero_vad_v6.onnx");
  const program = `
    const { openSession } = await import(${JSON.stringify(runtime)});
    const session = await openSession(${JSON.stringify(model)});
    process.stdout.write(session.inputNames.join());`;
  const child = Bun.spawn({
    cmd: [process.execPath, "-e", program],
    env: { PATH: process.env["PATH"], HOME: home },
    stdout: "pipe",
  });
  expect(await new Response(child.stdout).text()).toBe("input,state,sr");
  expect(await child.exited).toBe(0);
  const left = readdirSync(home, { recursive: true }).filter((name) =>
    /microsoft|onnx/i.test(String(name)),
  );
  rmSync(home, { recursive: true });
  expect(left).toEqual([]);
});
