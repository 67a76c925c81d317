import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { loadEdgeConfig, edgeFileTable } from "../../../src/config/edge-config.ts";
import { brokenRules } from "../../../src/config/edge-rules.ts";
import { sidecarSettings } from "../../../src/config/sidecar.ts";
import { readSidecarConfig } from "../../../src/config/sidecar-rules.ts";
import type { SettingTable } from "../../../src/config/setting.ts";
import { variablesOf } from "../../../src/config/table.ts";
import { executableCommand, type Executable } from "../../../src/process/self.ts";

const root = join(import.meta.dir, "..", "..", "..");
/** What `bun run build` makes; in a fresh clone it is not there yet. */
const buildProducts = new Set(["dist/livedub", "dist/livedub-sts"]);
const profiles = ["cpu", "demo", "echo", "gpu"];

const serviceSchema = z.object({
  profiles: z.array(z.string()),
  image: z.string(),
  build: z
    .object({
      context: z.literal("."),
      dockerfile: z.string().optional(),
      dockerfile_inline: z.string().optional(),
    })
    .optional(),
  entrypoint: z.array(z.string()).optional(),
  command: z.array(z.string()),
  environment: z.record(z.string(), z.string()).default({}),
  env_file: z.array(z.object({ path: z.literal(".env"), required: z.literal(false) })).optional(),
  network_mode: z.literal("host"),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  ports: z.never().optional(),
});
const composeSchema = z.object({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.null()),
});
type Service = z.infer<typeof serviceSchema>;

const text = await Bun.file(join(root, "compose.yaml")).text();
const compose = composeSchema.parse(Bun.YAML.parse(text));
const services = Object.entries(compose.services);

/** Which of our executables a service runs; undefined for other programs. */
function executableOf({ image, entrypoint }: Service): Executable | undefined {
  if (entrypoint !== undefined) return undefined;
  return image.startsWith("livedub-sts") ? "livedub-sts" : "livedub";
}

/** As Compose fills in `${NAME:-default}` without anything set. */
function withDefaults(value: string): string {
  return value.replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, "$1");
}

test("each profile is a whole: an appliance and just one kind of sidecar", () => {
  expect([...new Set(services.flatMap(([, service]) => service.profiles))].toSorted()).toEqual(
    profiles,
  );
  const sidecars = Object.fromEntries(
    profiles.map((profile) => {
      const inIt = services.filter(([, service]) => service.profiles.includes(profile));
      expect(inIt.map(([name]) => name)).toContain("livedub");
      const serving = inIt.filter(
        ([, service]) => executableOf(service) === "livedub-sts" && service.command[0] === "serve",
      );
      return [profile, serving.map(([name]) => name)];
    }),
  );
  expect(sidecars).toEqual({
    cpu: ["livedub-sts"],
    demo: ["livedub-sts"],
    echo: ["livedub-sts-echo"],
    gpu: ["livedub-sts-gpu"],
  });
});

test("the echo sidecar runs only when it is asked for by name", () => {
  for (const [name, { environment, profiles: its }] of services)
    if (environment["STS_MODE"] === "echo") expect([name, its]).toEqual([name, ["echo"]]);
});

test("every variable is one that the service's program reads, with a value that it takes", () => {
  for (const [name, service] of services) {
    const executable = executableOf(service);
    if (executable === undefined) continue;
    const table: SettingTable = executable === "livedub" ? edgeFileTable : sidecarSettings;
    const known = new Set(Object.values(table).flatMap(variablesOf));
    const unknown = Object.keys(service.environment).filter((variable) => !known.has(variable));
    expect({ name, unknown }).toEqual({ name, unknown: [] });
    const environment = Object.fromEntries(
      Object.entries(service.environment).map(([key, value]) => [key, withDefaults(value)]),
    );
    if (executable === "livedub")
      expect(brokenRules(loadEdgeConfig(environment).values)).toEqual([]);
    else expect(readSidecarConfig(environment).host).toBe("127.0.0.1");
  }
});

test("every variable that Compose itself fills in is a setting, or said in the file's comments", () => {
  const all = Object.values<SettingTable[string]>(edgeFileTable).flatMap(variablesOf);
  const settings = new Set(all);
  const comments = text.split("\n").filter((line) => line.trimStart().startsWith("#"));
  for (const [, name = ""] of text.matchAll(/(?<!\$)\$\{([A-Z_]+)/g))
    expect([name, settings.has(name) || comments.join("\n").includes(name)]).toEqual([name, true]);
});

test("every command is one that the product has", async () => {
  for (const [name, service] of services) {
    const executable = executableOf(service);
    if (executable === undefined) continue;
    const command = executableCommand(executable, executable) ?? [];
    const child = Bun.spawn({
      cmd: [...command, ...service.command, "--help"],
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = await new Response(child.stdout).text();
    expect([name, await child.exited]).toEqual([name, 0]);
    expect(said).toContain(service.command.join(" "));
  }
}, 30_000);

test("every file that an image or a service takes from here is there, or built", () => {
  const needed = services.flatMap(([, { build, volumes }]) => [
    ...(build?.dockerfile === undefined ? [] : [build.dockerfile]),
    ...copiedFiles(build?.dockerfile_inline ?? ""),
    ...volumes
      .filter((volume) => volume.startsWith("./"))
      .map((volume) => volume.split(":")[0] ?? ""),
  ]);
  expect(needed.length).toBeGreaterThan(4);
  const missing = needed.filter(
    (path) => !buildProducts.has(path) && !existsSync(join(root, path)),
  );
  expect(missing).toEqual([]);
});

test("the executables that the images copy are those that the build makes, run by their own names", async () => {
  const build = await Bun.file(join(root, "scripts/build.ts")).text();
  for (const [name, service] of services) {
    const inline = service.build?.dockerfile_inline;
    const executable = executableOf(service);
    if (inline === undefined || executable === undefined) continue;
    expect([name, copiedFiles(inline)]).toEqual([
      name,
      expect.arrayContaining([`dist/${executable}`]),
    ]);
    expect(inline).toContain(`ENTRYPOINT ["/usr/local/bin/${executable}"]`);
    expect(build).toContain(executable);
  }
});

test("named volumes are declared and dependencies run in the same profiles", () => {
  for (const [name, { volumes, depends_on: needs, profiles: its }] of services) {
    for (const volume of volumes.filter((one) => !one.startsWith(".")))
      expect(Object.keys(compose.volumes)).toContain(volume.split(":")[0] ?? "");
    for (const other of Object.keys(needs)) {
      const theirs = compose.services[other]?.profiles ?? [];
      expect({ name, other, missing: its.filter((one) => !theirs.includes(one)) }).toEqual({
        name,
        other,
        missing: [],
      });
    }
  }
});

/** Sources of a Dockerfile's COPY lines. */
function copiedFiles(dockerfile: string): string[] {
  return dockerfile.split("\n").flatMap((line) => {
    const words = line.trim().split(/\s+/);
    if (words[0] !== "COPY") return [];
    return words.slice(1, -1).filter((word) => !word.startsWith("--"));
  });
}
