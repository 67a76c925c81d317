import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { ffmpegPath, runFfmpeg } from "../../media/tools.ts";
import { parseWebVtt } from "../../unit/captions/vtt-parser.ts";
import { ScriptedSidecar } from "../sts-client/scripted-sidecar.ts";
import { clause, clauseSidecar } from "../worker/clause-sidecar.ts";
import { DubFolder, levelDb, makeClip, monoOf, picturesOf, startDub } from "./dub-command.ts";

/** A file dubbed into several languages: one picture, a sound track for each. */
const toneHz = { pt: 700, es: 1300 } as const;
/** The dub sounds from 2 to 5 s, in every language. */
const sounds = { from: 2, to: 5 };
const dubAt = (language: string, seconds: number) =>
  seconds >= sounds.from && seconds < sounds.to
    ? 0.2 * Math.sin(2 * Math.PI * toneHz[language as keyof typeof toneHz] * seconds)
    : 0;
const place = { start_ms: 2000, end_ms: 5000, tempo: 1, voice: undefined };
const pairs = {
  status: "healthy",
  mode: "real",
  pairs: [
    ["en", "pt"],
    ["en", "es"],
  ],
};

const folder = new DubFolder();
const clip = folder.file("clip.mp4");
const sidecar = new ScriptedSidecar({
  ...clauseSidecar({
    dub: dubAt,
    furtherLanguages: ["es"],
    clauses: {
      4: [
        clause("dubbed", [2000, 5000], undefined, {
          translations: { pt: "Boa noite.", es: "Buenas noches." },
          dub: { pt: place, es: place },
        }),
      ],
    },
  }),
  health: pairs,
});
beforeAll(() => makeClip(clip), 30_000);
afterAll(async () => {
  await sidecar[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** One sound track of a file, mono at 48 kHz. */
async function trackOf(path: string, track: number): Promise<Float32Array> {
  const copy = folder.file(`track-${track}.wav`);
  await runFfmpeg(["-v", "error", "-i", path, "-map", `0:a:${track}`, copy]);
  return monoOf(copy);
}

/** Level of one frequency where the dub sounds, in dB. */
function toneDb(sound: Float32Array, hz: number): number {
  const [from, to] = [
    Math.round((sounds.from + 0.2) * 48_000),
    Math.round((sounds.to - 0.2) * 48_000),
  ];
  let [real, imaginary] = [0, 0];
  for (let n = from; n < to; n++) {
    real += sound[n]! * Math.cos((2 * Math.PI * hz * n) / 48_000);
    imaginary += sound[n]! * Math.sin((2 * Math.PI * hz * n) / 48_000);
  }
  return 20 * Math.log10((2 * Math.hypot(real, imaginary)) / (to - from) + 1e-9);
}

test("each language is a track of the one output, named as players know it, with its stem and its captions", async () => {
  const output = folder.file("talk.mp4");
  const stems = folder.file("stems");
  const given = [clip, "-o", output, "--sts", sidecar.url, "--target", "pt,es"];
  const run = await startDub([...given, "--captions", "--stems", stems]).finished;
  expect(run.stderr).not.toContain("livedub dub:");
  expect(run.code).toBe(0);
  expect(await picturesOf(output)).toBe(await picturesOf(clip));
  const ffmpeg = Bun.spawn([await ffmpegPath(), "-hide_banner", "-i", output], { stderr: "pipe" });
  const tracks = [
    ...(await ffmpeg.stderr.text()).matchAll(/\((\w+)\): Audio.*\n.*\n\s+handler_name\s+: (\S+)/g),
  ];
  expect(tracks.map(([, code, name]) => [code, name])).toEqual([
    ["por", "Português"],
    ["spa", "Español"],
  ]);
  for (const [track, language] of (["pt", "es"] as const).entries()) {
    const other = language === "pt" ? "es" : "pt";
    for (const sound of [
      await trackOf(output, track),
      await monoOf(`${stems}/dub-${language}.wav`),
    ]) {
      expect(toneDb(sound, toneHz[language])).toBeGreaterThan(-40);
      expect(toneDb(sound, toneHz[language]) - toneDb(sound, toneHz[other])).toBeGreaterThan(30);
    }
    const stem = await monoOf(`${stems}/dub-${language}.wav`);
    expect(levelDb(stem, 0, 1900)).toBeLessThan(-80);
    const captions = parseWebVtt(
      await readFile(output.replace(".mp4", `.${language}.vtt`), "utf8"),
    );
    expect(captions.cues.map(({ text }) => text)).toEqual([
      language === "pt" ? "Boa noite." : "Buenas noches.",
    ]);
  }
}, 60_000);

test("a container for one language alone is refused before anything is dubbed, and a stop leaves nothing of any", async () => {
  const flv = [clip, "-o", folder.file("talk.flv"), "--sts", sidecar.url, "--target", "pt,es"];
  const refused = await startDub(flv).finished;
  expect(refused.stderr).toContain("flv takes one language, not 2; write an .mkv or .mp4");
  expect(refused.code).toBe(5);

  await using silent = new ScriptedSidecar({ ...sidecar.script, onFragment: () => {} });
  const before = folder.names;
  const given = [clip, "-o", folder.file("gone.mp4"), "--sts", silent.url, "--target", "pt,es"];
  const { child, finished } = startDub([...given, "--stems", folder.file("gone-stems")]);
  await silent.until(() => silent.fragments.length > 0);
  child.kill("SIGINT");
  expect((await finished).code).toBe(130);
  expect(folder.names).toEqual(before);
}, 60_000);
