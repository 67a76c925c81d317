import { z } from "zod";
import {
  appliedMessage,
  bedStretchMessage,
  heartbeatMessage,
  inputEndMessage,
  regionMessage,
  relayHello,
  workerDoneMessage,
  workerHello,
  type AudioMessage,
  type BedMessage,
  type PcmMessage,
  type RelayToWorker,
  type WorkerToRelay,
} from "./relay-worker.ts";

/**
 * How the messages of `relay-worker.ts` travel over a byte stream. One frame is
 *
 *     u32 length of what follows · u8 kind · body          (all numbers little-endian)
 *     kind 1   body = JSON in UTF-8, one of the plain messages
 *     kind 2   body = f64 startSample · f64 airsInMs · stereo s16le PCM
 *     kind 3   body = f64 startSample · u32 crossfadeSamples · u8 length of the language tag · tag · mono s16le PCM
 *     kind 4   body = f64 startSample · stereo s16le PCM of the bed
 */
const frameKind = { json: 1, pcm: 2, audio: 3, bed: 4 } as const;

/** The longest frame either side accepts: 40 s of stereo, 80 s of mono. */
export const maxFrameBytes = 8 * 1024 * 1024;

const lengthBytes = 4;
const pcmHeadBytes = 16;
const audioHeadBytes = 13;
const bedHeadBytes = 8;

const plainRelayToWorker = z.discriminatedUnion("type", [
  relayHello,
  appliedMessage,
  heartbeatMessage,
  inputEndMessage,
]);
const plainWorkerToRelay = z.discriminatedUnion("type", [
  workerHello,
  regionMessage,
  bedStretchMessage,
  heartbeatMessage,
  workerDoneMessage,
]);

/** A peer that does not speak this protocol; the connection is of no more use. */
export class RelayWorkerCodecError extends Error {
  override readonly name = "RelayWorkerCodecError";
}

/**
 * One message as one frame.
 * @throws {RelayWorkerCodecError} when it would be longer than {@link maxFrameBytes}
 */
export function encodeFrame(message: RelayToWorker | WorkerToRelay): Uint8Array {
  if (message.type === "pcm") return encodePcm(message);
  if (message.type === "audio") return encodeAudio(message);
  if (message.type === "bed") return encodeBed(message);
  const json = new TextEncoder().encode(JSON.stringify(message));
  const { frame } = newFrame(frameKind.json, json.length);
  frame.set(json, lengthBytes + 1);
  return frame;
}

/** Reassembles the frames that a worker receives, however the stream was cut. */
export function relayToWorkerDecoder(): FrameDecoder<RelayToWorker> {
  return new FrameDecoder((kind, body) => {
    if (kind === frameKind.pcm) return decodePcm(body);
    return parsePlain(kind, body, plainRelayToWorker);
  });
}

/** Reassembles the frames that a relay receives, however the stream was cut. */
export function workerToRelayDecoder(): FrameDecoder<WorkerToRelay> {
  return new FrameDecoder((kind, body) => {
    if (kind === frameKind.audio) return decodeAudio(body);
    if (kind === frameKind.bed) return decodeBed(body);
    return parsePlain(kind, body, plainWorkerToRelay);
  });
}

/** Cuts a byte stream into messages; holds at most one unfinished frame. */
export class FrameDecoder<Message> {
  #pending: Uint8Array = new Uint8Array(0);

  constructor(private readonly decode: (kind: number, body: Uint8Array) => Message) {}

  /**
   * Takes the next bytes and returns the messages that are whole by now.
   * @throws {RelayWorkerCodecError} on a frame that is too long, of unknown kind or malformed
   */
  push(chunk: Uint8Array): Message[] {
    const bytes = this.#pending.length === 0 ? chunk : joined(this.#pending, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const messages: Message[] = [];
    let at = 0;
    while (bytes.length - at >= lengthBytes) {
      const length = view.getUint32(at, true);
      if (length < 1 || length > maxFrameBytes) {
        throw new RelayWorkerCodecError(`a frame of ${length} bytes, at most ${maxFrameBytes}`);
      }
      const end = at + lengthBytes + length;
      if (end > bytes.length) break;
      const kind = view.getUint8(at + lengthBytes);
      messages.push(this.decode(kind, bytes.subarray(at + lengthBytes + 1, end)));
      at = end;
    }
    // A copy, so that the socket's own buffer may be reused.
    this.#pending = new Uint8Array(bytes.subarray(at));
    return messages;
  }
}

function encodePcm(message: PcmMessage): Uint8Array {
  const { frame, view } = newFrame(frameKind.pcm, pcmHeadBytes + message.pcm.length);
  view.setFloat64(0, message.startSample, true);
  view.setFloat64(8, message.airsInMs, true);
  frame.set(message.pcm, lengthBytes + 1 + pcmHeadBytes);
  return frame;
}

function decodePcm(body: Uint8Array): PcmMessage {
  const view = headOf(body, pcmHeadBytes);
  return {
    type: "pcm",
    startSample: samplePosition(view.getFloat64(0, true)),
    airsInMs: view.getFloat64(8, true),
    pcm: wholeSamples(new Uint8Array(body.subarray(pcmHeadBytes)), 4),
  };
}

function encodeAudio(message: AudioMessage): Uint8Array {
  const language = new TextEncoder().encode(message.language);
  if (language.length > 255) throw new RelayWorkerCodecError("a language tag over 255 bytes");
  const headBytes = audioHeadBytes + language.length;
  const { frame, view } = newFrame(frameKind.audio, headBytes + message.pcm.length);
  view.setFloat64(0, message.startSample, true);
  view.setUint32(8, message.crossfadeSamples ?? 0, true);
  view.setUint8(12, language.length);
  frame.set(language, lengthBytes + 1 + audioHeadBytes);
  frame.set(message.pcm, lengthBytes + 1 + headBytes);
  return frame;
}

function decodeAudio(body: Uint8Array): AudioMessage {
  const view = headOf(body, audioHeadBytes);
  const crossfadeSamples = view.getUint32(8, true);
  const headBytes = audioHeadBytes + view.getUint8(12);
  headOf(body, headBytes);
  return {
    type: "audio",
    startSample: samplePosition(view.getFloat64(0, true)),
    language: new TextDecoder().decode(body.subarray(audioHeadBytes, headBytes)),
    pcm: wholeSamples(new Uint8Array(body.subarray(headBytes)), 2),
    ...(crossfadeSamples === 0 ? {} : { crossfadeSamples }),
  };
}

function encodeBed(message: BedMessage): Uint8Array {
  const { frame, view } = newFrame(frameKind.bed, bedHeadBytes + message.pcm.length);
  view.setFloat64(0, message.startSample, true);
  frame.set(message.pcm, lengthBytes + 1 + bedHeadBytes);
  return frame;
}

function decodeBed(body: Uint8Array): BedMessage {
  const view = headOf(body, bedHeadBytes);
  return {
    type: "bed",
    startSample: samplePosition(view.getFloat64(0, true)),
    pcm: wholeSamples(new Uint8Array(body.subarray(bedHeadBytes)), 4),
  };
}

function parsePlain<Message>(kind: number, body: Uint8Array, schema: z.ZodType<Message>): Message {
  if (kind !== frameKind.json) throw new RelayWorkerCodecError(`a frame of kind ${kind}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new RelayWorkerCodecError("a message that is no JSON");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    throw new RelayWorkerCodecError(`a message out of schema: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}

/** An empty frame of the right length; `view` begins at its body. */
function newFrame(kind: number, bodyBytes: number): { frame: Uint8Array; view: DataView } {
  if (bodyBytes + 1 > maxFrameBytes) {
    throw new RelayWorkerCodecError(`a frame of ${bodyBytes + 1} bytes, at most ${maxFrameBytes}`);
  }
  const frame = new Uint8Array(lengthBytes + 1 + bodyBytes);
  const head = new DataView(frame.buffer);
  head.setUint32(0, bodyBytes + 1, true);
  head.setUint8(lengthBytes, kind);
  return { frame, view: new DataView(frame.buffer, lengthBytes + 1) };
}

function headOf(body: Uint8Array, bytes: number): DataView {
  if (body.length < bytes) throw new RelayWorkerCodecError("a frame shorter than its head");
  return new DataView(body.buffer, body.byteOffset, body.byteLength);
}

function samplePosition(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RelayWorkerCodecError(`${value} is no sample position`);
  }
  return value;
}

function wholeSamples(pcm: Uint8Array, sampleBytes: number): Uint8Array {
  if (pcm.length % sampleBytes !== 0) {
    throw new RelayWorkerCodecError(`${pcm.length} bytes of PCM are no whole samples`);
  }
  return pcm;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a, 0);
  both.set(b, a.length);
  return both;
}
