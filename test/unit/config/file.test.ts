import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { edgeFileTable, loadEdgeConfig } from "../../../src/config/edge-config.ts";
import { readConfigFile } from "../../../src/config/file.ts";
import { nearest } from "../../../src/config/file-nearest.ts";
import { ConfigError } from "../../../src/config/setting.ts";

const folder = mkdtempSync(join(tmpdir(), "livedub-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function problems(name: string, content: string): string {
  const path = write(name, content);
  try {
    readConfigFile(path, edgeFileTable);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(path, name);
    throw error;
  }
  return "";
}

test("TOML and JSON say the same", () => {
  const toml = write(
    "a.toml",
    `WORKER_PLAYOUT_DELAY_MS = "fast"
ORCH_MAX_WORKERS = 4
[streams.match]
target = "pt-BR"
delay = 5000
fallback = "ducked"
egress = [{ name = "yt", url = "rtmp://a.example/live2/key" }]
`,
  );
  const json = write(
    "a.json",
    JSON.stringify({
      WORKER_PLAYOUT_DELAY_MS: "fast",
      ORCH_MAX_WORKERS: 4,
      streams: {
        match: {
          target: "pt-BR",
          delay: 5000,
          fallback: "ducked",
          egress: [{ name: "yt", url: "rtmp://a.example/live2/key" }],
        },
      },
    }),
  );
  const read = readConfigFile(toml, edgeFileTable);
  expect(readConfigFile(json, edgeFileTable)).toEqual(read);
  expect(read.settings).toEqual({ WORKER_PLAYOUT_DELAY_MS: "fast", ORCH_MAX_WORKERS: "4" });
  expect(read.streams.get("match")).toEqual({
    target: ["pt-BR"],
    delay: 5000,
    fallback: "ducked",
    egress: [{ name: "yt", url: "rtmp://a.example/live2/key" }],
  });
});

test("settings that are JSON in the environment may be plain objects in the file", () => {
  const keys = { match: "0".repeat(64) };
  const path = write("keys.json", JSON.stringify({ LIVEDUB_PUBLISH_KEYS: keys }));
  expect(loadEdgeConfig({ LIVEDUB_CONFIG: path }).values.publishKeys).toEqual(keys);
});

test("an unknown key is named together with the nearest right one", () => {
  expect(problems("a.toml", 'WORKER_TARGET_LNG = "es"')).toBe(
    "a.toml: unknown key WORKER_TARGET_LNG; did you mean WORKER_TARGET_LANG?",
  );
  expect(problems("b.json", '{"strems": {}}')).toBe(
    "b.json: unknown key strems; did you mean streams?",
  );
  expect(problems("c.json", '{"zzzzzzzzz": 1}')).toBe("c.json: unknown key zzzzzzzzz");
  expect(problems("d.json", '{"streams": {"match": {"traget": "es"}}}')).toBe(
    "d.json: streams.match: unknown key traget; did you mean target?",
  );
});

test("every wrong value of a stream's section is named, without the destination's key", () => {
  const said = problems(
    "streams.json",
    JSON.stringify({
      streams: {
        "a b": {},
        match: {
          delay: 50,
          fallback: "noise",
          egress: [
            { name: "yt", uri: "rtmp://h/app/topsecret" },
            { name: "x y", url: "http://h/topsecret" },
          ],
        },
        twins: {
          egress: [
            { name: "yt", url: "rtmp://h/app/topsecret" },
            { name: "yt", url: "rtmp://h/app/topsecret" },
          ],
        },
      },
    }),
  );
  expect(said).not.toContain("topsecret");
  for (const expected of [
    "streams.a b: a stream id is 1..64 of A-Z a-z 0-9 _ -",
    "streams.match: delay: must be fast, balanced, quality, or a whole number 1000..30000 (ms)",
    "streams.match: fallback: must be one of original, background, ducked, repeat_last, silence",
    "streams.match: egress.0: unknown key uri; did you mean url?",
    "streams.match: egress.1.name: a destination's name is 1..64 of A-Z a-z 0-9 _ . -",
    "streams.match: egress.1.url: must be a URL that starts with rtmp:// or rtmps:// or srt://",
    "streams.twins: egress: two destinations have the same name",
  ])
    expect(said).toContain(expected);
});

test("a value that breaks a file is not repeated: it may be a secret whose quotes were forgotten", () => {
  const toml = problems("unquoted.toml", "LIVEDUB_API_TOKEN = topsecret");
  expect(toml).toBe(
    'unquoted.toml: is not valid TOML: TOML Parse error: Strings must be quoted: "***"',
  );
  expect(problems("unquoted.json", '{"LIVEDUB_API_TOKEN": topsecret}')).not.toContain("topsecret");
  expect(problems("colon.json", '{"LOG_LEVEL" "info"}')).toContain("Expected ':' before value");
});

test("a file that is missing, broken or of another shape says which and why", () => {
  expect(() => readConfigFile(join(folder, "nosuch.json"), edgeFileTable)).toThrow(
    /nosuch\.json: cannot be read/,
  );
  expect(problems("broken.toml", "a = = 2")).toMatch(/^broken\.toml: is not valid TOML: /);
  expect(problems("toml.json", "a = 2")).toContain("name it .toml if it is TOML");
  expect(problems("list.json", "[1]")).toBe("list.json: must be an object of settings by name");
  expect(problems("shape.json", '{"streams": []}')).toBe(
    "shape.json: streams: must be an object of sections by stream id",
  );
});

test("the nearest name is found over typing errors and never made up", () => {
  const names = ["WORKER_TARGET_LANG", "WORKER_TTS_VOICE", "LOG_LEVEL"];
  expect(nearest("worker_target_lang", names)).toBe("WORKER_TARGET_LANG");
  expect(nearest("LOG_LEVL", names)).toBe("LOG_LEVEL");
  expect(nearest("PATH", names)).toBeUndefined();
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.nat(), (name, at) => {
      const position = at % name.length;
      const mistyped = name.slice(0, position) + name.slice(position + 1);
      expect(nearest(mistyped, names)).toBe(name);
    }),
  );
});
