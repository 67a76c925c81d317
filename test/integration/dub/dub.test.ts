import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { DubReport } from "../../../src/commands/dub-report.ts";
import { floatToPcm16 } from "../../../src/audio/pcm.ts";
import { clause, clauseSidecar } from "../worker/clause-sidecar.ts";
import { ScriptedSidecar, type SidecarScript } from "../sts-client/scripted-sidecar.ts";
import { runFfmpeg } from "../../media/tools.ts";
import { parseWebVtt } from "../../unit/captions/vtt-parser.ts";
import {
  clipMs,
  DubFolder,
  levelDb,
  makeClip,
  monoOf,
  picturesOf,
  sidecarsOf,
  similarityDb,
  startDub,
} from "./dub-command.ts";

/** `livedub dub` as a process, against our own echo sidecar and against scripted ones. */
const folder = new DubFolder();
const clip = folder.file("clip.mp4");
const open: AsyncDisposable[] = [];
let runs = 0;

beforeAll(() => makeClip(clip), 30_000);
afterAll(() => folder[Symbol.dispose]());
afterEach(async () => {
  for (const owned of open.splice(0)) await owned[Symbol.asyncDispose]();
});

function sidecar(script: SidecarScript): ScriptedSidecar {
  const made = new ScriptedSidecar(script);
  open.push(made);
  return made;
}

/** Dubs the clip; with the report and the stems beside it. */
function dub(args: readonly string[], environment: Record<string, string> = {}) {
  const name = `run-${runs++}`;
  const files = {
    output: folder.file(`${name}.mp4`),
    report: folder.file(`${name}.json`),
    stems: folder.file(`${name}-stems`),
  };
  const given = [clip, "-o", files.output, "--report", files.report, "--stems", files.stems];
  const run = startDub([...given, ...args], environment);
  const report = async () => JSON.parse(await readFile(files.report, "utf8")) as DubReport;
  return { ...run, ...files, readReport: report };
}

test("the echo engine of our own sidecar: same picture, same sound, and everything says echo", async () => {
  const { finished, output, readReport } = dub([], { STS_MODE: "echo" });
  const { code, stdout, stderr } = await finished;
  expect(stderr).toContain("ECHO");
  expect(stdout).toContain("nothing was dubbed");
  expect(code).toBe(0);
  expect(await picturesOf(output)).toBe(await picturesOf(clip));
  // Both are AAC of the same sound, so they are as near as the codec is to itself.
  expect(similarityDb(await monoOf(clip), await monoOf(output))).toBeGreaterThan(20);
  const report = await readReport();
  expect(report.engine).toBe("echo");
  expect(report.totals.fallback).toBe(0);
  expect(report.totals.fragments).toBe(report.fragments.length);
  expect(Math.abs(report.totals.durationMs - clipMs)).toBeLessThan(60);
}, 60_000);

const spoken: SidecarScript = {
  health: { status: "healthy", mode: "real", pairs: [["en", "pt"]] },
  extensions: ["binary_audio"],
  onFragment: (socket, one) => {
    const length = Math.max(0.5, one.audio.duration_ms / 1000 - 0.4) * 24_000;
    const tone = Float32Array.from(
      { length },
      (_, i) => 0.3 * Math.sin((2 * Math.PI * 1000 * i) / 24_000),
    );
    socket.emit("fragment:processed", {
      fragment_id: one.fragment_id,
      sequence_number: one.sequence_number,
      status: "success",
      dubbed_audio: {
        format: "pcm_s16le",
        sample_rate_hz: 24_000,
        channels: 1,
        duration_ms: Math.round(length / 24),
        data: Buffer.from(floatToPcm16(tone)),
      },
      transcript: "words",
      translated_text: "palavras",
      metadata: { speed_ratio: 1.05 },
    });
  },
};

test("report, stem and output agree: the dub sounds exactly where the report says", async () => {
  const server = sidecar(spoken);
  const { finished, output, stems, readReport } = dub(["--sts", server.url]);
  expect((await finished).code).toBe(0);
  const report = await readReport();
  const stem = await monoOf(`${stems}/dub-pt.wav`);
  const mixed = await monoOf(output);
  expect(report.totals.dubbed).toBe(report.fragments.length);
  expect(report.totals.dubbed).toBeGreaterThan(0);
  let silentFromMs = 0;
  for (const { dubStartMs, dubEndMs, startMs, translatedText, tempo } of report.fragments) {
    expect({ translatedText, tempo }).toEqual({ translatedText: "palavras", tempo: 1.05 });
    expect(dubStartMs! - 5).toBeGreaterThan(silentFromMs);
    expect(levelDb(stem, silentFromMs, dubStartMs! - 5)).toBeLessThan(-80);
    // As loud as the speech that it replaces, whatever the sidecar's own level.
    expect(levelDb(stem, dubStartMs! + 30, dubEndMs! - 30)).toBeGreaterThan(-32);
    expect(levelDb(mixed, dubStartMs! + 30, dubEndMs! - 30)).toBeGreaterThan(-32);
    expect(dubEndMs!).toBeGreaterThan(dubStartMs! + 400);
    expect(dubStartMs!).toBeGreaterThanOrEqual(startMs);
    silentFromMs = dubEndMs! + 5;
  }
  expect(levelDb(stem, silentFromMs, clipMs)).toBeLessThan(-80);
  expect(await picturesOf(output)).toBe(await picturesOf(clip));
}, 60_000);

test("fragments that overlap are heard as one dub: nothing twice, nothing lost, no click", async () => {
  const tone = (seconds: number) => 0.2 * Math.sin(2 * Math.PI * 1000 * seconds);
  const server = sidecar({
    ...spoken,
    maxInflight: 1, // the next answer comes after what is settled could have been written
    onFragment: (socket, one) => {
      const { duration_ms } = one.audio;
      const samples = Float32Array.from({ length: duration_ms * 24 }, (_, n) =>
        tone(one.metadata.pts_ns / 1e9 + n / 24_000),
      );
      const format = { format: "pcm_s16le", sample_rate_hz: 24_000, channels: 1, duration_ms };
      socket.emit("fragment:processed", {
        fragment_id: one.fragment_id,
        sequence_number: one.sequence_number,
        status: "success",
        dubbed_audio: { ...format, data: Buffer.from(floatToPcm16(samples)) },
        transcript: "words",
        translated_text: "palavras",
      });
    },
  });
  const { finished, stems, readReport } = dub(["--sts", server.url], {
    ...{ WORKER_FRAGMENT_TARGET_DUR: "1s", WORKER_FRAGMENT_OVERLAP: "150ms" },
    ...{ WORKER_LEVEL_DUB: "false", WORKER_SEPARATION: "off" }, // nothing else is waited for
  });
  expect((await finished).code).toBe(0);
  const { fragments } = await readReport();
  const stem = await monoOf(`${stems}/dub-pt.wav`);
  let joins = 0;
  for (const [index, { startMs }] of fragments.entries()) {
    const before = fragments[index - 1];
    if (before === undefined || before.endMs <= startMs) continue;
    joins += 1;
    expect(before.endMs - startMs).toBeCloseTo(150, 0);
    for (let n = (startMs - 100) * 48; n < (startMs + 250) * 48; n++)
      expect(Math.abs(stem[Math.round(n)]! - tone(Math.round(n) / 48_000))).toBeLessThan(0.006);
  }
  expect(joins).toBeGreaterThan(2);
}, 60_000);

test("--captions writes both languages beside the output, each where its words are heard", async () => {
  const server = sidecar(spoken);
  const { finished, output, readReport } = dub(["--sts", server.url, "--captions"]);
  const { code, stdout } = await finished;
  expect(code).toBe(0);
  const { fragments } = await readReport();
  const [source, target] = ["en", "pt"].map((language) =>
    output.replace(".mp4", `.${language}.vtt`),
  );
  expect(stdout).toContain(`captions ${target}: ${fragments.length} cues`);
  const { cues } = parseWebVtt(await readFile(target!, "utf8"));
  expect(cues.map(({ text }) => text)).toEqual(fragments.map(() => "palavras"));
  for (const [index, cue] of cues.entries())
    expect(Math.abs(cue.startMs - fragments[index]!.dubStartMs!)).toBeLessThanOrEqual(1);
  const original = parseWebVtt(await readFile(source!, "utf8")).cues;
  expect(original.map(({ text }) => text)).toEqual(fragments.map(() => "words"));
  for (const [index, cue] of original.entries())
    expect(Math.abs(cue.startMs - fragments[index]!.startMs)).toBeLessThanOrEqual(1);
  // FFmpeg reads the same cues.
  const { stdout: read } = await runFfmpeg(["-v", "error", "-i", target!, "-f", "srt", "-"]);
  expect(new TextDecoder().decode(read).match(/palavras/g)).toHaveLength(fragments.length);
}, 60_000);

test("a sidecar that works by clauses is reported and captioned clause by clause, the source by its words", async () => {
  const words =
    "In being comparatively modern, it has no history of its own to look back upon at all".split(
      " ",
    );
  const server = sidecar(
    clauseSidecar({
      dub: (_, seconds) => (seconds >= 3 && seconds < 6 ? 0.2 : 0),
      clauses: {
        6: [
          clause("dubbed", [2000, 7000], [3000, 6000], {
            source_text: words.join(" "),
            words: words.map((word, index) => ({
              word,
              start_ms: 2000 + index * 290,
              end_ms: 2200 + index * 290,
            })),
            translations: { pt: "Por ser <moderna>, não tem história." },
          }),
          clause("dropped", [7200, 7900], undefined, {
            clause_id: "clause-1",
            source_text: "Never mind.",
            translations: {},
            reason: "overload",
          }),
        ],
      },
    }),
  );
  const { finished, output, readReport } = dub(["--sts", server.url, "--captions"]);
  const { code, stdout } = await finished;
  expect(code).toBe(0);
  expect((await readReport()).totals.clauses).toEqual({
    dubbed: 1,
    late: 0,
    dropped: 1,
    droppedByReason: { overload: 1 },
    words: words.length + 2,
  });
  expect(stdout).toContain("1 clause dubbed into pt, 0 announced late, 1 dropped (overload 1)\n");
  const read = async (language: string) =>
    parseWebVtt(await readFile(output.replace(".mp4", `.${language}.vtt`), "utf8")).cues;
  expect(await read("pt")).toEqual([
    { startMs: 3000, endMs: 6000, text: "Por ser <moderna>, não tem história." },
  ]);
  const [first, second, ...more] = await read("en");
  expect([second, ...more].at(-1)).toMatchObject({ startMs: 7200, text: "Never mind." });
  const said = [first, second, ...more].map((cue) => cue?.text ?? "").join(" ");
  expect(said.trim().split(/\s+/)).toEqual([...words, "Never", "mind."]);
  expect(first?.startMs).toBe(2000);
  const begins = first!.text.split(/\s+/).length;
  if (more.length > 0) expect(second?.startMs).toBe(2000 + begins * 290);
}, 60_000);

test("captions that cannot be written are refused before anything is dubbed", async () => {
  const server = sidecar(spoken);
  const inTheWay = folder.file("taken.pt.srt");
  mkdirSync(inTheWay);
  const given = [clip, "-o", folder.file("taken.mp4"), "--sts", server.url, "--captions-format"];
  const run = await startDub([...given, "srt"]).finished;
  expect(run.stderr).toContain(`captions cannot be written to ${inTheWay}: a folder has that name`);
  expect(run.code).toBe(5);
  expect(server.fragments).toHaveLength(0);
  const wrong = await startDub([...given, "ttml"]).finished;
  expect(wrong.stderr).toContain("--captions-format ttml: must be vtt or srt");
  expect(wrong.code).toBe(2);
}, 30_000);

test("a sidecar that cuts the connection gets what it did not answer once more", async () => {
  let cuts = 0;
  const server = sidecar({
    ...spoken,
    onFragment: (socket, one, echo) => {
      if (one.sequence_number === 1 && cuts++ === 0) socket.disconnect(true);
      else spoken.onFragment?.(socket, one, echo);
    },
  });
  const { finished, readReport } = dub(["--sts", server.url]);
  expect((await finished).code).toBe(0);
  const { totals } = await readReport();
  expect(server.inits).toHaveLength(2);
  expect(server.fragments).toHaveLength(totals.fragments + 1);
  expect(totals.fallback).toBe(0);
  expect(totals.dubbed).toBe(totals.fragments);
}, 60_000);

test("our own sidecar killed in mid-file comes back, gets again what it did not answer, and ends with us", async () => {
  const slow = { STS_MODE: "echo", ECHO_PROCESSING_DELAY_MS: "1500" };
  const { child, finished, until, readReport } = dub([], slow);
  await until("ECHO");
  const [first] = sidecarsOf(child.pid);
  process.kill(first!, "SIGKILL");
  await until("%"); // fragments are answered again
  const [second] = sidecarsOf(child.pid);
  expect(second).toBeGreaterThan(0);
  expect(second).not.toBe(first);
  expect((await finished).code).toBe(0);
  const { totals } = await readReport();
  expect(totals.fallback).toBe(0);
  expect(totals.dubbed).toBe(totals.fragments);
  expect(existsSync(`/proc/${second}`)).toBe(false);
}, 60_000);

test("what the sidecar cannot do plays as the fallback, and the report says why", async () => {
  const server = sidecar({
    ...spoken,
    onFragment: (_socket, _one, echo) =>
      echo({
        status: "failed",
        dubbed_audio: null,
        error: { code: "TTS_SYNTHESIS_FAILED", message: "no voice today", retryable: false },
      }),
  });
  const { finished, output, readReport } = dub(["--sts", server.url]);
  const { code, stdout } = await finished;
  expect(code).toBe(0);
  const { totals, fragments } = await readReport();
  expect(totals.fallback).toBe(totals.fragments);
  expect(stdout).toContain(`${totals.fallback} fell back`);
  expect(fragments[0]).toMatchObject({
    status: "fallback",
    reason: "tts_synthesis_failed",
    detail: "no voice today",
    dubStartMs: null,
  });
  expect(similarityDb(await monoOf(clip), await monoOf(output))).toBeGreaterThan(20);
}, 60_000);

test("--fallback silence leaves silence where no dub came", async () => {
  const server = sidecar({
    ...spoken,
    onFragment: (_socket, _one, echo) =>
      echo({ status: "failed", dubbed_audio: null, error: { code: "INVALID_TEXT" } }),
  });
  const { finished, output, readReport } = dub(["--sts", server.url, "--fallback", "silence"]);
  expect((await finished).code).toBe(0);
  const { startMs, endMs } = (await readReport()).fragments[0]!;
  expect(levelDb(await monoOf(output), startMs + 60, endMs - 60)).toBeLessThan(-50);
}, 60_000);

test.each([
  ["a missing input", ["/nonexistent/in.mp4", "-o", "out.mp4"], 3, "does not exist"],
  ["an input that is no media", [import.meta.path, "-o", "out.mp4"], 3, "cannot be read"],
  ["an output of no known kind", [clip, "-o", "out.txt"], 5, "must end in"],
  ["an output folder that is not there", [clip, "-o", "/nonexistent/out.mp4"], 5, "no folder"],
  [
    "a report folder that is not there",
    [clip, "-o", "out.mp4", "--report", "/none/r"],
    5,
    "no folder /none",
  ],
  ["the input as output", [clip, "-o", clip], 2, "would replace the input"],
  ["a fallback that is none", [clip, "-o", "out.mp4", "--fallback", "shout"], 2, "one of original"],
  ["a sidecar URL that is none", [clip, "-o", "out.mp4", "--sts", "pod"], 2, "http://"],
] as const)(
  "%s ends with its own exit code",
  async (_name, args, code, said) => {
    const server = sidecar({});
    const [input, flag, output, ...rest] = args;
    const target =
      output === "out.mp4" || output === "out.txt" ? folder.file(`bad-${output}`) : output;
    const sts = rest.some((word) => word === "--sts") ? [] : ["--sts", server.url];
    const run = await startDub([input, flag, target, ...rest, ...sts]).finished;
    expect(run.stderr).toContain(said);
    expect(run.code).toBe(code);
    expect(existsSync(folder.file(`bad-${output}`))).toBe(false);
  },
  30_000,
);

test.each([
  ["no input", [], "Name the input"],
  ["no output", [clip], "-o FILE"],
  ["a misspelt option", [clip, "-o", "x.mp4", "--tarjet", "pt"], "no option tarjet"],
])("%s is a wrong command line", async (_name, args, said) => {
  const run = await startDub(args).finished;
  expect(run.stderr).toContain(said);
  expect(run.code).toBe(2);
});

test("a pair of languages that the sidecar does not serve is refused with the list", async () => {
  const server = sidecar(spoken);
  const { finished, output } = dub(["--sts", server.url, "--target", "de"]);
  const { code, stderr } = await finished;
  expect(stderr).toContain("en→pt");
  expect(code).toBe(4);
  expect(existsSync(output)).toBe(false);
}, 30_000);

test("a sidecar that is not there is said to be so", async () => {
  const gone = new ScriptedSidecar();
  const { url } = gone;
  await gone[Symbol.asyncDispose]();
  const { finished } = dub(["--sts", url]);
  const { code, stderr } = await finished;
  expect(stderr).toContain("no sidecar within");
  expect(code).toBe(4);
}, 30_000);

test("Ctrl-C stops everything at once and leaves nothing behind", async () => {
  const server = sidecar({ ...spoken, onFragment: () => {} });
  const before = folder.names;
  const { child, finished } = dub(["--sts", server.url]);
  await server.until(() => server.fragments.length > 0);
  child.kill("SIGINT");
  const { code, stderr } = await finished;
  expect(code).toBe(130);
  expect(stderr).toContain("nothing was written");
  await server.until(() => server.sockets.size === 0);
  expect(folder.names).toEqual(before); // no output, no report, no stems, no part of any
}, 30_000);
