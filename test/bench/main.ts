/**
 * Micro-benchmarks of the kernels that run for every block of every stream: `bun run bench`. Each does
 * one second of stream time, so 1 ms means 0.1 % of a core a stream.
 */
import { bench, boxplot, run, summary } from "mitata";
import { LogMel } from "../../gpu/models/whisper/log-mel.ts";
import { stretchTempo } from "../../gpu/pipeline/time-stretch.ts";
import { Fft } from "../../src/audio/fft.ts";
import { TruePeakLimiter } from "../../src/audio/limiter.ts";
import { KWeighting } from "../../src/audio/loudness.ts";
import { stereoPcm16ToMono } from "../../src/audio/pcm.ts";
import { StreamResampler } from "../../src/audio/resample.ts";
import { FlvParser, flvHeader, flvTagBytes, flvTagType } from "../../src/media/flv.ts";
import { encodeFrame, relayToWorkerDecoder } from "../../src/protocol/relay-worker-codec.ts";
import { blockSamples, BlockMixer } from "../../src/relay/block-mixer.ts";

const rateHz = 48_000;
const blocksPerSecond = rateHz / blockSamples;

const tone = (samples: number, rate: number) =>
  Float32Array.from({ length: samples }, (_, n) => 0.3 * Math.sin((2 * Math.PI * 440 * n) / rate));
const mono = tone(rateHz, rateHz);
const stereo = Int16Array.from({ length: 2 * rateHz }, (_, n) => 9000 * (mono[n >> 1] as number));
const stereoBytes = new Uint8Array(stereo.buffer);
const block = stereo.subarray(0, 2 * blockSamples);
const dubBlock = tone(blockSamples, rateHz).map((sample) => sample * 32_768);
const speech16k = tone(16_000, 16_000);
const speech24k = tone(24_000, 24_000);

/** A second of 30 pictures at 4 Mbit/s, as the pull delivers it. */
const flvSecond = Buffer.concat([
  flvHeader({ video: true, audio: false }),
  ...Array.from({ length: 30 }, (_, n) =>
    flvTagBytes(flvTagType.video, n * 33, new Uint8Array(16_384)),
  ),
]);

const mixSettings = { fallback: "original", withoutBed: "duck", bgGain: 1, dubGain: 1 } as const;

function mixSecond(kind: "original" | "dub"): void {
  const mixer = new BlockMixer({ ...mixSettings });
  for (let n = 0; n < blocksPerSecond; n++)
    mixer.mix({
      original: block,
      dub: kind === "dub" ? dubBlock : undefined,
      dubCoverage: kind === "dub" ? 1 : 0,
      kind,
      dubSoon: false,
    });
}

boxplot(() => {
  summary(() => {
    bench("mix 1 s, original passes", () => mixSecond("original"));
    bench("mix 1 s, dub over the ducked original", () => mixSecond("dub"));
  });
  bench("true-peak limiter, 1 s of stereo at full scale", () => {
    const limiter = new TruePeakLimiter(blockSamples, 0.2 * 32_768);
    for (let n = 0; n < blocksPerSecond; n++) limiter.push(block);
  });
  bench("K-weighting, 1 s of stereo", () => {
    for (const channel of [0, 1]) new KWeighting().power(stereo, 2, channel, 32_768);
  });
  const fft = new Fft(960);
  const re = new Float64Array(960);
  const im = new Float64Array(960);
  bench("FFT of 960, 100 a second and channel", () => {
    for (let n = 0; n < 100; n++) fft.forward(re.fill(n), im.fill(0));
  });
  bench("stereo s16le to mono, 1 s", () => stereoPcm16ToMono(stereoBytes));
  bench("resample 48 to 16 kHz, 1 s", () => new StreamResampler(rateHz, 16_000).push(mono));
  bench("resample 24 to 48 kHz, 1 s", () => new StreamResampler(24_000, rateHz).push(speech24k));
  bench("parse FLV, 1 s of 4 Mbit/s", () => new FlvParser().push(flvSecond));
  bench("relay to worker and back into messages, 1 s", () => {
    const decoder = relayToWorkerDecoder();
    const message = { type: "pcm", startSample: 0, airsInMs: 0, pcm: stereoBytes } as const;
    return decoder.push(encodeFrame(message));
  });
  const mel = new LogMel(80);
  bench("log-mel, 1 s", () => mel.compute(speech16k, 100));
  bench("stretch speech to tempo 1.15, 1 s", () => stretchTempo(speech24k, 24_000, 1.15));
});

await run();
