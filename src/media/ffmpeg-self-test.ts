import { stat } from "node:fs/promises";
import { words } from "./live-commands.ts";
import { StampedPcmParser, stampedPcmOptions, type StampedSound } from "./stamped-pcm.ts";

/** What one FFmpeg was found to be; `missing` is empty when it does all that livedub needs. */
export interface FfmpegReport {
  readonly path: string;
  /** For example `9.0.2`; `unknown` when it did not say. */
  readonly version: string;
  /** Each entry names a thing and what it is needed for. */
  readonly missing: readonly string[];
  /** It pushes several sound tracks beside one picture (enhanced RTMP, FFmpeg 8 and newer): nice to have. */
  readonly isMultitrack: boolean;
}

const runLimitMs = 20_000;
/** What sound is put through to see whether its stamps come with it: a jump back by half a second. */
const jumpSeconds = 0.5;
const jumpAtSeconds = 1;

const reports = new Map<string, Promise<FfmpegReport>>();

/**
 * Tries what the media path needs of an FFmpeg: that it runs, enhanced RTMP, the AAC encoder, and that
 * it hands sound on with its timestamps. Takes about 0.2 s; the result is kept per path,
 * size and modification time.
 */
export async function testFfmpeg(path: string): Promise<FfmpegReport> {
  const file = await stat(path).catch(() => undefined);
  if (file === undefined || !file.isFile()) {
    return unusable(path, "the file itself: there is none at this path");
  }
  const key = `${path}\0${file.size}\0${file.mtimeMs}`;
  const known = reports.get(key);
  if (known) return known;
  const fresh = runTests(path);
  reports.set(key, fresh);
  return fresh;
}

async function runTests(path: string): Promise<FfmpegReport> {
  const version = await run(path, ["-version"]);
  if (version === undefined) {
    return unusable(path, "a program that runs here (it did not start)");
  }
  const missing: string[] = [];
  const rtmp = await run(path, ["-h", "protocol=rtmp"]);
  if (!asText(rtmp).includes("rtmp_enhanced_codecs")) {
    missing.push("enhanced RTMP (`-rtmp_enhanced_codecs`, FFmpeg 6.1 or newer), for H.265 and AV1");
  }
  const sine = `sine=frequency=440:sample_rate=48000:samples_per_frame=1024:duration=`;
  const aac = await run(path, words(`-f lavfi -i ${sine}1 -c:a aac -f adts pipe:1`));
  if ((aac?.length ?? 0) < 1000) missing.push("the AAC encoder, for the sound of every output");
  const jump = `asetpts=PTS-gte(T\\,${jumpAtSeconds})*${jumpSeconds}/TB`;
  const stamped = await run(path, [
    ...words(`-f lavfi -i ${sine}${2 * jumpAtSeconds},${jump}`),
    ...stampedPcmOptions(1),
  ]);
  if (!keepsStamps(stamped))
    missing.push(
      "decoded sound that keeps its stamps (SMJPEG, setts), for sound in step with the picture",
    );
  const two = `-f lavfi -i ${sine}1 -f lavfi -i ${sine}1 -map 0 -map 1 -c:a aac -f flv pipe:1`;
  const isMultitrack = ((await run(path, words(two)))?.length ?? 0) > 2000;
  return { path, version: versionOf(asText(version)), missing, isMultitrack };
}

function unusable(path: string, missing: string): FfmpegReport {
  return { path, version: "unknown", missing: [missing], isMultitrack: false };
}

/** The test's sound in whole, its stamps back by the jump at its place and nowhere else. */
function keepsStamps(output: Uint8Array | undefined): boolean {
  const runs: StampedSound[] = [];
  try {
    runs.push(...new StampedPcmParser().push(output ?? new Uint8Array(0)));
  } catch {
    return false;
  }
  const count = runs.reduce((sum, { samples }) => sum + samples.length / 2, 0);
  const steps = runs.slice(1).map(({ stampSample }, n) => {
    const { stampSample: before, samples } = runs[n] as StampedSound;
    return stampSample - before - samples.length / 2;
  });
  const jumps = steps.filter((step) => step !== 0);
  return (
    count === 2 * jumpAtSeconds * 48_000 && jumps.length === 1 && jumps[0] === -jumpSeconds * 48_000
  );
}

/** Standard output of one short run, or undefined when it failed, hung or could not start. */
async function run(path: string, args: readonly string[]): Promise<Uint8Array | undefined> {
  try {
    const child = Bun.spawn({
      cmd: [path, "-hide_banner", "-nostdin", "-loglevel", "error", ...args],
      stdio: ["ignore", "pipe", "ignore"],
      timeout: runLimitMs,
      killSignal: "SIGKILL",
    });
    const output = new Uint8Array(await new Response(child.stdout).arrayBuffer());
    return (await child.exited) === 0 ? output : undefined;
  } catch {
    return undefined;
  }
}

function asText(output: Uint8Array | undefined): string {
  return new TextDecoder().decode(output);
}

function versionOf(text: string): string {
  return /ffmpeg version n?([^\s-]+)/.exec(text)?.[1] ?? "unknown";
}
