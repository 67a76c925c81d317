import { beforeAll, expect, test } from "bun:test";
import type { DetectorState } from "../../../gpu/inference/stages.ts";
import { realEngine } from "../../support/real-engine.ts";
import { fixtureSound, whiteNoise } from "./sounds.ts";

const frameSamples = 512;
let engine: Awaited<ReturnType<typeof realEngine>>;

beforeAll(async () => {
  engine = await realEngine();
}, 90_000);

function detector() {
  return engine.health().children.find(({ task }) => task === "detect");
}

function wholeFrames(samples: Float32Array): Float32Array {
  return samples.slice(0, samples.length - (samples.length % frameSamples));
}

function shareAbove(probabilities: Float32Array, least: number): number {
  return probabilities.filter((value) => value >= least).length / probabilities.length;
}

test("speech is heard as speech, music, noise and silence are not", async () => {
  const of = async (samples: Float32Array) =>
    shareAbove((await engine.detect({ samples: wholeFrames(samples) })).probabilities, 0.5);
  expect(await of(await fixtureSound("speech/LJ001-0004.flac"))).toBeGreaterThan(0.8);
  expect(await of(await fixtureSound("music.ogg", 20))).toBeLessThan(0.02);
  expect(await of(whiteNoise(5, 0.1))).toBe(0);
  expect(await of(new Float32Array(5 * 16_000))).toBe(0);
});

test("state carried over calls of any length gives what one long call gives, bit for bit", async () => {
  const samples = wholeFrames(await fixtureSound("speech/jfk.flac"));
  const whole = await engine.detect({ samples });
  const pieces: number[] = [];
  let state: DetectorState | undefined;
  for (let at = 0, frames = 1; at < samples.length; frames = (frames * 2) % 23) {
    const piece = samples.subarray(at, at + frames * frameSamples);
    const result = await engine.detect({ samples: piece, ...(state && { state }) });
    pieces.push(...result.probabilities);
    state = result.state;
    at += piece.length;
  }
  expect(pieces).toEqual([...whole.probabilities]);
  expect(state).toEqual(whole.state);
});

test("a detector that was killed loses nothing: its successor goes on from the state", async () => {
  const samples = wholeFrames(await fixtureSound("speech/LJ001-0008.flac"));
  const half = Math.floor(samples.length / frameSamples / 2) * frameSamples;
  const whole = await engine.detect({ samples });
  const before = await engine.detect({ samples: samples.subarray(0, half) });
  const child = detector();
  process.kill(child?.pid ?? -1, "SIGKILL");
  const lost = engine.detect({ samples: samples.subarray(half), state: before.state });
  await lost.catch(() => {}); // answered before or after the death was seen
  const after = await engine.detect({ samples: samples.subarray(half), state: before.state });
  expect([...before.probabilities, ...after.probabilities]).toEqual([...whole.probabilities]);
  expect(detector()?.pid).not.toBe(child?.pid);
});

test("what is no number counts as silence and does not stay in the state", async () => {
  const broken = new Float32Array(4 * frameSamples).fill(Number.NaN);
  const { probabilities, state } = await engine.detect({ samples: broken });
  expect(probabilities.every((value) => value >= 0 && value < 0.5)).toBe(true);
  expect(state.hidden.every((value) => Number.isFinite(value))).toBe(true);
});

test("samples that are no whole frames are refused, and so is a state of another size", async () => {
  const short = engine.detect({ samples: new Float32Array(500) });
  await expect(short).rejects.toMatchObject({ code: "MODEL_ERROR", retryable: false });
  await expect(short).rejects.toThrow(/not a multiple of 512 samples/);
  const state = { hidden: new Float32Array(3), context: new Float32Array(64) };
  const odd = engine.detect({ samples: new Float32Array(512), state });
  await expect(odd).rejects.toThrow(/not 256 values/);
});
