import { connect, type Socket } from "node:net";
import { flvTagType, type FlvTag } from "../../src/media/flv.ts";

/**
 * Publishes FLV tags over RTMP with exactly the stamps they have, wherever these jump: FFmpeg and its like put
 * stamps in order before they send them, encoders in the field do not.
 */

/** A tag, and when it is sent, from the first on. */
export interface TimedTag extends FlvTag {
  readonly sendAtMs: number;
}

const chunkBytes = 65_536;
const handshakeBytes = 1536;
const messageType = { setChunkSize: 1, command: 20 } as const;
/** MediaMTX gives the first stream of a connection this id. */
const streamId = 1;

/**
 * Publishes at the tags' own pace.
 * @param url rtmp://host:port/app/name…
 * @returns once everything was sent and the connection is closed
 */
export async function publishTags(url: string, tags: readonly TimedTag[]): Promise<void> {
  const { hostname, port, pathname } = new URL(url);
  const [, app = "", ...name] = pathname.split("/");
  const socket = connect(Number(port), hostname);
  const answers = new Answers(socket);
  try {
    await answers.connected;
    socket.write(Buffer.concat([Buffer.of(3), Buffer.alloc(handshakeBytes)]));
    const answer = await answers.bytes(1 + 2 * handshakeBytes);
    socket.write(answer.subarray(1, 1 + handshakeBytes));
    const size = Buffer.alloc(4);
    size.writeUInt32BE(chunkBytes);
    socket.write(message(2, messageType.setChunkSize, 0, 0, size));
    const say = (id: number, ...values: AmfValue[]) =>
      socket.write(message(3, messageType.command, id, 0, Buffer.concat(values.map(amf))));
    say(0, "connect", 1, { app, type: "nonprivate", tcUrl: `rtmp://${hostname}:${port}/${app}` });
    await answers.word("_result");
    say(0, "createStream", 2, null);
    await answers.word("_result");
    say(streamId, "publish", 3, null, name.join("/"), "live");
    await answers.word("NetStream.Publish.Start");
    const startMs = performance.now() - (tags[0]?.sendAtMs ?? 0);
    for (const { type, timestampMs, data, sendAtMs } of tags) {
      const earlyMs = startMs + sendAtMs - performance.now();
      if (earlyMs > 0) await Bun.sleep(earlyMs);
      const chunkStream = type === flvTagType.audio ? 4 : 6;
      socket.write(message(chunkStream, type, streamId, timestampMs, data));
    }
    await new Promise<void>((resolve) => void socket.end(resolve));
  } finally {
    socket.destroy();
  }
}

/** What the server says: only waited for, never understood. */
class Answers {
  readonly connected: Promise<void>;
  #heard: Buffer = Buffer.alloc(0);
  #problem: Error | undefined;
  #more = Promise.withResolvers<void>();

  constructor(socket: Socket) {
    const gone = Promise.withResolvers<void>();
    this.connected = gone.promise;
    socket.on("connect", () => gone.resolve());
    socket.on("error", (error) => {
      gone.reject(error);
      this.#fail(error);
    });
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
    socket.on("data", (chunk: Buffer) => {
      this.#heard = Buffer.concat([this.#heard, chunk]).subarray(-chunkBytes);
      this.#wake();
    });
  }

  async bytes(count: number): Promise<Buffer> {
    while (this.#heard.length < count) await this.#next();
    const answer = this.#heard.subarray(0, count);
    this.#heard = this.#heard.subarray(count);
    return answer;
  }

  async word(word: string): Promise<void> {
    for (;;) {
      const at = this.#heard.indexOf(word);
      if (at >= 0) {
        this.#heard = this.#heard.subarray(at + word.length);
        return;
      }
      await this.#next();
    }
  }

  async #next(): Promise<void> {
    if (this.#problem !== undefined) throw this.#problem;
    await this.#more.promise;
  }

  #fail(error: Error): void {
    this.#problem ??= error;
    this.#wake();
  }

  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }
}

/** One message in chunks, its time in full (RTMP specification 5.3.1). */
function message(
  chunkStream: number,
  type: number,
  id: number,
  timestampMs: number,
  data: Uint8Array,
): Buffer {
  const head = Buffer.alloc(12);
  head[0] = chunkStream;
  head.writeUIntBE(timestampMs, 1, 3);
  head.writeUIntBE(data.length, 4, 3);
  head[7] = type;
  head.writeUInt32LE(id, 8);
  const parts: Uint8Array[] = [head, data.subarray(0, chunkBytes)];
  for (let at = chunkBytes; at < data.length; at += chunkBytes)
    parts.push(Buffer.of(0xc0 | chunkStream), data.subarray(at, at + chunkBytes));
  return Buffer.concat(parts);
}

type AmfValue = string | number | null | Readonly<Record<string, string>>;

/** AMF 0 of the values that commands are made of. */
function amf(value: AmfValue): Buffer {
  if (value === null) return Buffer.of(5);
  if (typeof value === "number") {
    const bytes = Buffer.alloc(9);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (typeof value === "string") return Buffer.concat([Buffer.of(2), amfText(value)]);
  const fields = Object.entries(value).flatMap(([key, text]) => [amfText(key), amf(text)]);
  return Buffer.concat([Buffer.of(3), ...fields, Buffer.of(0, 0, 9)]);
}

function amfText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
