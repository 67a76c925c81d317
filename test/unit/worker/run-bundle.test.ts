import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { open, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleManifest } from "../../../src/worker/bundle-manifest.ts";
import { sweepBundles } from "../../../src/worker/bundle-retention.ts";
import {
  RunBundle,
  type BundleWrite,
  type RunBundleOptions,
} from "../../../src/worker/run-bundle.ts";
import type { SettledFragment } from "../../../src/worker/settled-fragment.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "bundle-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const runId = "20260102T030405Z-ab12cd";
const runFolder = () => join(root, "streams", "match", "runs", runId);
const inRun = (path: string) => join(runFolder(), path);
const manifest = () =>
  bundleManifest.parse(JSON.parse(readFileSync(inRun("manifest.json"), "utf8")));

function openBundle(changes: Partial<RunBundleOptions> = {}) {
  const writes: (BundleWrite & { isNews: boolean })[] = [];
  const bundle = new RunBundle({
    ...{ root, streamId: "match", runId, instanceId: "0123456789abcdef", mode: "metadata" },
    ...{ sourceLanguage: "en", targetLanguage: "pt", playoutDelayMs: 6000 },
    onWrite: (write, isNews) => writes.push({ ...write, isNews }),
    onUnusable: (error) => {
      throw error;
    },
    ...changes,
  });
  return { bundle, writes };
}

function settled(index: number, changes: Partial<SettledFragment> = {}): SettledFragment {
  return {
    fragmentId: `fragment-${index}`,
    sequenceNumber: index,
    startSample: index * 48_000,
    endSample: (index + 1) * 48_000,
    outcome: "dubbed",
    reason: null,
    transcript: `words ${index}`,
    translatedText: `palavras ${index}`,
    tempo: 1.1,
    processingTimeMs: 300,
    roundTripMs: 350,
    stageTimings: { asr_ms: 100, translation_ms: 20, tts_ms: 180 },
    dubStartSample: index * 48_000 + 4800,
    dubEndSample: index * 48_000 + 40_000,
    detail: null,
    ...changes,
  };
}
const media = { input: new Uint8Array(9600).fill(1), dub: new Int16Array(2400).fill(2) };

describe("a run's bundle", () => {
  test("holds texts and times of each fragment, listed with their hashes, and no sound", async () => {
    const { bundle, writes } = openBundle();
    bundle.record(settled(0), media);
    bundle.record(
      settled(1, { outcome: "fallback", reason: "timeout", detail: "no answer" }),
      media,
    );
    await bundle.close();
    const { fragments, counters, errors, capture, streamPaths } = manifest();
    expect(capture).toEqual({ mode: "metadata", mediaEnabled: false });
    expect(streamPaths).toEqual({ in: "live/match/in", out: "live/match/out" });
    expect(counters).toEqual({ fragments: 2, dubbed: 1, fallback: 1 });
    expect(fragments.map(({ fragmentId, status }) => [fragmentId, status])).toEqual([
      ["0-0-1000", "processed"],
      ["1-1000-2000", "failed"],
    ]);
    expect(fragments[0]?.latency).toEqual({
      sttMs: 100,
      translateMs: 20,
      ttsMs: 180,
      totalMs: 350,
    });
    expect(errors).toMatchObject([
      { scope: "fragment", fragmentId: "1-1000-2000", message: "no answer" },
    ]);
    for (const { path, bytes, sha256 } of fragments.flatMap(({ assets }) => assets)) {
      const content = readFileSync(inRun(path));
      expect(content.length).toBe(bytes);
      expect(createHash("sha256").update(content).digest("hex")).toBe(sha256);
    }
    expect(readdirSync(inRun("assets/fragments/0-0-1000")).toSorted()).toEqual([
      "stt.json",
      "timing.json",
      "tts.json",
    ]);
    const tts = JSON.parse(
      readFileSync(inRun("assets/fragments/0-0-1000/tts.json"), "utf8"),
    ) as object;
    expect(tts).toMatchObject({
      asset_id: "audio-fragment-0-0",
      parent_asset_ids: ["translation-fragment-0-0"],
      translated_text: "palavras 0",
      duration_ms: 733,
    });
    expect(writes.filter(({ event }) => event === "asset_write")).toHaveLength(6);
    expect(writes.every(({ status }) => status === "ok")).toBe(true);
    expect(readdirSync(inRun("tmp"))).toEqual([]);
  });

  test.each([
    ["media", ["in.wav", "out.wav", "stt.json", "timing.json", "tts.json"]],
    ["debug", ["in.pcm", "in.wav", "out.wav", "stt.json", "timing.json", "tts.json"]],
  ] as const)("with %s holds the sound too", async (mode, names) => {
    const { bundle } = openBundle({ mode });
    bundle.record(settled(0), media);
    await bundle.close();
    expect(readdirSync(inRun("assets/fragments/0-0-1000")).toSorted()).toEqual([...names]);
    const wav = readFileSync(inRun("assets/fragments/0-0-1000/in.wav"));
    expect(wav.subarray(0, 4).toString()).toBe("RIFF");
    expect(wav.readUInt32LE(40)).toBe(media.input.length);
    expect(wav.subarray(44)).toEqual(Buffer.from(media.input));
  });

  test("is gone on with by the next worker of the run", async () => {
    const first = openBundle().bundle;
    first.record(settled(0));
    await first.close();
    const { createdAt } = manifest();
    const second = openBundle({ instanceId: "fedcba9876543210" }).bundle;
    second.record(settled(5));
    await second.close();
    const after = manifest();
    expect(after.fragments.map(({ fragmentId }) => fragmentId)).toEqual([
      "0-0-1000",
      "1-5000-6000",
    ]);
    expect([after.createdAt, after.instanceId]).toEqual([createdAt, "fedcba9876543210"]);
  });

  test("keeps the manifest whole when the process dies between the temporary file and its name", async () => {
    const before = openBundle().bundle;
    before.record(settled(0));
    await before.close();
    const whole = readFileSync(inRun("manifest.json"), "utf8");
    // The disk takes the temporary file, and the process is never heard of again.
    const died = Promise.withResolvers<void>();
    const calls = {
      open,
      rename: (async () => {
        died.resolve();
        await new Promise(() => {});
      }) as typeof rename,
    };
    openBundle({ calls });
    await died.promise;
    expect(readdirSync(inRun("tmp"))[0]).toMatch(/^\.tmp\.[0-9a-f]{8}\.manifest\.json$/);
    expect(readFileSync(inRun("manifest.json"), "utf8")).toBe(whole);
    const { bundle } = openBundle();
    await bundle.close();
    expect(readdirSync(inRun("tmp"))).toEqual([]);
    expect(manifest().fragments).toHaveLength(1);
  });

  test.each(["", "{", '{"schemaVersion":"2.0"}', "null"])(
    "deletes a manifest that is corrupt (%p) and records that",
    async (text) => {
      mkdirSync(runFolder(), { recursive: true });
      writeFileSync(inRun("manifest.json"), text);
      const { bundle } = openBundle();
      bundle.record(settled(0));
      await bundle.close();
      expect(manifest().fragments).toHaveLength(1);
      expect(manifest().errors).toMatchObject([{ scope: "run" }]);
      expect(manifest().errors[0]?.message).toContain("manifest.json was corrupt and is deleted");
    },
  );

  test("goes on when the disk is full: counted, and told once a kind", async () => {
    const calls = {
      open: ((...args: Parameters<typeof open>) =>
        String(args[0]).endsWith(".json") && !String(args[0]).includes("manifest")
          ? Promise.reject(new Error("ENOSPC: no space left on device"))
          : open(...args)) as typeof open,
      rename,
    };
    const { bundle, writes } = openBundle({ calls });
    bundle.record(settled(0));
    bundle.record(settled(1));
    await bundle.close();
    const failed = writes.filter(({ status }) => status === "error");
    expect(failed).toHaveLength(6);
    expect(failed.filter(({ isNews }) => isNews).map((one) => one.path.split("/").at(-1))).toEqual([
      "stt.json",
      "tts.json",
      "timing.json",
    ]);
    expect(manifest().counters["assetErrors"]).toBe(6);
    expect(manifest().errors[0]?.message).toContain("ENOSPC");
  });

  test("drops and counts what a slow disk cannot take, and holds nobody up", async () => {
    const gate = Promise.withResolvers<void>();
    const calls = {
      open: (async (...args: Parameters<typeof open>) => {
        await gate.promise;
        return open(...args);
      }) as typeof open,
      rename,
    };
    const { bundle } = openBundle({ calls });
    for (let index = 0; index < 100; index++) bundle.record(settled(index));
    gate.resolve();
    await bundle.close();
    const { counters, fragments } = manifest();
    expect((counters["dropped"] ?? 0) + fragments.length).toBe(100);
    expect(counters["dropped"]).toBeGreaterThan(30);
  });

  test("whoever has the time waits for room, and nothing is dropped", async () => {
    const { bundle } = openBundle({ mostWaiting: 80 });
    let mostUnwritten = 0;
    for (let index = 0; index < 300; index++) {
      if (index % 16 === 0) await bundle.room();
      bundle.record(settled(index));
      const written = existsSync(inRun("assets/fragments"))
        ? readdirSync(inRun("assets/fragments")).length
        : 0;
      mostUnwritten = Math.max(mostUnwritten, index + 1 - written);
    }
    await bundle.close();
    expect(manifest().counters).toMatchObject({ fragments: 300 });
    expect(manifest().counters).not.toHaveProperty("dropped");
    expect(mostUnwritten).toBeLessThanOrEqual(82);
  });

  test("stays within its bounds: the oldest fragments go, the full list becomes history", async () => {
    const { bundle } = openBundle({ mostFragments: 10, mostListed: 12 });
    for (let index = 0; index < 30; index++) bundle.record(settled(index));
    await bundle.close();
    const kept = readdirSync(inRun("assets/fragments"));
    expect(kept.toSorted()).toEqual(
      Array.from({ length: 10 }, (_, i) => `${i + 20}-${i + 20}000-${i + 21}000`),
    );
    const history = readdirSync(inRun("manifest.history")).toSorted();
    const listed = [...history.map((name) => `manifest.history/${name}`), "manifest.json"].flatMap(
      (path) => bundleManifest.parse(JSON.parse(readFileSync(inRun(path), "utf8"))).fragments,
    );
    expect(listed.map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(history).toHaveLength(2);
    expect(manifest().counters).toMatchObject({ fragments: 30, removed: 20 });
  });

  test("takes warnings as alerts and every event into its log", async () => {
    const { bundle } = openBundle();
    bundle.event({ level: "info", code: "sts-ready", message: "ready" });
    bundle.event({ level: "warn", code: "sts/../lost", message: "gone" });
    await bundle.close();
    const [alert] = readdirSync(inRun("assets/alerts"));
    expect(alert).toMatch(/^\d{8}T\d{6}Z-sts----lost\.json$/);
    expect(readFileSync(inRun("logs/worker.log"), "utf8").trim().split("\n")).toHaveLength(2);
  });

  test("is refused for ids that lead elsewhere", () => {
    for (const changes of [{ streamId: "../etc" }, { runId: ".." }, { streamId: "" }])
      expect(() => openBundle(changes)).toThrow("names no bundle");
  });

  test("says so once where nothing can be written at all", async () => {
    writeFileSync(join(root, "streams"), "a file in the way");
    const told: string[] = [];
    const { bundle } = openBundle({ onUnusable: ({ message }) => void told.push(message) });
    for (let index = 0; index < 80; index++) bundle.record(settled(index));
    await bundle.close();
    expect(told).toHaveLength(1);
  });
});

describe("the retention", () => {
  const day = 24 * 3_600_000;
  const now = Date.parse("2026-03-10T00:00:00Z");
  function run(streamId: string, name: string, ageMs: number, withManifest = true): string {
    const path = join(root, "streams", streamId, "runs", name);
    mkdirSync(join(path, "tmp"), { recursive: true });
    writeFileSync(join(path, "tmp", ".tmp.ab.x"), "half");
    const at = new Date(now - ageMs);
    if (withManifest) writeFileSync(join(path, "manifest.json"), "{}");
    utimesSync(withManifest ? join(path, "manifest.json") : path, at, at);
    return path;
  }

  test("removes runs that were last written to longer ago than it keeps them, with or without manifest", async () => {
    const old = run("a", "1", 7 * day + 1000);
    const young = run("a", "2", 7 * day - 1000);
    const bare = run("b", "3", 8 * day, false);
    const { removed, failed } = await sweepBundles(root, 7 * day, now);
    expect(removed.toSorted()).toEqual(["a/1", "b/3"]);
    expect(failed).toEqual([]);
    expect([old, young, bare].map((path) => existsSync(path))).toEqual([false, true, false]);
    expect(existsSync(join(root, "streams", "b"))).toBe(false);
  });

  test("empties tmp of runs that nobody writes to, and of no other", async () => {
    const idle = run("a", "1", 3_600_000);
    const busy = run("a", "2", 5000);
    await sweepBundles(root, 7 * day, now);
    expect(readdirSync(join(idle, "tmp"))).toEqual([]);
    expect(readdirSync(join(busy, "tmp"))).toHaveLength(1);
  });

  test("of a folder that is not there does nothing", async () => {
    expect(await sweepBundles(join(root, "none"), day, now)).toEqual({ removed: [], failed: [] });
  });
});
