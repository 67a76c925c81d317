import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { floatToPcm16 } from "../../../src/audio/pcm.ts";
import { findFlashes, makeFlashBeepClip, median } from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { runFfmpeg } from "../../media/tools.ts";
import { bundleManifest } from "../../../src/worker/bundle-manifest.ts";
import { ScriptedSidecar } from "../sts-client/scripted-sidecar.ts";
import { beepCaptionsIn, beepMs, errorsMs, hlsFlashesMs, segmentsOf } from "./beep-captions.ts";
import { descendantsOf, eventually, ServeProcess } from "./serve-process.ts";

const dub = Buffer.from(
  floatToPcm16(Float32Array.from({ length: 2400 }, (_, i) => 0.1 * Math.sin(i / 5))),
);

/** Says of each fragment when its beep sounds. */
const sidecar = new ScriptedSidecar({
  health: { status: "healthy", mode: "real", pairs: [["en", "pt"]] },
  extensions: ["binary_audio"],
  onFragment: (socket, one) => {
    const beep = beepMs(one);
    const heard = beep !== undefined;
    socket.emit("fragment:processed", {
      fragment_id: one.fragment_id,
      sequence_number: one.sequence_number,
      status: "success",
      dubbed_audio: {
        ...{ format: "pcm_s16le", sample_rate_hz: 24_000, channels: 1, duration_ms: 100 },
        data: dub,
      },
      transcript: heard ? `<beep> & ${beep.toFixed(1)}` : "",
      translated_text: heard ? `apito ${beep.toFixed(1)}` : "",
    });
  },
});

let folder: string;
let serve: ServeProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "captions-"));
  const clip = await makeFlashBeepClip({
    path: join(folder, "clip.flv"),
    seconds: 90,
    bFrames: 2,
    everySeconds: 3,
  });
  serve = await ServeProcess.start({
    WORKER_STS_MODE: "enabled",
    WORKER_STS_SERVICE_URL: sidecar.url,
    WORKER_PLAYOUT_DELAY_MS: "2500",
    LIVEDUB_RECORD: "true",
    LIVEDUB_MODELS_DIR: folder, // without weights for the gate every sound is sent
  });
  const publisher = await publishClip(clip, serve.publishUrl("match"));
  published = () => publisher.stop();
}, 60_000);
let published: () => Promise<unknown> = () => Promise.resolve();
afterAll(async () => {
  await published();
  await serve[Symbol.asyncDispose]();
  await sidecar[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const get = (path: string) => fetch(`${serve.addresses.http}/v1/streams/match/${path}`);
const captionsIn = (path: string) => beepCaptionsIn(serve, "match", path);
const flashesMediaMs = () => hlsFlashesMs(serve, "live/match/out", join(folder, "hls.mp4"));

test("a served stream shows its captions in step with MediaMTX's rendition of out", async () => {
  let playlist = "";
  await eventually(
    async () => {
      const response = await get("captions/pt.m3u8");
      playlist = await response.text();
      return response.status === 200 && segmentsOf(playlist).length >= 14;
    },
    30_000,
    "a window of captions",
  );
  const flashes = await flashesMediaMs();
  playlist = await (await get("captions/pt.m3u8")).text();
  const segments = segmentsOf(playlist);
  const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(playlist)?.[1]);
  expect(segments[0]).toBe(`pt/${first}.vtt`);
  expect(segments.map((name) => Number(/\d+/.exec(name)))).toEqual(
    segments.map((_, index) => first + index),
  );
  expect(playlist).toContain("#EXT-X-TARGETDURATION:1\n");

  const captions = (await Promise.all(segments.map(captionsIn))).flat();
  expect(captions.length).toBeGreaterThan(3);
  const errors = errorsMs(captions, flashes);
  process.stderr.write(`captions after flashes: ${errors.map(Math.round).join(" ")} ms\n`);
  expect(errors.length).toBeGreaterThan(2);
  expect(Math.abs(median(errors))).toBeLessThan(150);

  // The source's captions too, markup taken literally, and FFmpeg reads the very bytes.
  const source = (
    await Promise.all(segments.map((name) => captionsIn(name.replace("pt", "en"))))
  ).flat();
  expect(source.length).toBeGreaterThan(3);
  for (const { text } of source) expect(text).toMatch(/^<beep> & [\d.]+$/);
  const written = join(folder, "one.vtt");
  const withCue = segments.at(-3)!.replace("pt", "en");
  writeFileSync(written, await (await get(`captions/${withCue}`)).text());
  await runFfmpeg(["-v", "error", "-xerror", "-i", written, "-f", "srt", "-"]);
}, 90_000);

test("a viewer from elsewhere is judged by MediaMTX's rules, by its own address", async () => {
  const elsewhere = { headers: { "x-forwarded-for": "203.0.113.9" } };
  const response = await fetch(`${serve.addresses.http}/v1/streams/match/master.m3u8`, elsewhere);
  expect(response.status).toBe(403);
  expect(await response.text()).toContain("match is not for this viewer");
}, 20_000);

test("the master playlist joins MediaMTX's renditions with the captions, and all of it can be read", async () => {
  const response = await get("master.m3u8");
  expect(response.status).toBe(200);
  const text = await response.text();
  expect(text).toContain('NAME="Português",LANGUAGE="pt"');
  expect(text).toContain('NAME="English",LANGUAGE="en"');
  const variant = text.trim().split("\n").at(-1) ?? "";
  expect(variant).toStartWith(`${serve.addresses.hls}/live/match/out/`);
  expect(text).toMatch(/^#EXT-X-STREAM-INF:.*,SUBTITLES="captions"$/m);
  const master = `${serve.addresses.http}/v1/streams/match/master.m3u8`;
  const uris = [...text.matchAll(/URI="([^"]+)"/g)].map(([, uri]) => uri!);
  expect(uris.length).toBeGreaterThanOrEqual(3); // the sound and two languages
  for (const uri of [variant, ...uris]) {
    const media = await fetch(new URL(uri, master));
    expect([uri, media.status]).toEqual([uri, 200]);
    expect(await media.text()).toStartWith("#EXTM3U");
  }
}, 40_000);

test("the run leaves a bundle with what each fragment said, and no sound", async () => {
  const { runId } = await serve.stream("match");
  const run = join(serve.stateDir, "assets", "streams", "match", "runs", runId);
  let said: string[] = [];
  await eventually(
    () => {
      const { fragments } = bundleManifest.parse(
        JSON.parse(readFileSync(join(run, "manifest.json"), "utf8")),
      );
      const texts = fragments.flatMap(({ assets }) =>
        assets.filter(({ kind }) => kind === "stt-json"),
      );
      said = texts.map(({ path }) => readFileSync(join(run, path), "utf8"));
      return said.length > 5;
    },
    10_000,
    "a manifest with fragments",
  );
  expect(said.filter((text) => text.includes("<beep>")).length).toBeGreaterThan(2);
  expect(readdirSync(run).toSorted()).toEqual(["assets", "logs", "manifest.json", "tmp"]);
  const files = readdirSync(join(run, "assets"), { recursive: true }).map(String);
  expect(files.filter((name) => /\.(wav|pcm)$/.test(name))).toEqual([]);
}, 20_000);

test("out is recorded where it was asked for, and in is not", async () => {
  const recordings = join(serve.stateDir, "recordings", "live", "match");
  await eventually(() => existsSync(join(recordings, "out")), 10_000, "a recording of out");
  expect(readdirSync(recordings)).toEqual(["out"]);
  const [first] = readdirSync(join(recordings, "out")).toSorted();
  expect(first).toMatch(/^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d+\.mp4$/);
  // It is being written, and can be read as far as it goes.
  const flashes = await findFlashes(join(recordings, "out", first!));
  expect(flashes.length).toBeGreaterThan(3);
  const stepsMs = flashes.slice(1).map((flash, index) => (flash - flashes[index]!) * 1000);
  // The first keyframe of this clip is a flash, and stands still while the push begins.
  for (const step of stepsMs.slice(1)) expect(Math.abs(step - 3000)).toBeLessThan(50);
}, 30_000);

test("what is not there is answered with what is", async () => {
  const detail = async (path: string) => {
    const response = await fetch(`${serve.addresses.http}/v1/streams/${path}`);
    return [response.status, ((await response.json()) as { detail: string }).detail];
  };
  expect(await detail("other/captions/pt.m3u8")).toEqual([404, "no stream other runs here"]);
  expect(await detail("..%2f/master.m3u8")).toEqual([
    404,
    "a stream id is 1..64 of A-Z a-z 0-9 _ -",
  ]);
  expect(await detail("match/captions/fr.m3u8")).toEqual([404, "match has captions in en, pt"]);
  expect(await detail("match/captions/pt/1.vtt")).toEqual([
    404,
    "pt has no such segment, or no longer",
  ]);
}, 20_000);

test("they are in step again after a push that was killed, although MediaMTX counts on from another time", async () => {
  const relay = (await serve.stream("match")).relay.pid ?? 0;
  const push = descendantsOf(relay).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("/out?nonce="),
  );
  expect(push).toBeDefined();
  const pushes = async () =>
    (await serve.stream("match")).relay.status?.counters["pushStarts"] ?? 0;
  const before = await pushes();
  process.kill(push!, "SIGKILL");
  await eventually(async () => (await pushes()) > before, 10_000, "another push");
  const from = await lastCaptionSegment();
  // Then some seconds go by that are of the new push alone.
  const isNew = async () => (await lastCaptionSegment()) >= from + 15;
  await eventually(isNew, 25_000, "new pictures");
  const playlist = await (await get("captions/pt.m3u8")).text();
  const captions = (await Promise.all(segmentsOf(playlist).slice(-10).map(captionsIn))).flat();
  const firstMs = Math.min(...captions.map(({ beepMediaMs }) => beepMediaMs));
  const flashes = (await flashesMediaMs()).filter((flash) => flash > firstMs - 1000);
  const errors = errorsMs(captions, flashes);
  process.stderr.write(`after the push's death: ${errors.map(Math.round).join(" ")} ms\n`);
  expect(errors.length).toBeGreaterThan(1);
  expect(Math.abs(median(errors))).toBeLessThan(150);
}, 60_000);

async function lastCaptionSegment(): Promise<number> {
  const last = segmentsOf(await (await get("captions/pt.m3u8")).text()).at(-1);
  return Number(/\d+/.exec(last ?? ""));
}
