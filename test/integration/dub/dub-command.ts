import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfCommand } from "../../../src/process/self.ts";
import { runFfmpeg } from "../../media/tools.ts";

const fixtures = join(import.meta.dir, "..", "..", "fixtures", "media");
export const clipMs = 14_000;

/** A folder of its own for one test's files. */
export class DubFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "livedub-dub-"));

  file(name: string): string {
    return join(this.path, name);
  }

  get names(): string[] {
    return readdirSync(this.path).toSorted();
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface DubRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `livedub dub` as a user would; it leaves a run bundle only where the test says so. */
export function startDub(args: readonly string[], environment: Record<string, string> = {}) {
  const child = Bun.spawn({
    cmd: [...selfCommand("livedub", "dub"), ...args],
    env: { ...process.env, WORKER_ASSETS_CAPTURE: "off", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  let waiting: { text: string; resolve: () => void }[] = [];
  const read = async () => {
    for await (const chunk of child.stderr) {
      stderr += new TextDecoder().decode(chunk);
      for (const { resolve } of waiting.filter(({ text }) => stderr.includes(text))) resolve();
      waiting = waiting.filter(({ text }) => !stderr.includes(text));
    }
    return stderr;
  };
  const reading = read();
  const stdout = new Response(child.stdout).text();
  const finished: Promise<DubRun> = Promise.all([child.exited, stdout, reading]).then(
    ([code, said, complained]) => ({ code, stdout: said, stderr: complained }),
  );
  /** Resolves when it has said this on stderr. */
  const until = (text: string) =>
    stderr.includes(text)
      ? Promise.resolve()
      : new Promise<void>((resolve) => waiting.push({ text, resolve }));
  return { child, finished, until };
}

/** The process ids of the sidecars that a process has started itself. */
export function sidecarsOf(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  const children = threads.flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim().split(" "),
  );
  return children
    .filter((child) => child !== "")
    .map(Number)
    .filter((child) => commandLineOf(child).includes("gpu/main.ts"));
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it has ended meanwhile
  }
}

/** Three sentences with pauses between them. */
const sentences = ["LJ001-0002", "LJ001-0008", "LJ001-0004"];

/** {@link clipMs} of real speech, the same in both channels, over a test picture with B-frames. */
export async function makeClip(path: string): Promise<void> {
  const speech = sentences.flatMap((name) => ["-i", join(fixtures, "speech", `${name}.flac`)]);
  const paused = sentences.map(
    (_, i) => `[${i + 1}:a]aresample=48000,adelay=900,apad=pad_dur=0.7[s${i}]`,
  );
  const joined = `${sentences.map((_, i) => `[s${i}]`).join("")}concat=n=${sentences.length}:v=0:a=1`;
  await runFfmpeg([
    ...["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", ...speech],
    ...[
      "-filter_complex",
      `${[...paused, joined].join(";")},apad,aresample=async=1:first_pts=0[a]`,
      "-map",
      "0:v",
      "-map",
      "[a]",
    ],
    ...[
      "-t",
      String(clipMs / 1000),
      "-c:v",
      "libx264",
      "-preset",
      "veryfast",
      "-bf",
      "2",
      "-g",
      "50",
    ],
    ...["-c:a", "aac", "-b:a", "128k", "-ac", "2", path],
  ]);
}

/** The coded pictures of a file, byte by byte. */
export async function picturesOf(path: string): Promise<string> {
  const copy = ["-map", "0:v:0", "-c:v", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264", "-"];
  const { stdout } = await runFfmpeg(["-v", "error", "-i", path, ...copy]);
  return new Bun.CryptoHasher("sha256").update(stdout).digest("hex");
}

/** A file's sound, mono at 48 kHz. */
export async function monoOf(path: string): Promise<Float32Array> {
  const asFloat = ["-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "f32le", "-"];
  const { stdout } = await runFfmpeg(["-v", "error", "-i", path, ...asFloat]);
  return new Float32Array(stdout.slice().buffer);
}

/** How far two sounds of the same timeline are apart: signal over difference, in dB. */
export function similarityDb(one: Float32Array, other: Float32Array): number {
  const length = Math.min(one.length, other.length);
  let signal = 0;
  let difference = 0;
  for (let i = 0; i < length; i++) {
    signal += one[i]! ** 2;
    difference += (one[i]! - other[i]!) ** 2;
  }
  return 10 * Math.log10(signal / Math.max(difference, 1e-12));
}

/** Mean power of [fromMs, toMs) of a 48 kHz sound, in dB of full scale. */
export function levelDb(sound: Float32Array, fromMs: number, toMs: number): number {
  const part = sound.subarray(Math.round(fromMs * 48), Math.round(toMs * 48));
  const power = part.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, part.length);
  return 10 * Math.log10(Math.max(power, 1e-12));
}
