import { readFileSync } from "node:fs";
import { join } from "node:path";
import { words } from "../../../src/media/live-commands.ts";
import { NativeChild } from "../../../src/process/native-child.ts";
import { Pull, type PullEnd } from "../../../src/relay/pull.ts";
import { eventually } from "../../integration/serve/serve-process.ts";
import { BeepFinder, findJumps, makeFlashBeepClip } from "../../media/flash-beep.ts";
import { freePort } from "../../media/mediamtx.ts";
import { ffmpegPath, runFfmpeg } from "../../media/tools.ts";
import { ClockedRelay } from "../../media/clocked-relay.ts";

/** What a server that is done leaves unread by its client; so much more is sent than is judged. */
const unreadSeconds = 200;
const beepEverySeconds = 10;
/** Silence before the sound sets in, and the corrector's first second, are no discontinuities. */
const beginningSamples = 2 * 48_000;
const startMs = 1000;

export interface DriftFigures {
  readonly seconds: number;
  readonly discontinuities: number;
  /** How far the beeps are from their stamps, at most, against their median: whether the drift was followed. */
  readonly beepsOffMs: number;
  /** What they would be off by at the end if it were not. */
  readonly driftMs: number;
}

/** The clip that {@link driftFigures} wants. @param folder where it is put */
export function makeDriftClip(folder: string, seconds: number): Promise<string> {
  return makeFlashBeepClip({
    ...{ path: join(folder, "steady.flv"), seconds: seconds + unreadSeconds },
    ...{ framesPerSecond: 5, gopFrames: 10, size: "160x90", everySeconds: beepEverySeconds },
  });
}

/**
 * A source whose sound runs off its own stamps, pulled as the relay pulls but as fast as it goes, and played out by
 * a clock that is turned.
 *
 * @param clip a steady tone with beeps, longer than is judged
 */
export async function driftFigures(
  clip: string,
  ppm: number,
  seconds: number,
): Promise<DriftFigures> {
  const path = `${clip}.${ppm}.flv`;
  const stretch = 1 + ppm / 1e6;
  await runFfmpeg([
    ...["-v", "error", "-i", clip, "-c", "copy"],
    ...["-bsf:a", `setts=pts=PTS*${stretch}:dts=DTS*${stretch}`, path],
  ]);
  const out = new Int16Array(seconds * 96_000);
  const beeps = new BeepFinder();
  const relay = new ClockedRelay({
    video: () => {},
    sound: (startSample, pcm) => {
      if (2 * startSample < out.length)
        out.set(pcm.subarray(0, out.length - 2 * startSample), 2 * startSample);
      beeps.hear(startSample, pcm);
    },
  });
  const pulled = await pullInto(relay, path);
  if (pulled < out.length / 2) throw new Error(`only ${pulled} samples of the drifting clip came`);
  const jumps = findJumps(out.subarray(2 * beginningSamples));
  const heard = beeps.seconds.filter((second) => second < seconds);
  const off = heard.map((second) => {
    const beep = Math.round(second / stretch / beepEverySeconds) * beepEverySeconds;
    return 1000 * (second - beep * stretch);
  });
  const middle = off.toSorted((a, b) => a - b)[off.length >> 1] ?? Number.NaN;
  return {
    seconds: out.length / 96_000,
    discontinuities: jumps.length,
    beepsOffMs: Math.max(...off.map((one) => Math.abs(one - middle))),
    driftMs: Math.abs(ppm / 1000) * seconds,
  };
}

/**
 * Serves a file over RTMP to the relay's own pull; the time is that of the sound which has come.
 *
 * @returns the sound's end, in samples
 */
async function pullInto(relay: ClockedRelay, path: string): Promise<number> {
  const ffmpeg = await ffmpegPath();
  const port = await freePort();
  const url = `rtmp://127.0.0.1:${port}/live/drift/in`;
  await using _ = await NativeChild.start({
    name: "RTMP server",
    command: [
      ...[ffmpeg, ...words("-hide_banner -loglevel error -nostdin -i"), path],
      ...words("-c copy -f flv -flush_packets 0 -flvflags no_duration_filesize -listen 1"),
      url,
    ],
  });
  await eventually(() => isListening(port), 10_000, "the RTMP server listens");
  const ended = Promise.withResolvers<PullEnd>();
  let nowMs = startMs;
  await Pull.start(ffmpeg, url, "video+audio", {
    onVideo: (tag) => relay.video(tag, nowMs),
    onSound: (startSample, samples) => {
      nowMs = startMs + (startSample + samples.length / 2) / 48;
      relay.sound(startSample, samples, nowMs);
      relay.tick(nowMs);
    },
    onEnd: (end) => ended.resolve(end),
  });
  const end = await ended.promise;
  if (end.kind !== "ended") throw new Error(`the pull: ${JSON.stringify(end)}`);
  return (nowMs - startMs) * 48;
}

/** A connection to see whether it listens would be the one client that it serves. */
function isListening(port: number): boolean {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`;
  return readFileSync("/proc/net/tcp", "utf8").includes(local);
}
