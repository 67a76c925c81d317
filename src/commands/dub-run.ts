import { existsSync } from "node:fs";
import { rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { mixTuningOf } from "../config/mix-tuning.ts";
import { loadEdgeConfig, type EdgeConfig } from "../config/edge-config.ts";
import { configuredEndpoints } from "../config/worker-endpoints.ts";
import { embeddedFfmpeg } from "../media/embedded.ts";
import { resolveFfmpeg } from "../media/ffmpeg-binary.ts";
import { clauseCounts } from "../protocol/clause-counts.ts";
import type { ClauseReport } from "../protocol/clause-report.ts";
import { type RelayLink, streamSampleRateHz } from "../protocol/relay-worker.ts";
import { type FileRelayResult, runFileRelay } from "../relay/file-relay.ts";
import { createMemoryLink } from "../relay/memory-link.ts";
import { monotonicClock } from "../sts/clock.ts";
import type { StsClient } from "../sts/sts-client.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { clauseOfFragment } from "../worker/fragment-clause.ts";
import type { RunBundle } from "../worker/run-bundle.ts";
import type { SettledFragment } from "../worker/settled-fragment.ts";
import { StreamWorker } from "../worker/stream-worker.ts";
import {
  assertCaptionsWritable,
  captionFormat,
  captionPath,
  writeCaptions,
} from "./dub-captions.ts";
import { openDubBundle } from "./dub-bundle.ts";
import { DubError } from "./dub-error.ts";
import { type DubbedSoFar, ProgressBar } from "./dub-progress.ts";
import { openDubGate } from "./dub-gate.ts";
import { closingLines, dubReport, type DubReport } from "./dub-report.ts";
import { openFileClient, SessionWait } from "./dub-session.ts";
import { openDubSplitter } from "./dub-splitter.ts";
import { type DubSidecar, openDubSidecar } from "./dub-sidecar.ts";
import { answerDecoder } from "./worker.ts";

export interface DubFileOptions {
  readonly input: string;
  readonly output: string;
  readonly report: string | undefined;
  readonly stems: string | undefined;
  /** `vtt` or `srt`: captions of source and target are written beside the output; undefined: none. */
  readonly captions: string | undefined;
  /** Settings given on the command line, by the names of their variables. */
  readonly overrides: Readonly<Record<string, string>>;
}

type Values = EdgeConfig["values"];

/** The one whose dub is reported; further ones are sound tracks beside it. */
function mainLanguage(values: Values): string {
  return values.targetLanguages[0] as string;
}

/** How long to wait for a sidecar: one of ours loads its models, a configured one should be there. */
const readyWithinMs = { own: 180_000, configured: 10_000 } as const;
const farewellMs = 10_000;

/**
 * Dubs a file: relay and worker in one process, pacing `file`.
 *
 * @returns a summary for the terminal
 * @throws {DubError} whose fault it is and what to do; {ConfigError} a bad setting
 */
export async function dubFile(options: DubFileOptions, signal: AbortSignal): Promise<string> {
  const { values } = loadEdgeConfig(process.env, options.overrides);
  const input = resolve(options.input);
  const output = resolve(options.output);
  if (!existsSync(input)) throw new DubError("input", `${options.input} does not exist`);
  if (input === output) throw new DubError("usage", "the output would replace the input");
  const reportFolder = options.report === undefined ? "." : dirname(resolve(options.report));
  if (!existsSync(reportFolder))
    throw new DubError("output", `there is no folder ${reportFolder} for the report`);
  const captions = options.captions === undefined ? undefined : captionFormat(options.captions);
  const languages = [values.sourceLanguage, ...values.targetLanguages];
  if (captions !== undefined)
    await assertCaptionsWritable(languages.map((one) => captionPath(output, one, captions)));
  const bar = new ProgressBar(process.stderr);
  const log = createLogger({ level: "error", format: "text", fields: { component: "dub" } });
  const environment = {
    ...process.env,
    ...(values.ffmpegBin ? { FFMPEG_BIN: values.ffmpegBin } : {}),
    ...(values.cacheDir ? { LIVEDUB_CACHE_DIR: values.cacheDir } : {}),
  };
  const { path: ffmpegPath } = await resolveFfmpeg(environment, embeddedFfmpeg);
  const sidecar = openDubSidecar(configuredEndpoints(values), environment, log);
  try {
    const { report, clauses } = await dubThrough(sidecar, {
      ...{ options, values, ffmpegPath, input, output, bar, signal, environment, log },
    });
    if (options.report !== undefined) await writeReport(options.report, report);
    if (captions === undefined) return closingLines(report);
    const { sourceLanguage, targetLanguages } = values;
    const run = { output, format: captions, sourceLanguage, targetLanguages, clauses };
    return [closingLines(report), ...(await writeCaptions(run))].join("\n");
  } finally {
    bar.close();
    await sidecar.close();
  }
}

interface Job {
  readonly options: DubFileOptions;
  readonly values: Values;
  readonly ffmpegPath: string;
  readonly input: string;
  readonly output: string;
  readonly bar: ProgressBar;
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
}

/** What a file dub leaves to be written. */
interface DubResult {
  readonly report: DubReport;
  readonly clauses: readonly ClauseReport[];
}

async function dubThrough(sidecar: DubSidecar, job: Job): Promise<DubResult> {
  const { values, bar, signal } = job;
  const waiting = new SessionWait();
  const client = openFileClient(sidecar, values, waiting);
  client.start();
  const own = configuredEndpoints(values).length === 0;
  bar.say(own ? "starting the sidecar: its models are loading" : `sidecar ${client.endpoint}`);
  try {
    await waiting.ready(client, sidecar, readyWithinMs[own ? "own" : "configured"], signal);
    if (client.engine === "echo") bar.say("the sidecar runs its ECHO engine: nothing is dubbed");
    return await dubWith(client, job);
  } finally {
    client.close();
  }
}

async function dubWith(client: StsClient, job: Job): Promise<DubResult> {
  const { options, values } = job;
  const fragments: SettledFragment[] = [];
  const clauses: ClauseReport[] = [];
  const link = createMemoryLink();
  const bundle = openDubBundle({ ...job, say: (text) => job.bar.say(text) });
  const worker = new StreamWorker({
    workerId: "dub",
    link: link.worker,
    client,
    languages: values.targetLanguages,
    fragmentMs: values.fragmentMs,
    overlapMs: values.overlapMs,
    vad: await openDubGate(job.environment, job.bar),
    splitter: await openDubSplitter({
      ...{ values, engine: client.engine, environment: job.environment },
      say: (text) => job.bar.say(text),
    }),
    decode: answerDecoder(),
    clock: monotonicClock,
    onFragment: (fragment, media) => {
      fragments.push(fragment);
      bundle?.record(fragment, media);
      const clause = clauseOfFragment(fragment, mainLanguage(values));
      if (clause !== undefined && !client.clauses) clauses.push(clause);
    },
    onClause: (clause) => clauses.push(clause),
    onEvent: (level, code, message) => bundle?.event({ level, code, message }),
  });
  const startedAtMs = performance.now();
  try {
    worker.start();
    job.bar.begin();
    const progress = () => dubbedSoFar(worker, fragments);
    const result = await relayFile(link.relay, { progress, bundle }, job);
    await client.end(farewellMs);
    const { counters } = worker.status();
    const report = dubReport({
      names: {
        input: options.input,
        output: options.output,
        sourceLanguage: values.sourceLanguage,
        targetLanguage: mainLanguage(values),
        voice: values.voice,
        engine: client.engine,
      },
      fragments,
      clauseCounts: clauseCounts(counters),
      clauses: client.clauses ? clauses : [],
      durationMs: milliseconds(result.inputSamples),
      speechMs: counters["speech_ms"] ?? 0,
      wallMs: performance.now() - startedAtMs,
    });
    return { report, clauses };
  } catch (error) {
    bundle?.event({ level: "error", code: "dub-failed", message: (error as Error).message });
    throw error;
  } finally {
    await worker.close();
    await bundle?.close();
  }
}

/** Runs the relay's half; what it wrote of the stems goes with a run that failed. */
async function relayFile(
  link: RelayLink,
  { progress, bundle }: { progress: () => DubbedSoFar; bundle: RunBundle | undefined },
  job: Job,
): Promise<FileRelayResult> {
  const { options, values, bar, signal } = job;
  const stems = options.stems === undefined ? undefined : resolve(options.stems);
  const hadStems = stems !== undefined && existsSync(stems);
  try {
    return await runFileRelay({
      input: job.input,
      output: job.output,
      languages: values.targetLanguages,
      link,
      ffmpegPath: job.ffmpegPath,
      fallback: values.fallbackMode,
      gains: { bgGain: values.bgGain, dubGain: values.dubGain },
      withoutBed: values.withoutBed,
      overlapMs: values.overlapMs,
      tuning: mixTuningOf(values),
      ...(stems === undefined ? {} : { stems }),
      ...(bundle === undefined ? {} : { mayRead: () => bundle.room() }),
      signal,
      onProgress: (played, total) =>
        bar.update({
          doneMs: milliseconds(played),
          totalMs: total === undefined ? undefined : milliseconds(total),
          ...progress(),
        }),
    });
  } catch (error) {
    if (stems !== undefined) {
      const dubs = values.targetLanguages.map((language) => `dub-${language}.wav`);
      for (const name of [...dubs, "bed.wav"]) await rm(join(stems, name), { force: true });
      if (!hadStems) await rmdir(stems).catch(() => {}); // not there, or no longer ours alone
    }
    throw error;
  }
}

/** Counts clauses where there are any, else fragments. */
function dubbedSoFar(worker: StreamWorker, fragments: readonly SettledFragment[]): DubbedSoFar {
  const clauses = clauseCounts(worker.counters.snapshot());
  if (clauses !== undefined) return { unit: "clauses", ...clauses };
  const count = (...outcomes: SettledFragment["outcome"][]) =>
    fragments.filter(({ outcome }) => outcomes.includes(outcome)).length;
  return {
    unit: "fragments",
    dubbed: count("dubbed", "partial"),
    fallback: count("fallback"),
  };
}

function milliseconds(samples: number): number {
  return (samples * 1000) / streamSampleRateHz;
}

async function writeReport(path: string, report: DubReport): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
  } catch (error) {
    await rm(path, { force: true });
    throw new DubError(
      "output",
      `the report cannot be written: ${(error as Error).message}`,
      error,
    );
  }
}
