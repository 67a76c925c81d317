import { join } from "node:path";
import { eventually, ServeProcess } from "../../integration/serve/serve-process.ts";
import { ScriptedSidecar } from "../../integration/sts-client/scripted-sidecar.ts";
import { findClicks } from "../../media/clicks.ts";
import { decodeSound, longestSilence } from "../../media/flash-beep.ts";
import { type KnownClip, lowPassedLoop, writeClip } from "../../media/known-clip.ts";
import { sidecarThatSays, talking } from "../../media/known-dub.ts";
import { publishClip } from "../../media/publish.ts";
import { readFlvFile, Recording } from "../../media/recording.ts";

const seconds = 110;
const clauseMs = 2000;
const delayMs = 3000;
/** A dub sounds again within D and 3 s of a new worker; a sidecar's client waits longer after some failures. */
const dubWithinMs = 20_000;
/** What a reader's decoder gives before it is its own beginning. */
const beginningSamples = 2 * 48_000;
/** A pedal note under the clip's music, which has lulls of its own. */
const pedal = { hz: 200, level: 0.05 * 32_768 };

export interface DeathFigures {
  /** What was done, and how often a dub sounded again after it. */
  readonly harms: readonly string[];
  /** The longest silence at `out` and in the source, ms. */
  readonly silenceMs: number;
  readonly sourceSilenceMs: number;
  readonly clicks: number;
  readonly pictures: number;
  readonly picturesLost: number;
}

/**
 * A live stream that talks without a pause over a continuous bed while its worker is killed and stopped, and its
 * sidecar dies and hangs, each in the middle of a word.
 *
 * @param folder where files may be put
 */
export async function deathFigures(clip: KnownClip, folder: string): Promise<DeathFigures> {
  const path = join(folder, "deaths.flv");
  const source = withPedal(await lowPassedLoop(clip, seconds * 96_000));
  await writeClip(path, source);
  const script = sidecarThatSays(await talking(seconds, clauseMs));
  let sidecar = new ScriptedSidecar(script);
  const { port } = sidecar;
  await using serve = await ServeProcess.start({
    WORKER_STS_MODE: "enabled",
    WORKER_STS_SERVICE_URL: sidecar.url,
    WORKER_PLAYOUT_DELAY_MS: String(delayMs),
    LOG_LEVEL: "info",
  });
  await using _ = await publishClip(path, serve.publishUrl("talk"));
  const isOut = async () => (await serve.view()).streams[0]?.outAvailable === true;
  await eventually(isOut, delayMs + 30_000, "out stands");
  const out = await Recording.start(serve.watchUrl("talk"), join(folder, "deaths.out.flv"));

  const playing = async () => (await serve.stream("talk")).relay.status?.playing;
  const dubbed = () =>
    eventually(async () => (await playing()) === "dub", dubWithinMs, "a dub sounds");
  const undubbed = () =>
    eventually(async () => (await playing()) !== "dub", delayMs + 10_000, "no dub sounds");
  const signal = async (name: "SIGKILL" | "SIGSTOP") => {
    const { pid } = (await serve.stream("talk")).worker;
    if (pid === null) throw new Error("there is no worker to harm");
    process.kill(pid, name);
  };
  const harms: Record<string, () => Promise<void>> = {
    "worker killed": () => signal("SIGKILL"),
    "worker stopped": () => signal("SIGSTOP"),
    "sidecar gone": () => sidecar[Symbol.asyncDispose](),
    "sidecar silent": async () => {
      sidecar = new ScriptedSidecar(script, port);
      await dubbed();
      sidecar.script = { ...script, onFragment: () => {} };
    },
  };
  for (const harm of Object.values(harms)) {
    if (harm !== harms["sidecar silent"]) await dubbed();
    await harm();
    await undubbed();
  }
  await Bun.sleep(1000); // the last fallback is to be heard
  await out.stop();
  await sidecar[Symbol.asyncDispose]();
  const sound = await decodeSound(out.path);
  return {
    harms: Object.keys(harms),
    silenceMs: 1000 * longestSilence(sound.subarray(2 * beginningSamples)),
    sourceSilenceMs: 1000 * longestSilence(source),
    clicks: (await findClicks(sound)).filter((at) => at > beginningSamples).length,
    ...lostPictures(
      out,
      (await readFlvFile(path)).filter(({ kind }) => kind === "video"),
    ),
  };
}

function withPedal(sound: Int16Array): Int16Array {
  return sound.map(
    (sample, n) => sample + pedal.level * Math.sin((2 * Math.PI * pedal.hz * (n >> 1)) / 48_000),
  );
}

/** Source pictures between the first and the last one seen that were not seen. */
function lostPictures(
  out: Recording,
  source: readonly { readonly hash: string }[],
): { readonly pictures: number; readonly picturesLost: number } {
  const seen = new Set(out.video.map(({ hash }) => hash));
  const isSeen = ({ hash }: { hash: string }) => seen.has(hash);
  const span = source.slice(source.findIndex(isSeen), source.findLastIndex(isSeen) + 1);
  return { pictures: span.length, picturesLost: span.filter((one) => !isSeen(one)).length };
}
