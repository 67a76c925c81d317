import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClauseMessage } from "../../../src/protocol/sts-fragment.ts";
import { decodeSound, findFlashes, makeFlashBeepClip, median } from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { backwardSteps, Recording } from "../../media/recording.ts";
import { ScriptedSidecar } from "../sts-client/scripted-sidecar.ts";
import { clause, clauseSidecar } from "../worker/clause-sidecar.ts";
import { beepCaptionsIn, beepMs, errorsMs, hlsFlashesMs, segmentsOf } from "./beep-captions.ts";
import { eventually, ServeProcess } from "./serve-process.ts";

/** One publisher dubbed into two languages, by a sidecar that says another tone in each. */
const toneHz = { pt: 700, es: 1300 } as const;
type Language = keyof typeof toneHz;

/** A second of tone, a second of silence. */
const dubAt = (language: string, seconds: number) =>
  Math.floor(seconds) % 2 === 0
    ? 0.2 * Math.sin(2 * Math.PI * toneHz[language as Language] * seconds)
    : 0;

const clauses: Record<number, ClauseMessage[]> = {};
const script = clauseSidecar({ dub: dubAt, furtherLanguages: ["es"], clauses });
let lastBeepMs = Number.NEGATIVE_INFINITY;
const sidecar = new ScriptedSidecar({
  ...script,
  health: {
    status: "healthy",
    mode: "real",
    pairs: [
      ["en", "pt"],
      ["en", "es"],
    ],
  },
  onFragment: (socket, one, echo) => {
    const heard = beepMs(one);
    if (heard !== undefined && heard - lastBeepMs > 1000) {
      lastBeepMs = heard;
      const [from, to] = [Math.round(heard), Math.round(heard) + 1500];
      const place = { start_ms: from, end_ms: to, tempo: 1, voice: undefined };
      clauses[one.sequence_number] = [
        clause("dubbed", [from, to], undefined, {
          clause_id: `beep-${from}`,
          source_text: `beep ${from}.0`,
          translations: { pt: `apito ${from}.0`, es: `pitido ${from}.0` },
          dub: { pt: place, es: place },
        }),
      ];
    }
    script.onFragment?.(socket, one, echo);
  },
});

let folder: string;
let serve: ServeProcess;
let stopPublishing: () => Promise<unknown> = () => Promise.resolve();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "languages-"));
  const clip = await makeFlashBeepClip({
    ...{ path: join(folder, "clip.flv"), seconds: 90, bFrames: 2, everySeconds: 3 },
  });
  serve = await ServeProcess.start({
    ...{ WORKER_STS_MODE: "enabled", WORKER_STS_SERVICE_URL: sidecar.url },
    ...{ WORKER_TARGET_LANG: "pt,es", WORKER_PLAYOUT_DELAY_MS: "2500" },
    WORKER_LEVEL_DUB: "false",
    LIVEDUB_MODELS_DIR: folder, // without weights for the gate every sound is sent
  });
  const publisher = await publishClip(clip, serve.publishUrl("match"));
  stopPublishing = () => publisher.stop();
}, 60_000);
afterAll(async () => {
  await stopPublishing();
  await serve[Symbol.asyncDispose]();
  await sidecar[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const recordings = {} as Record<Language, Recording>;

/** Power of a tone in each 50 ms of a sound's left channel, in dB of full scale. */
function powersDb(stereo: Int16Array, hz: number): number[] {
  const length = 2400;
  return Array.from({ length: Math.floor(stereo.length / 2 / length) }, (_, window) => {
    let [real, imaginary] = [0, 0];
    for (let n = 0; n < length; n++) {
      const sample = stereo[2 * (window * length + n)]! / 32_768;
      const shape = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / length);
      real += shape * sample * Math.cos((2 * Math.PI * hz * n) / 48_000);
      imaginary += shape * sample * Math.sin((2 * Math.PI * hz * n) / 48_000);
    }
    return 10 * Math.log10((real ** 2 + imaginary ** 2) / (length / 2) ** 2 + 1e-12);
  });
}

/** Seconds at which a tone sets in. */
function onsets(powers: readonly number[]): number[] {
  const isOn = powers.map((power) => power > -35);
  return isOn.flatMap((on, n) => (on && n > 0 && !isOn[n - 1] ? [n * 0.05] : []));
}

test("each language has an output of its own, whose pictures are the same and in the same order", async () => {
  const isOut = async () => (await serve.view()).streams.some(({ outAvailable }) => outAvailable);
  await eventually(isOut, 20_000, "an output");
  for (const [language, output] of [
    ["pt", "out"],
    ["es", "out_es"],
  ] as const) {
    const url = `${serve.addresses.rtmp}/live/match/${output}`;
    recordings[language] = await Recording.start(url, join(folder, `${output}.flv`));
  }
  const { pt, es } = recordings;
  // MediaMTX begins to convert when it is first asked; the last test finds some seconds of it.
  for (const output of ["out_es", "out_mul"])
    void fetch(`${serve.addresses.http}/v1/streams/match/${output}/master.m3u8`);
  const hasEnough = () => pt.video.length > 220 && es.video.length > 220;
  await Promise.all([pt.until(hasEnough, 40_000), es.until(hasEnough, 40_000)]);
  await Promise.all([pt.stop(), es.stop()]);

  const first = es.video.findIndex(({ hash }) => hash === pt.video[0]?.hash);
  const later = pt.video.findIndex(({ hash }) => hash === es.video[0]?.hash);
  expect(Math.max(first, later)).toBeGreaterThanOrEqual(0);
  const [ours, theirs] =
    first >= 0 ? [pt.video, es.video.slice(first)] : [pt.video.slice(later), es.video];
  const count = Math.min(ours.length, theirs.length);
  expect(count).toBeGreaterThan(150);
  const hashes = (packets: typeof ours) => packets.slice(0, count).map(({ hash }) => hash);
  expect(hashes(theirs)).toEqual(hashes(ours));
  const steps = Array.from({ length: count }, (_, n) => theirs[n]!.ptsMs - ours[n]!.ptsMs);
  expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(1);
  expect([backwardSteps(pt.video), backwardSteps(es.video)]).toEqual([0, 0]);
  offsetMs = median(steps);
}, 90_000);
let offsetMs = 0;

test("each output has its own dub and nothing of the other one, in step with the pictures", async () => {
  const sets = {} as Record<Language, number[]>;
  for (const [language, other] of [
    ["pt", "es"],
    ["es", "pt"],
  ] as const) {
    const sound = await decodeSound(recordings[language].path);
    const own = powersDb(sound, toneHz[language]);
    const begun = own.findIndex((power) => power > -35);
    const said = own.slice(begun);
    const share = said.filter((power) => power > -35).length / said.length;
    expect(share).toBeWithin(0.4, 0.6);
    // A kilohertz of beep and its attack are in both: judged by what is usual.
    expect(median(powersDb(sound, toneHz[other]).slice(begun))).toBeLessThan(-55);
    expect(median(said.filter((power) => power > -35))).toBeGreaterThan(-25);
    sets[language] = onsets(own);
  }
  const apart = sets.es.map((onset) => {
    const inOurTime = onset - offsetMs / 1000;
    return Math.min(...sets.pt.map((ours) => Math.abs(ours - inOurTime)));
  });
  expect(apart.length).toBeGreaterThan(3);
  expect(median(apart)).toBeLessThan(0.06); // windows of 50 ms
}, 60_000);

test("all of it comes from one pull, one separation, one uplink", async () => {
  const stream = await serve.stream("match");
  const commands = serve
    .descendants()
    .map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"));
  const count = (matches: (words: readonly string[]) => boolean) => commands.filter(matches).length;
  const pulls = (words: readonly string[]) =>
    words.includes("-i") && /\/match\/in/.test(words.join(" "));
  const pushes = (output: string) => (words: readonly string[]) =>
    words.some((word) => word.includes(`/live/match/${output}?nonce=`));
  expect(count(pulls)).toBe(1);
  expect(["out", "out_es", "out_mul"].map((output) => count(pushes(output)))).toEqual([1, 1, 1]);
  expect(count((words) => words.includes("relay"))).toBe(1);
  expect(count((words) => words.includes("worker"))).toBe(1);
  expect([stream.relay.restarts, stream.worker.restarts]).toEqual([0, 0]);

  expect(sidecar.inits).toHaveLength(1);
  expect(sidecar.inits[0]?.init["config"]).toMatchObject({
    ...{ target_language: "pt", target_languages: ["es"] },
  });
  // Every moment was sent once: each piece begins where the one before it ended.
  let endNs = sidecar.fragments[0]!.metadata.pts_ns;
  for (const { metadata, audio } of sidecar.fragments) {
    expect(Math.abs(metadata.pts_ns - endNs)).toBeLessThan(1e6);
    endNs = metadata.pts_ns + audio.duration_ms * 1e6;
  }
  // And separated once.
  const { counters = {} } = (await serve.stream("match")).worker.status ?? {};
  const separatedMs = counters["bed_separated_ms"] ?? 0;
  expect(separatedMs / (endNs / 1e6)).toBeWithin(0.5, 1.05);
});

test.each([
  ["match", "out", "pt", "Português"],
  ["match/out_es", "out_es", "es", "Español"],
] as const)(
  "%s/master.m3u8 joins MediaMTX's %s with captions of every language, its own first",
  async (address, output, language, name) => {
    const response = await fetch(`${serve.addresses.http}/v1/streams/${address}/master.m3u8`);
    expect(response.status).toBe(200);
    const text = await response.text();
    const variant = text.trim().split("\n").at(-1) ?? "";
    expect(variant).toStartWith(`${serve.addresses.hls}/live/match/${output}/`);
    const media = text.split("\n").filter((line) => line.startsWith("#EXT-X-MEDIA:"));
    expect(media.find((line) => line.includes("TYPE=AUDIO"))).toContain(
      `NAME="${name}",LANGUAGE="${language}"`,
    );
    const said = media.flatMap((line) => /TYPE=SUBTITLES.*LANGUAGE="(\w+)"/.exec(line)?.[1] ?? []);
    expect(said[0]).toBe(language);
    expect(said.toSorted()).toEqual(["en", "es", "pt"]);
    for (const uri of [variant, ...media.map((line) => /URI="([^"]+)"/.exec(line)![1]!)]) {
      const playlist = await fetch(new URL(uri, response.url));
      expect([uri, playlist.status]).toEqual([uri, 200]);
      expect(await playlist.text()).toStartWith("#EXTM3U");
    }
  },
  30_000,
);

test("the captions of a further language are in step with the rendition of its own output", async () => {
  const address = "match/out_es";
  const flashes = await hlsFlashesMs(serve, "live/match/out_es", join(folder, "out_es.mp4"));
  const playlist = await fetch(`${serve.addresses.http}/v1/streams/${address}/captions/es.m3u8`);
  const segments = segmentsOf(await playlist.text());
  const captions = (
    await Promise.all(segments.map((path) => beepCaptionsIn(serve, address, path)))
  ).flat();
  for (const { text } of captions) expect(text).toStartWith("pitido");
  const errors = errorsMs(captions, flashes);
  process.stderr.write(`out_es: captions after flashes: ${errors.map(Math.round).join(" ")} ms\n`);
  expect(errors.length).toBeGreaterThan(1);
  expect(Math.abs(median(errors))).toBeLessThan(150);
}, 40_000);

test("one master playlist has the sound of every language to choose from, in step with one picture", async () => {
  const response = await fetch(`${serve.addresses.http}/v1/streams/match/out_mul/master.m3u8`);
  expect(response.status).toBe(200);
  const text = await response.text();
  const sounds = text.split("\n").filter((line) => line.includes("TYPE=AUDIO"));
  const languages = sounds.map((line) => /LANGUAGE="(\w+)"/.exec(line)?.[1]);
  expect(languages).toEqual(["pt", "es"]);
  expect(sounds.map((line) => line.includes("DEFAULT=YES"))).toEqual([true, false]);
  const variant = text.trim().split("\n").at(-1) ?? "";
  const pictures = join(folder, "mul-video.mp4");
  await mediaOf(new URL(variant), pictures);
  const setIn = {} as Record<Language, number[]>;
  for (const [index, language] of (["pt", "es"] as const).entries()) {
    const uri = /URI="([^"]+)"/.exec(sounds[index]!)![1]!;
    const file = join(folder, `mul-${language}.mp4`);
    await mediaOf(new URL(uri, response.url), file);
    const sound = await decodeSound(file);
    const other = language === "pt" ? "es" : "pt";
    const power = (hz: number) => powersDb(sound, hz).filter((each) => each > -100);
    expect(power(toneHz[language]).filter((each) => each > -35).length).toBeGreaterThan(10);
    expect(median(power(toneHz[other]))).toBeLessThan(-55);
    setIn[language] = onsets(powersDb(sound, toneHz[language]));
  }
  // HLS wants one timeline: both dubs set in at the same media time, as far from the flashes as on `out`.
  const apart = setIn.es.map((onset) => Math.min(...setIn.pt.map((one) => Math.abs(one - onset))));
  expect(median(apart)).toBeLessThan(0.06);
  const own = powersDb(await decodeSound(recordings.pt.path), toneHz.pt);
  const onOut = phaseOf(await findFlashes(recordings.pt.path), onsets(own));
  const here = phaseOf(await findFlashes(pictures), setIn.pt);
  process.stderr.write(`flashes in seconds of the dub: out ${onOut}, out_mul ${here}\n`);
  expect(Math.abs(((here - onOut + 1.5) % 1) - 0.5)).toBeLessThan(0.08);
}, 40_000);

/** How far into a second of the dub, which sets in with a second, the flashes are, in seconds. */
function phaseOf(flashes: readonly number[], setIn: readonly number[]): number {
  const zero = median(setIn.map((onset) => onset % 1));
  expect(Math.min(flashes.length, setIn.length)).toBeGreaterThan(1);
  return (median(flashes.map((flash) => flash % 1)) - zero + 1) % 1;
}

/** Everything that a media playlist has by now, as one file. */
async function mediaOf(url: URL, file: string): Promise<void> {
  let uris: string[] = [];
  await eventually(
    async () => {
      const playlist = await (await fetch(url)).text();
      const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(playlist)?.[1] ?? "";
      uris = [init, ...(playlist.match(/^\S+_seg\d+\.mp4\S*$/gm) ?? [])];
      return uris.length > 3;
    },
    20_000,
    "three segments of HLS",
  );
  const parts = uris.map(async (uri) => (await fetch(new URL(uri, url))).bytes());
  writeFileSync(file, Buffer.concat(await Promise.all(parts)));
}
