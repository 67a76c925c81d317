import { afterEach, expect, test } from "bun:test";
import { floatToPcm16 } from "../../../src/audio/pcm.ts";
import { blockSamples } from "../../../src/relay/block-mixer.ts";
import { LanguageChannel } from "../../../src/relay/language-channel.ts";
import type { WorkerToRelay } from "../../../src/protocol/relay-worker.ts";
import type { ReceivedFragment } from "../sts-client/scripted-sidecar.ts";
import { binary, closeAll, dubOf, real, second, startWorker } from "./running-worker.ts";
import { buzz } from "./sound-of-speech.ts";

afterEach(closeAll);

const dubRateHz = 24_000;
const toneHz = 1000;
const speech = buzz([
  { seconds: 1, speaks: false },
  { seconds: 7, speaks: true },
  { seconds: 2, speaks: false },
]);

/** The same sound at the same time, whichever fragment it is asked for. */
const sameTone = (seconds: number) => 0.25 * Math.sin(2 * Math.PI * toneHz * seconds);

/** Noise that is another for each fragment, the same at every run. */
function noise(seed: number): () => number {
  let state = 1 + seed * 7919;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 0.5 * (state / 2 ** 31 - 1);
  };
}

/** A dub exactly as long as its fragment. */
function answer(one: ReceivedFragment, sound: (seconds: number) => number) {
  const { duration_ms } = one.audio;
  const samples = Float32Array.from({ length: (duration_ms * dubRateHz) / 1000 }, (_, n) =>
    sound(one.metadata.pts_ns / 1e9 + n / dubRateHz),
  );
  const format = { format: "pcm_s16le", sample_rate_hz: dubRateHz, channels: 1, duration_ms };
  return dubOf(one, 1, { dubbed_audio: { ...format, data: Buffer.from(floatToPcm16(samples)) } });
}

/** What a relay plays of all that a worker sent, over an original without sound; mono, −1..1. */
function played(sent: readonly WorkerToRelay[], samples: number): Float32Array {
  const channel = new LanguageChannel({
    language: "pt",
    settings: {
      ...{ fallback: "original", withoutBed: "duck", bgGain: 1, dubGain: 1 },
      tuning: {
        ...{ bedDuckDb: -6, originalDuckDb: -12, duckAttackMs: 50, duckHoldMs: 1000 },
        ...{ duckReleaseMs: 400, levelDub: false },
      },
    },
    maxAheadSamples: samples,
    onApplied: () => {},
  });
  for (const message of sent)
    if (message.type === "audio" || message.type === "region") channel.receive(message);
  const silence = new Int16Array(2 * blockSamples);
  const blocks = Array.from(
    { length: samples / blockSamples },
    (_, n) => channel.mixBlock(n * blockSamples, silence).sound,
  );
  return Float32Array.from({ length: samples }, (_, n) => {
    const block = blocks[Math.floor(n / blockSamples)]!;
    return block[2 * (n % blockSamples)]! / 32_768;
  });
}

function levelDb(sound: Float32Array, fromSample: number, toSample: number): number {
  const part = sound.subarray(fromSample, toSample);
  return 10 * Math.log10(part.reduce((sum, one) => sum + one * one, 0) / part.length + 1e-12);
}

async function dubbed(
  pacing: "live" | "file",
  overlapMs: number,
  sound: (one: ReceivedFragment) => (seconds: number) => number,
) {
  const run = await startWorker(
    {
      ...real,
      ...binary,
      maxInflight: 10, // all of the sound comes at once
      onFragment: (socket, one) => socket.emit("fragment:processed", answer(one, sound(one))),
    },
    { pacing, fragmentMs: 1500, overlapMs },
  );
  const end = run.hear(speech);
  await run.finish(end);
  const { fragments, server } = run;
  expect(fragments.map(({ outcome }) => outcome)).toEqual(fragments.map(() => "dubbed"));
  // Of the sound that was sent twice each pair of neighbours holds the same.
  const joins = fragments.slice(1).map(({ startSample }) => startSample);
  for (const [index, at] of joins.entries())
    expect(fragments[index]!.endSample - at).toBe(overlapMs * 48);
  for (const [index, { metadata }] of server.fragments.entries())
    expect(metadata.pts_ns / 1e9).toBeCloseTo(fragments[index]!.startSample / second, 6);
  expect(joins.length).toBeGreaterThanOrEqual(4);
  const sounds = { from: fragments[0]!.startSample, to: fragments.at(-1)!.endSample };
  return { output: played(run.link.sent, end), joins, sounds };
}

const pacings = ["live", "file"] as const;

test.each(pacings.flatMap((pacing) => [50, 200].map((ms) => [pacing, ms] as const)))(
  "%s, %i ms: fragments dubbed alike are heard as one sound: nothing twice, nothing lost, no click",
  async (pacing, overlapMs) => {
    const { output, joins, sounds } = await dubbed(pacing, overlapMs, () => sameTone);
    let difference = 0;
    for (let n = sounds.from + second / 10; n < sounds.to - second / 10; n++)
      difference = Math.max(difference, Math.abs(output[n]! - sameTone(n / second)));
    expect(difference).toBeLessThan(0.25 * 0.03);
    for (const at of joins)
      for (let from = at - 4800; from < at + overlapMs * 48 + 4800; from += 960)
        expect(
          Math.abs(
            levelDb(output, from, from + 960) - levelDb(output, at - second / 2, at - second / 4),
          ),
        ).toBeLessThan(0.5);
    expect(levelDb(output, 0, sounds.from)).toBeLessThan(-80);
    expect(levelDb(output, sounds.to, output.length)).toBeLessThan(-80);
  },
);

test.each(pacings)(
  "%s: fragments dubbed unlike keep their level while one takes over from the other",
  async (pacing) => {
    const { output, joins } = await dubbed(pacing, 200, ({ sequence_number }) =>
      noise(sequence_number),
    );
    const usual = levelDb(output, joins[0]! - second / 2, joins.at(-1)! + second / 2);
    for (const at of joins) {
      const middle = levelDb(output, at + 50 * 48, at + 150 * 48);
      expect(Math.abs(middle - usual)).toBeLessThan(0.5);
      expect(Math.abs(levelDb(output, at, at + 200 * 48) - usual)).toBeLessThan(0.5);
    }
  },
);
