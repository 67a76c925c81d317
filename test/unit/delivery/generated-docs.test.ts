import { expect, test } from "bun:test";
import { join } from "node:path";
import {
  envExample,
  readmeWithTables,
  settingGroups,
} from "../../../scripts/docs/settings-docs.ts";
import { commonSettings } from "../../../src/config/common.ts";
import { ignoredEdgeSettings } from "../../../src/config/edge-ignored.ts";
import { edgeSettings } from "../../../src/config/edge.ts";
import { egressSettings } from "../../../src/config/egress.ts";
import type { SettingTable } from "../../../src/config/setting.ts";
import { ignoredWorkerSettings } from "../../../src/config/worker-ignored.ts";
import { workerSettings } from "../../../src/config/worker.ts";
import { sidecarSettings } from "../../../src/config/sidecar.ts";
import { edgeFileTable } from "../../../src/config/edge-config.ts";

const root = join(import.meta.dir, "..", "..", "..");

test("the README's settings tables are current (bun scripts/generate-docs.ts writes them)", async () => {
  const readme = await Bun.file(join(root, "README.md")).text();
  expect(readme).toBe(readmeWithTables(readme));
});

test(".env.example is current (bun scripts/generate-docs.ts writes it)", async () => {
  expect(await Bun.file(join(root, ".env.example")).text()).toBe(envExample());
});

test("every setting of both executables is documented", () => {
  const documented = new Set(settingGroups.flatMap(({ settings }) => settings.map((s) => s.name)));
  const all = [...Object.values(edgeFileTable), ...Object.values(sidecarSettings)];
  expect(all.map(({ name }) => name).filter((name) => !documented.has(name))).toEqual([]);
});

test("no part of the edge's settings hides another's", () => {
  const parts: SettingTable[] = [
    commonSettings,
    edgeSettings,
    workerSettings,
    egressSettings,
    ignoredEdgeSettings,
    ignoredWorkerSettings,
  ];
  const declared = parts.flatMap((part) => Object.values(part).map(({ name }) => name));
  expect(Object.values<SettingTable[string]>(edgeFileTable).map(({ name }) => name)).toEqual(
    declared,
  );
});

test("no setting is declared twice within one part, and every default is one that it accepts", () => {
  for (const { settings } of settingGroups) {
    const names = settings.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  }
  for (const { name, schema, default: text } of settingGroups.flatMap((group) => group.settings))
    if (text !== undefined)
      expect({ name, accepted: schema.safeParse(text).success }).toEqual({ name, accepted: true });
});

test("a README without the markers is refused", () => {
  expect(() => readmeWithTables("# livedub")).toThrow("settings:begin");
});
