import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { DubTrack } from "../../../src/worker/dub-track.ts";
import { Fragmenter } from "../../../src/worker/fragmenter.ts";
import { FragmentJudge } from "../../../src/worker/fragment-judge.ts";
import { fragmentLimits } from "../../../src/worker/fragment-length.ts";
import { HandClock } from "../sts/hand-clock.ts";
import { PuppetTransport } from "../sts/puppet-transport.ts";
import { startClient } from "../sts/started-client.ts";
import { RecordingLink } from "./recording-link.ts";

const frameSamples = 1536; // 32 ms
const playoutDelayMs = 6000;
const legFrames = 60_000; // over half an hour
/** Between legs all is left to settle. */
const restMs = 20_000;
/** Speech for 4 s, a pause of 1 s. */
const isSpeech = (frame: number) => frame % 156 < 125;

/**
 * The worker's path from the gate to the relay's link over two hours of its own clock, with a sidecar that
 * answers most fragments, some too late and some never.
 */
test("hours of speech: every fragment is settled once, and nothing grows", async () => {
  using clock = new HandClock();
  const transport = new PuppetTransport();
  const client = startClient(clock, transport, { breakerThreshold: 1000 });
  transport.open(8);
  const link = new RecordingLink();
  const track = new DubTrack(link, "pt", false);
  const spoken = new Int16Array(3 * 48_000).fill(4000);
  const judge = new FragmentJudge(
    () => Promise.resolve(spoken),
    () => null,
  );
  const fragmenter = new Fragmenter(fragmentLimits("live", playoutDelayMs), 0);
  const told = { fragments: 0, placed: 0, kinds: {} as Record<string, number>, settledTo: 0 };
  let answered = 0;
  let frame = 0;
  let restedMs = 0;

  const dub = async (startSample: number, endSample: number) => {
    const fragmentId = `f${told.fragments++}`;
    const outgoing = {
      fragmentId,
      startSample,
      endSample,
      durationMs: (endSample - startSample) / 48,
      pcm: () => new Uint8Array(2),
      airsAtMs: startSample / 48 + restedMs + playoutDelayMs,
    };
    const settle = track.reserve({ startSample, endSample, fragmentId });
    const { settlement } = await judge.judge(outgoing, await client.submit(outgoing));
    settle(settlement, (placement) => {
      told.placed += 1;
      told.kinds[placement.kind] = (told.kinds[placement.kind] ?? 0) + 1;
      if (placement.kind === "dub") client.applied(fragmentId);
    });
  };
  const answerAll = () => {
    for (const { wireId } of transport.sent.splice(0)) {
      answered += 1;
      const delayMs = answered % 11 === 0 ? 6500 : 600;
      if (answered % 7 === 0) continue; // never: the timeout takes it
      clock.after(delayMs, () => {
        transport.sent.unshift({ wireId, fragment: undefined as never });
        transport.answer(0, { transcript: "a", translatedText: "b" });
        transport.sent.shift();
      });
    }
  };
  const leg = async () => {
    for (const end = frame + legFrames; frame < end; frame++) {
      const heard = {
        endSample: (frame + 1) * frameSamples,
        speaking: isSpeech(frame),
        speechFrom: frame % 156 === 0 ? frame * frameSamples : undefined,
        quiet: frame % 40 < 3,
        energy: 0.1,
      };
      for (const stretch of fragmenter.push(heard)) {
        if (stretch.speech) void dub(stretch.startSample, stretch.endSample);
        else track.reserve(stretch)({ kind: "original" });
      }
      answerAll();
      if (frame % 10 === 9) await clock.advance(320);
    }
    await clock.advance(restMs);
    restedMs += restMs;
    expect(track.pending).toBe(0);
    for (const message of link.sent.splice(0)) {
      if (message.type !== "region") continue;
      expect(message.startSample).toBe(told.settledTo);
      told.settledTo = message.endSample;
    }
    transport.acks.splice(0);
    Bun.gc(true);
    return { ...heapStats(), counters: client.counters.snapshot() };
  };

  await leg();
  const first = await leg();
  await leg();
  const last = await leg();
  expect(last.objectCount - first.objectCount).toBeLessThan(1000);
  expect(last.heapSize - first.heapSize).toBeLessThan(512 * 1024);
  expect(told.placed).toBe(told.fragments);
  expect(told.settledTo).toBe(fragmenter.openFrom);
  expect(client.inflight).toBe(0);
  client.close();
}, 60_000);
