import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { floatToPcm16 } from "../../../src/audio/pcm.ts";
import type { DubReport } from "../../../src/commands/dub-report.ts";
import { type BundleManifest, bundleManifest } from "../../../src/worker/bundle-manifest.ts";
import { ScriptedSidecar } from "../sts-client/scripted-sidecar.ts";
import { DubFolder, levelDb, makeClip, monoOf, similarityDb, startDub } from "./dub-command.ts";

/** What `livedub dub` leaves of a run, against a sidecar that dubs into a tone. */
const folder = new DubFolder();
const clip = folder.file("a talk.mp4");
const open: AsyncDisposable[] = [];

beforeAll(() => makeClip(clip), 30_000);
afterAll(() => folder[Symbol.dispose]());
afterEach(async () => {
  for (const owned of open.splice(0)) await owned[Symbol.asyncDispose]();
});

function toneSidecar(): ScriptedSidecar {
  const server = new ScriptedSidecar({
    health: { status: "healthy", mode: "real", pairs: [["en", "pt"]] },
    extensions: ["binary_audio"],
    onFragment: (socket, one) => {
      const { duration_ms } = one.audio;
      const tone = Float32Array.from({ length: duration_ms * 24 }, (_, n) => 0.3 * Math.sin(n / 4));
      const format = { format: "pcm_s16le", sample_rate_hz: 24_000, channels: 1, duration_ms };
      socket.emit("fragment:processed", {
        fragment_id: one.fragment_id,
        sequence_number: one.sequence_number,
        status: "success",
        dubbed_audio: { ...format, data: Buffer.from(floatToPcm16(tone)) },
        transcript: `words ${one.sequence_number}`,
        translated_text: `palavras ${one.sequence_number}`,
      });
    },
  });
  open.push(server);
  return server;
}

/** Dubs the clip with a bundle folder of its own. */
async function dubbed(name: string, settings: Record<string, string>) {
  const assets = folder.file(`${name}-assets`);
  const report = folder.file(`${name}.json`);
  const { url } = toneSidecar();
  const run = await startDub(
    [clip, "-o", folder.file(`${name}.mp4`), "--sts", url, "--report", report],
    { WORKER_ASSETS_DIR: assets, ...settings },
  ).finished;
  expect(run.stderr).not.toContain("bundle");
  expect(run.code).toBe(0);
  return { assets, report: JSON.parse(readFileSync(report, "utf8")) as DubReport };
}

/** The only run of the only stream in a bundle folder. */
function onlyRun(assets: string): { path: string; manifest: BundleManifest } {
  const [stream, ...moreStreams] = readdirSync(join(assets, "streams"));
  const runs = join(assets, "streams", stream!, "runs");
  const [run, ...moreRuns] = readdirSync(runs);
  expect([stream, ...moreStreams, ...moreRuns]).toEqual(["file-a-talk"]);
  expect(run).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{6}$/);
  const path = join(runs, run!);
  const manifest = bundleManifest.parse(
    JSON.parse(readFileSync(join(path, "manifest.json"), "utf8")),
  );
  return { path, manifest };
}

test("a file's run leaves texts and times of each fragment, as a live one does, and no sound", async () => {
  const past = join(
    folder.file("texts-assets"),
    "streams",
    "match",
    "runs",
    "20200102T030405Z-ab12cd",
  );
  mkdirSync(past, { recursive: true });
  writeFileSync(join(past, "manifest.json"), "{}");
  utimesSync(join(past, "manifest.json"), new Date(0), new Date(0));
  const { assets, report } = await dubbed("texts", { WORKER_ASSETS_CAPTURE: "metadata" });
  expect(existsSync(past)).toBe(false); // kept for seven days
  const { path, manifest } = onlyRun(assets);
  expect(manifest).toMatchObject({
    streamPaths: { in: clip, out: folder.file("texts.mp4") },
    capture: { mode: "metadata", mediaEnabled: false },
    counters: { fragments: report.fragments.length, dubbed: report.totals.dubbed },
    errors: [],
  });
  expect(manifest.fragments.map(({ time }) => time)).toEqual(
    report.fragments.map(({ startMs, endMs }) => ({ startMs, endMs })),
  );
  expect(report.fragments.length).toBeGreaterThan(0);
  const said = (kind: string) =>
    manifest.fragments.map(({ assets: written }) => {
      const found = written.find((asset) => asset.kind === kind);
      return JSON.parse(readFileSync(join(path, found!.path), "utf8")) as Record<string, unknown>;
    });
  expect(said("stt-json").map((one) => one["transcript"])).toEqual(
    report.fragments.map(({ sourceText }) => sourceText),
  );
  expect(said("tts-json").map((one) => one["translated_text"])).toEqual(
    report.fragments.map(({ translatedText }) => translatedText),
  );
  expect(said("timing-json").map((one) => one["dub_start_ms"])).toEqual(
    report.fragments.map(({ dubStartMs }) => dubStartMs),
  );
  expect(readdirSync(join(path, "tmp"))).toEqual([]);
  const files = readdirSync(join(path, "assets"), { recursive: true }).map(String);
  expect(files.filter((name) => /\.(wav|pcm)$/.test(name))).toEqual([]);
}, 60_000);

test("with media, the sound that was heard and the dub that was made are there for every fragment", async () => {
  const { assets, report } = await dubbed("sound", { WORKER_ASSETS_CAPTURE: "media" });
  const { path, manifest } = onlyRun(assets);
  expect(manifest.fragments).toHaveLength(report.fragments.length);
  // FFmpeg makes one channel of two by their power; the worker hears their mean.
  const whole = (await monoOf(clip)).map((sample) => sample * Math.SQRT1_2);
  for (const { time, assets: written } of manifest.fragments) {
    const file = (kind: string) => join(path, written.find((asset) => asset.kind === kind)!.path);
    const heard = await monoOf(file("in-wav"));
    // Its time is told in whole milliseconds: it begins within half of one.
    const alike = Array.from({ length: 49 }, (_, n) => time.startMs * 48 + n - 24).map((from) =>
      similarityDb(whole.subarray(Math.max(0, from), from + heard.length), heard),
    );
    expect(Math.max(...alike)).toBeGreaterThan(30);
    expect(Math.abs(heard.length / 48 - (time.endMs - time.startMs))).toBeLessThan(1);
    const dub = await monoOf(file("out-wav"));
    expect(Math.abs(dub.length / 48 - (time.endMs - time.startMs))).toBeLessThan(5);
    expect(
      Math.abs(levelDb(dub, 50, dub.length / 48 - 50) - 20 * Math.log10(0.3 / Math.SQRT2)),
    ).toBeLessThan(0.5);
  }
}, 60_000);

test("a folder that cannot be written costs the bundle, not the dub", async () => {
  const blocked = folder.file("no-folder");
  writeFileSync(blocked, "");
  const { url } = toneSidecar();
  const output = folder.file("blocked.mp4");
  const run = await startDub([clip, "-o", output, "--sts", url], {
    ...{ WORKER_ASSETS_CAPTURE: "metadata", WORKER_ASSETS_DIR: blocked },
  }).finished;
  expect(run.stderr).toContain(`WORKER_ASSETS_DIR ${blocked}: no run bundle`);
  expect(run.code).toBe(0);
  expect(existsSync(output)).toBe(true);
}, 60_000);
