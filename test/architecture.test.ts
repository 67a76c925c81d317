import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import {
  faultOfArrow,
  importedSpecifiers,
  type ImportArrow,
} from "../scripts/checks/import-arrows.ts";

const root = join(import.meta.dir, "..");

/** Every import between files of the repository that starts in src/ or gpu/. */
async function arrowsOfProduct(): Promise<readonly ImportArrow[]> {
  const arrows: ImportArrow[] = [];
  for (const top of ["src", "gpu"]) {
    for (const name of await readdir(join(root, top), { recursive: true })) {
      if (!/\.tsx?$/.test(name)) continue;
      const from = `${top}/${name}`;
      for (const specifier of importedSpecifiers(await Bun.file(join(root, from)).text())) {
        if (specifier.startsWith("."))
          arrows.push({ from, to: normalize(join(dirname(from), specifier)) });
      }
    }
  }
  return arrows;
}

test("imports run one way, from the commands down to the leaf rooms", async () => {
  const arrows = await arrowsOfProduct();
  expect(arrows.length).toBeGreaterThan(50);
  expect(arrows.map(faultOfArrow).filter((fault) => fault !== undefined)).toEqual([]);
});

test("no import names a file of the repository that is not there", async () => {
  const missing: string[] = [];
  for (const { from, to } of await arrowsOfProduct()) {
    if (!(await Bun.file(join(root, to)).exists())) missing.push(`${from} → ${to}`);
  }
  expect(missing).toEqual([]);
});

test("a forbidden arrow is found", () => {
  const forbidden: readonly (readonly [string, string])[] = [
    ["src/audio/mix.ts", "src/relay/mixer.ts"],
    ["src/audio/mix.ts", "src/telemetry/log.ts"],
    ["src/protocol/hooks.ts", "src/config/settings.ts"],
    ["src/relay/relay.ts", "src/worker/worker.ts"],
    ["src/worker/worker.ts", "src/relay/relay.ts"],
    ["src/relay/relay.ts", "src/sts/client.ts"],
    ["src/orchestrator/streams.ts", "src/server/app.ts"],
    ["src/server/app.ts", "src/commands/serve.ts"],
    ["src/weights/pull.ts", "scripts/models/build.ts"],
    ["src/commands/serve.ts", "gpu/main.ts"],
    ["src/commands/serve.ts", "src/helpers/strings.ts"],
    ["gpu/server/app.ts", "src/relay/relay.ts"],
    ["gpu/server/app.ts", "src/main.ts"],
  ];
  const unnoticed = forbidden.filter(([from, to]) => faultOfArrow({ from, to }) === undefined);
  expect(unnoticed).toEqual([]);
});

test("an allowed arrow is let through", () => {
  const allowed: readonly (readonly [string, string])[] = [
    ["src/relay/relay.ts", "src/relay/mixer.ts"],
    ["src/relay/relay.ts", "src/process/spawn.ts"],
    ["src/vad/silero.ts", "src/onnx/runtime.ts"],
    ["src/commands/serve.ts", "src/server/app.ts"],
    ["src/main.ts", "src/commands/serve.ts"],
    ["src/weights/converters.ts", "scripts/models/onnx_graph.py"],
    ["gpu/session/session.ts", "src/protocol/sts.ts"],
  ];
  expect(allowed.map(([from, to]) => faultOfArrow({ from, to })).filter(Boolean)).toEqual([]);
});

test("imports of types, re-exports and dynamic imports count as well", () => {
  const source = `
    import type { A } from "./type-only.ts";
    import { type B } from "./inline-type.ts";
    import {
      several,
      lines,
    } from "./lines.ts";
    export * from "./re-export.ts";
    const later = import("./dynamic.ts");
    type C = import("./import-type.ts").C;
    // import { no } from "./comment.ts";
  `;
  expect(importedSpecifiers(source).toSorted()).toEqual([
    ...["./dynamic.ts", "./import-type.ts", "./inline-type.ts", "./lines.ts"],
    ...["./re-export.ts", "./type-only.ts"],
  ]);
});
