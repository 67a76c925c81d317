import { existsSync } from "node:fs";
import { defineCommand } from "citty";
import { resolveFfmpeg } from "../media/ffmpeg-binary.ts";
import { embeddedFfmpeg } from "../media/embedded.ts";
import type { StreamView } from "../orchestrator/stream-view.ts";
import { describeExit } from "../process/exit.ts";
import type { NativeChild } from "../process/native-child.ts";
import { DemoAppliance, DemoError } from "./demo-appliance.ts";
import { publishClip, recordOutput } from "./demo-feed.ts";
import { sidecarLine, statusLine, textLines } from "./demo-lines.ts";

const streamId = "demo";
/** Models on two busy cores are ready within this; the feed starts without them after it. */
const sidecarWithinMs = 120_000;
/** Playout delay (30 s at most) plus the media server's analysis and one long GOP. */
const outWithinMs = 60_000;
const exitCode = { ok: 0, failed: 1, usage: 2 } as const;

interface DemoOptions {
  readonly clip: string;
  readonly target: string;
  readonly seconds: number | undefined;
  readonly record: string | undefined;
}

/** `livedub demo`: the whole main job on one machine, with a clip in place of an encoder. */
export const demoCommand = defineCommand({
  meta: { name: "demo", description: "Publish a clip, dub it live, and show how it goes" },
  args: {
    clip: { type: "string", description: "Clip to publish (H.264 and AAC)", required: true },
    target: { type: "string", description: "Language to dub into", default: "pt" },
    seconds: { type: "string", description: "Stop after this many seconds of output" },
    record: { type: "string", description: "Also write the output to this file" },
  },
  run: async ({ args }) => {
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.on(signal, () => stop.abort(signal));
    try {
      await runDemo(checkOptions(args), stop.signal);
      process.exit(exitCode.ok);
    } catch (error) {
      if (stop.signal.aborted) process.exit(exitCode.ok);
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(error instanceof RangeError ? exitCode.usage : exitCode.failed);
    }
  },
});

function checkOptions(args: {
  clip: string;
  target: string;
  seconds?: string | undefined;
  record?: string | undefined;
}): DemoOptions {
  if (!existsSync(args.clip)) throw new RangeError(`--clip ${args.clip}: there is no such file`);
  const seconds = args.seconds === undefined ? undefined : Number(args.seconds);
  if (seconds !== undefined && !(Number.isFinite(seconds) && seconds > 0))
    throw new RangeError(`--seconds ${args.seconds}: must be a number above 0`);
  if (args.record !== undefined && !/\.(flv|mp4|mkv|ts|mov)$/.test(args.record))
    throw new RangeError(`--record ${args.record}: must end in .flv, .mp4, .mkv, .mov or .ts`);
  return { clip: args.clip, target: args.target, seconds, record: args.record };
}

async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<void> {
  const ffmpeg = (await resolveFfmpeg(process.env, embeddedFfmpeg)).path;
  say("starting livedub serve");
  await using appliance = await DemoAppliance.start(process.env, options.target);
  say(`status page  ${appliance.statusPage}`);
  await warmUp(appliance, signal);
  const url = `${appliance.publishUrl(streamId)}?lang=${encodeURIComponent(options.target)}`;
  await using encoder = await publishClip(ffmpeg, options.clip, url);
  say(`publishing ${options.clip}`);
  const stream = await firstOutput(appliance, encoder, signal);
  say(`watch  ${stream.watch.rtmp}`);
  say(`watch  ${stream.watch.hls}`);
  const recorder = options.record
    ? await recordOutput(ffmpeg, stream.watch.rtmp, options.record)
    : undefined;
  try {
    await watch(appliance, encoder, options, signal);
  } finally {
    await recorder?.stop();
  }
  if (options.record) say(`recorded ${options.record}`);
}

/** The models load while nothing is lost: the clip starts when somebody can dub it. */
async function warmUp(appliance: DemoAppliance, signal: AbortSignal): Promise<void> {
  let shown = "";
  const tell = (line: string) => {
    if (line !== shown) say(line);
    shown = line;
  };
  await appliance.until(
    (view) => {
      tell(sidecarLine(view.sidecars[0]));
      return view.sidecars.some((sidecar) => sidecar.state === "ready");
    },
    sidecarWithinMs,
    "bring its sidecar up",
    signal,
  );
}

async function firstOutput(
  appliance: DemoAppliance,
  encoder: NativeChild,
  signal: AbortSignal,
): Promise<StreamView> {
  const view = await appliance.until(
    (one) => {
      const refused = one.refusals[0];
      if (refused) throw new DemoError(refused.message);
      failIfEnded(encoder);
      return one.streams.some((stream) => stream.streamId === streamId && stream.outAvailable);
    },
    outWithinMs,
    "give output",
    signal,
  );
  return view.streams.find((stream) => stream.streamId === streamId) as StreamView;
}

async function watch(
  appliance: DemoAppliance,
  encoder: NativeChild,
  options: DemoOptions,
  signal: AbortSignal,
): Promise<void> {
  const endAt =
    options.seconds === undefined ? Infinity : performance.now() + options.seconds * 1000;
  let text: string | undefined;
  const stopped = aborted(signal);
  while (performance.now() < endAt && !signal.aborted) {
    failIfEnded(encoder);
    const view = await appliance.view();
    const stream = view?.streams.find((one) => one.streamId === streamId);
    if (stream) {
      say(statusLine(stream));
      const news = textLines(stream, text);
      if (news !== undefined) say((text = news));
    }
    await Promise.race([Bun.sleep(Math.min(1000, endAt - performance.now())), stopped]);
  }
}

function failIfEnded(encoder: NativeChild): void {
  if (encoder.exit)
    throw new DemoError(`the encoder ended (${describeExit(encoder.exit)})\n${encoder.lastStderr}`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
