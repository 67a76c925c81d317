import { embeddedFfmpeg } from "../media/embedded.ts";
import { resolveFfmpeg } from "../media/ffmpeg-binary.ts";
import { ParentChannel } from "../process/parent-channel.ts";
import {
  supervisorToWorker,
  type SupervisorToWorker,
  type WorkerSpec,
  type WorkerToSupervisor,
} from "../protocol/supervisor.ts";
import { BedSplitter } from "../separation/bed-splitter.ts";
import { type FoundNet, openNet } from "../separation/choose-net.ts";
import { decodeAnswerAudio } from "../sts/answer-audio.ts";
import { monotonicClock } from "../sts/clock.ts";
import { openClient } from "../sts/open-client.ts";
import type { StsClient } from "../sts/sts-client.ts";
import { createVad, type Vad } from "../vad/silero.ts";
import { streamSampleRateHz } from "../protocol/relay-worker.ts";
import { clausePieceMs } from "../worker/clause-dubbing.ts";
import { clauseOfFragment } from "../worker/fragment-clause.ts";
import { openWorkerBundle } from "./worker-bundle.ts";
import { RelayConnection } from "../worker/relay-connection.ts";
import { toReport } from "../worker/settled-fragment.ts";
import { StreamWorker } from "../worker/stream-worker.ts";

type Report = (message: WorkerToSupervisor) => void;

/** How long a stopping worker waits for the sidecar's farewell (contract 2.13). */
const farewellMs = 10_000;
/** A disk that hangs must not keep a stopped worker. */
const bundleCloseMs = 1000;
/** Often enough that a supervisor which takes 1.5 s of silence for a hang is never wrong. */
const statusEveryMs = 500;
/** Exit codes: what the supervisor restarts is anything but 0. */
const exitCode = { stopped: 0, failed: 1, relayGone: 3, orphaned: 4 } as const;

/**
 * The hidden command `livedub worker`: dubs one run of one stream. It is configured over the parent's
 * channel, and ends with code 0 when asked to stop, else when its relay or its parent has gone.
 */
export async function runWorkerCommand(): Promise<void> {
  const configured = Promise.withResolvers<WorkerSpec>();
  const stopped = Promise.withResolvers<number>();
  const channel = new ParentChannel<SupervisorToWorker, WorkerToSupervisor>({
    incoming: supervisorToWorker,
    onMessage: (message) => {
      if (message.type === "configure") configured.resolve(message.spec);
      else stopped.resolve(exitCode.stopped);
    },
    onOrphaned: () => process.exit(exitCode.orphaned),
  });
  const report: Report = (message) => void channel.send(message);
  let terminations = 0;
  process.on("SIGTERM", () => {
    terminations += 1;
    if (terminations > 1) process.exit(exitCode.stopped); // whoever asks twice does not wait
    stopped.resolve(exitCode.stopped);
  });
  // Ctrl-C at a terminal reaches the whole group; the parent decides what it means.
  process.on("SIGINT", () => {});
  const spec = await Promise.race([configured.promise, stopped.promise]);
  if (typeof spec === "number") process.exit(spec);
  try {
    process.exit(await dubOneRun(spec, report, stopped));
  } catch (error) {
    report({ type: "event", level: "error", code: "worker-failed", message: messageOf(error) });
    process.exit(exitCode.failed);
  }
}

async function dubOneRun(
  spec: WorkerSpec,
  report: Report,
  stopped: PromiseWithResolvers<number>,
): Promise<number> {
  const bundle = openWorkerBundle(spec, (level, code, message) =>
    report({ type: "event", level, code, message }),
  );
  const onEvent: OnEvent = (level, code, message) => {
    report({ type: "event", level, code, message });
    bundle?.event({ level, code, message });
  };
  // The session opens while the model loads and the media is still on its way.
  const client = spec.mode === "passthrough" ? undefined : openStsClient(spec, onEvent);
  client?.start();
  const vad = await openGate(spec.vadModelPath, onEvent);
  const splitter = await openSplitter(spec.separation, onEvent);
  const link = await RelayConnection.connect(spec.socketPath);
  link.onClose = () => stopped.resolve(exitCode.relayGone);
  const language = spec.targetLanguages[0] as string;
  const worker = new StreamWorker({
    workerId: spec.workerId,
    link,
    client,
    languages: spec.targetLanguages,
    fragmentMs: spec.fragmentMs,
    overlapMs: spec.overlapMs,
    vad,
    splitter,
    decode: answerDecoder(),
    clock: monotonicClock,
    onFragment: (fragment, media) => {
      bundle?.record(fragment, media);
      report(toReport(fragment));
      const clause = client?.clauses ? undefined : clauseOfFragment(fragment, language);
      if (clause !== undefined) report(clause);
      report(worker.status());
    },
    onClause: report,
    onEvent,
  });
  worker.start();
  report({ type: "ready" });
  report(worker.status());
  const ticker = setInterval(() => report(worker.status()), statusEveryMs);
  const code = await stopped.promise;
  await client?.end(farewellMs);
  clearInterval(ticker);
  report(worker.status());
  link.onClose = () => {};
  await worker.close();
  await Promise.race([bundle?.close(), Bun.sleep(bundleCloseMs)]);
  return code;
}

export type OnEvent = (level: "info" | "warn" | "error", code: string, message: string) => void;

/** The gate saves work and is no condition for it: without its weights everything is sent. */
async function openGate(path: string | undefined, onEvent: OnEvent): Promise<Vad | undefined> {
  if (path === undefined) return undefined;
  try {
    return await createVad(path);
  } catch (error) {
    onEvent("error", "vad-unusable", `${messageOf(error)}. Silence is sent to the sidecar too`);
    return undefined;
  }
}

/** Separation makes a dub better and is no condition for it: without, it lies over the ducked original. */
export async function openSplitter(
  found: FoundNet | undefined,
  onEvent: OnEvent,
): Promise<BedSplitter | undefined> {
  if (found === undefined) return undefined;
  try {
    return new BedSplitter(await openNet(found));
  } catch (error) {
    const then = "dubs lie over the ducked original";
    onEvent("error", "separation", `${found.net} is unusable: ${messageOf(error)}; ${then}`);
    return undefined;
  }
}

function openStsClient(spec: WorkerSpec, onEvent: OnEvent): StsClient {
  const { sts } = spec;
  return openClient({
    endpoints: sts.endpoints,
    protocol: sts.protocol,
    wish: {
      streamId: spec.streamId,
      workerId: spec.workerId,
      sourceLanguage: spec.sourceLanguage,
      targetLanguage: spec.targetLanguages[0] as string,
      voice: spec.voice,
      pacing: "live",
      furtherLanguages: spec.targetLanguages.slice(1),
      playoutDelayMs: spec.playoutDelayMs,
      chunkMs: clausePieceMs.live,
      maxInflight: sts.maxInflight,
      timeoutMs: sts.timeoutMs,
    },
    timeoutMs: sts.timeoutMs,
    maxRetries: sts.maxRetries,
    breakerThreshold: sts.breakerThreshold,
    breakerOpenMs: sts.breakerOpenMs,
    clock: monotonicClock,
    onEvent,
  });
}

/** Decodes answers at stream rate; FFmpeg is looked for at the first compressed one. */
export function answerDecoder(): ConstructorParameters<typeof StreamWorker>[0]["decode"] {
  let found: Promise<string> | undefined;
  const ffmpegPath = () =>
    (found ??= resolveFfmpeg(process.env, embeddedFfmpeg).then(({ path }) => path));
  return (audio) => decodeAnswerAudio(audio, streamSampleRateHz, ffmpegPath);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
