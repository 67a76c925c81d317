import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { commonSettings } from "../../../src/config/common.ts";
import { sidecarSettings } from "../../../src/config/sidecar.ts";
import { readSidecarConfig } from "../../../src/config/sidecar-rules.ts";
import { workerSettings } from "../../../src/config/worker.ts";
import { stsHttpPaths } from "../../../src/protocol/sts-http.ts";
import { toolVersions } from "../../../src/weights/cache-paths.ts";
import { imageVoicesPath } from "../../../gpu/commands/voice-profiles.ts";

const root = join(import.meta.dir, "..", "..", "..");
const text = (path: string) => readFileSync(join(root, path), "utf8");
const dockerfile = text("gpu/Dockerfile").replaceAll("\\\n", " ");
const lines = (instruction: string) =>
  [...dockerfile.matchAll(new RegExp(`^${instruction} (.*)$`, "gm"))].map(
    (match) => match[1] ?? "",
  );

interface RunpodTemplate {
  readonly imageName: string;
  readonly dockerEntrypoint: string[];
  readonly dockerStartCmd: string[];
  readonly ports: string[];
  readonly volumeMountPath: string;
  readonly env: Record<string, string>;
  readonly readme: string;
}
const template = JSON.parse(text("gpu/runpod-template.json")) as RunpodTemplate;

const settings = Object.values({ ...sidecarSettings, ...commonSettings });
const known = new Set(settings.flatMap((setting) => [setting.name, ...setting.aliases]));
/** Variables that no settings table holds, with the source that reads them. */
const readElsewhere: Record<string, string> = {
  LIVEDUB_CACHE_DIR: "src/weights/cache-paths.ts",
  LIVEDUB_ONNX_LIBRARY: "src/onnx/native-library.ts",
};
const imageEnv = Object.fromEntries(
  lines("ENV").flatMap((line) =>
    line
      .trim()
      .split(/\s+/)
      .map((pair) => pair.split("=") as [string, string]),
  ),
);

function expectKnownVariables(names: readonly string[]): void {
  for (const name of names) {
    const source = readElsewhere[name];
    if (source === undefined) expect(known).toContain(name);
    else expect(text(source)).toContain(name);
  }
}

describe("gpu/Dockerfile", () => {
  test("copies only what the repository has", () => {
    const fromContext = lines("COPY").filter((line) => !line.startsWith("--from"));
    const sources = fromContext.flatMap((line) => line.split(/\s+/).slice(0, -1));
    expect(sources).toContain("package.json");
    for (const source of sources) expect(existsSync(join(root, source))).toBe(true);
  });

  test("runs commands that exist", async () => {
    expect(lines("ENTRYPOINT")).toEqual(['["livedub-sts"]']);
    const command = JSON.parse(lines("CMD").at(-1) ?? "") as string[];
    const help = Bun.spawn(
      [process.execPath, join(root, "gpu/main.ts"), command[0] ?? "", "--help"],
      {
        stdout: "pipe",
      },
    );
    const said = await help.stdout.text();
    for (const flag of command.slice(1)) expect(said).toContain(flag);
    expect(existsSync(join(root, "scripts/build.ts"))).toBe(true);
    expect(text("scripts/build.ts")).toContain('"livedub-sts": "gpu/main.ts"');
    expect(text("node_modules/onnxruntime-node/script/install.js")).toContain(
      "ONNXRUNTIME_NODE_INSTALL",
    );
    expect(text("node_modules/onnxruntime-node/script/install-metadata.js")).toContain(
      "'linux/x64:cuda12'",
    );
    expect(existsSync(join(root, "node_modules/onnxruntime-node/bin/napi-v6/linux/x64"))).toBe(
      true,
    );
  });

  test("sets variables that the product reads, to values that it takes with a key", () => {
    expectKnownVariables(Object.keys(imageEnv));
    const config = readSidecarConfig({ ...imageEnv, STS_API_KEY: "k" });
    expect(config).toMatchObject({ host: "0.0.0.0", device: "cuda", modelsDir: "/models" });
  });

  test("exposes, asks and mounts what the product serves and reads", () => {
    expect(lines("EXPOSE")).toEqual([imageEnv["STS_PORT"] ?? ""]);
    expect(lines("HEALTHCHECK").join()).toContain(
      `http://127.0.0.1:${imageEnv["STS_PORT"]}${stsHttpPaths.health}`,
    );
    expect(lines("VOLUME")).toEqual([imageEnv["MODEL_CACHE_DIR"] ?? ""]);
    expect(dockerfile).toContain(imageVoicesPath);
  });

  test("builds with the pinned Bun, and with CUDA and cuDNN in the image", () => {
    expect(lines("FROM")[0]).toContain(`oven/bun:${toolVersions.bun}-`);
    expect(lines("FROM")[1]).toMatch(/nvidia\/cuda:12\.\d+\.\d+-cudnn-runtime-/);
  });
});

describe("gpu/runpod-template.json", () => {
  test("starts the image as the image starts itself", () => {
    expect(template.dockerEntrypoint).toEqual(JSON.parse(lines("ENTRYPOINT")[0] ?? ""));
    expect(template.dockerStartCmd).toEqual(JSON.parse(lines("CMD").at(-1) ?? ""));
    expect(template.imageName).toEndWith(
      `:${(JSON.parse(text("package.json")) as { version: string }).version}`,
    );
  });

  test("sets known variables, mounts the weights, publishes the port, and holds no secret", () => {
    expectKnownVariables(Object.keys(template.env));
    expect(template.volumeMountPath).toBe(template.env["MODEL_CACHE_DIR"] ?? "");
    expect(template.ports).toEqual([`${imageEnv["STS_PORT"]}/http`]);
    expect(template.env["STS_API_KEY"]).toMatch(/^\{\{ RUNPOD_SECRET_\w+ \}\}$/);
  });

  test("its readme names paths and variables that exist", () => {
    for (const path of [stsHttpPaths.health, stsHttpPaths.ping])
      expect(template.readme).toContain(path);
    const edgeNames = new Set(Object.values(workerSettings).map((setting) => setting.name));
    const named = template.readme.match(/WORKER_[A-Z_]+/g) ?? [];
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) expect(edgeNames).toContain(name);
  });
});
