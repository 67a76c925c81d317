import { expect, test } from "bun:test";
import fc from "fast-check";
import type { RelayToWorker, WorkerToRelay } from "../../../src/protocol/relay-worker.ts";
import {
  encodeFrame,
  maxFrameBytes,
  RelayWorkerCodecError,
  relayToWorkerDecoder,
  workerToRelayDecoder,
  type FrameDecoder,
} from "../../../src/protocol/relay-worker-codec.ts";

const position = fc.nat({ max: 2 ** 40 });
const bytes = (multiple: number) =>
  fc
    .nat({ max: 300 })
    .chain((n) => fc.uint8Array({ minLength: n * multiple, maxLength: n * multiple }));

const relayMessage: fc.Arbitrary<RelayToWorker> = fc.oneof(
  fc.record({
    type: fc.constant("pcm" as const),
    startSample: position,
    airsInMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
    pcm: bytes(4),
  }),
  fc.record({
    type: fc.constant("applied" as const),
    language: fc.string({ maxLength: 12 }),
    startSample: position,
    late: fc.boolean(),
  }),
  fc.constant({ type: "heartbeat" as const }),
  fc.record({ type: fc.constant("end" as const), atSample: position }),
);

const workerMessage: fc.Arbitrary<WorkerToRelay> = fc.oneof(
  fc.record({
    type: fc.constant("audio" as const),
    startSample: position,
    language: fc.string({ unit: "grapheme", maxLength: 8 }),
    pcm: bytes(2),
    crossfadeSamples: fc.option(fc.integer({ min: 1, max: 9600 }), { nil: undefined }),
  }),
  fc.record({
    type: fc.constant("region" as const),
    language: fc.constant("pt"),
    startSample: position,
    endSample: position,
    kind: fc.constantFrom("original", "dub", "replace", "fallback"),
    fragmentId: fc.string(),
  }),
  fc.constant({ type: "done" as const }),
);

function inPieces<M>(decoder: FrameDecoder<M>, stream: Uint8Array, cuts: number[]): M[] {
  const edges = [
    0,
    ...cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b),
    stream.length,
  ];
  const messages: M[] = [];
  for (let i = 1; i < edges.length; i++) {
    messages.push(...decoder.push(stream.slice(edges[i - 1], edges[i])));
  }
  return messages;
}

test("what a relay sends arrives the same, however the stream is cut", () => {
  fc.assert(
    fc.property(fc.array(relayMessage), fc.array(fc.nat()), (messages, cuts) => {
      const stream = Buffer.concat(messages.map(encodeFrame));
      expect(inPieces(relayToWorkerDecoder(), stream, cuts)).toEqual(messages);
    }),
  );
});

test("what a worker sends arrives the same, however the stream is cut", () => {
  fc.assert(
    fc.property(fc.array(workerMessage), fc.array(fc.nat()), (messages, cuts) => {
      const stream = Buffer.concat(messages.map(encodeFrame));
      expect(inPieces(workerToRelayDecoder(), stream, cuts)).toEqual(messages);
    }),
  );
});

test("rubbish is refused by name and never kept in memory", () => {
  const refusals: [string, Uint8Array][] = [
    ["a length over the limit", new Uint8Array([0xff, 0xff, 0xff, 0x7f, 1])],
    ["a length of zero", new Uint8Array([0, 0, 0, 0, 1])],
    ["an unknown kind", new Uint8Array([1, 0, 0, 0, 9])],
    ["no JSON", new Uint8Array([2, 0, 0, 0, 1, 0x7b])],
    [
      "a message out of schema",
      encodeFrame({ type: "heartbeat", extra: 1 } as never).map((b) => (b === 0x68 ? 0x78 : b)),
    ],
    [
      "PCM towards the relay",
      encodeFrame({ type: "pcm", startSample: 0, airsInMs: 0, pcm: new Uint8Array(4) }),
    ],
    [
      "half a sample",
      encodeFrame({ type: "audio", language: "pt", startSample: 0, pcm: new Uint8Array(3) }),
    ],
    [
      "a negative position",
      encodeFrame({ type: "audio", language: "pt", startSample: -1, pcm: new Uint8Array(2) }),
    ],
  ];
  for (const [, frame] of refusals) {
    expect(() => workerToRelayDecoder().push(frame)).toThrow(RelayWorkerCodecError);
  }
  expect(() =>
    encodeFrame({
      type: "audio",
      language: "pt",
      startSample: 0,
      pcm: new Uint8Array(maxFrameBytes),
    }),
  ).toThrow(RelayWorkerCodecError);
});
