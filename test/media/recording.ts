import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { describeVideoTag } from "../../src/media/flv-video.ts";
import { FlvParser, flvTagType, type FlvTag } from "../../src/media/flv.ts";
import {
  avcTagHeadBytes,
  h264NalType,
  h264Type,
  splitNalUnits,
} from "../../src/media/nal-units.ts";
import { words } from "../../src/media/live-commands.ts";
import { NativeChild } from "../../src/process/native-child.ts";
import { ffmpegPath } from "./tools.ts";

/** One coded picture or AAC frame as it was read, with the moment of its arrival. */
export interface RecordedPacket {
  readonly kind: "video" | "audio";
  readonly dtsMs: number;
  readonly ptsMs: number;
  readonly isKeyframe: boolean;
  /** Hash of the VCL and SEI NAL units (parameter sets may be moved by servers). */
  readonly hash: string;
  readonly arrivedAtMs: number;
}

/**
 * Reads a stream as a viewer would, copied into an FLV file, and keeps what each packet was and when it
 * came. Owns the FFmpeg that reads.
 */
export class Recording {
  readonly packets: RecordedPacket[] = [];
  #parser = new FlvParser();
  #waiting: { readonly until: () => boolean; readonly resolve: () => void }[] = [];

  private constructor(
    readonly path: string,
    private readonly child: NativeChild,
    private readonly written: Promise<void>,
  ) {
    child.stdout?.on("data", (chunk: Uint8Array) => {
      for (const tag of this.#parser.push(chunk)) this.#keep(tag);
      this.#waiting = this.#waiting.filter(({ until, resolve }) => {
        if (until()) resolve();
        return !until();
      });
    });
  }

  /** @param path where the FLV file is written */
  static async start(url: string, path: string): Promise<Recording> {
    const child = await NativeChild.start({
      name: `reader of ${url}`,
      command: [
        await ffmpegPath(),
        ...words("-hide_banner -loglevel error -nostdin"),
        ...words("-analyzeduration 15000000 -probesize 20000000 -fpsprobesize 0 -rtmp_live live"),
        ...words("-rtmp_enhanced_codecs hvc1,av01,vp09"),
        ...["-i", url, "-c", "copy", "-flush_packets", "1"],
        ...words("-f flv -flvflags no_duration_filesize pipe:1"),
      ],
      stdout: "pipe",
    });
    return Recording.of(child, path);
  }

  /** Keeps what a child writes to its standard output as FLV, for example a publisher's own copy. */
  static of(child: NativeChild, path: string): Recording {
    const file = createWriteStream(path);
    child.stdout?.pipe(file);
    return new Recording(path, child, finished(file));
  }

  get video(): RecordedPacket[] {
    return this.packets.filter(({ kind }) => kind === "video");
  }

  get audio(): RecordedPacket[] {
    return this.packets.filter(({ kind }) => kind === "audio");
  }

  /** Undefined as long as the reader reads. */
  get exit() {
    return this.child.exit;
  }

  get exited() {
    return this.child.exited;
  }

  /** Resolves when the condition holds after some packet's arrival; rejects after the time limit. */
  async until(condition: () => boolean, withinMs: number): Promise<void> {
    if (condition()) return;
    const waited = new Promise<void>((resolve) =>
      this.#waiting.push({ until: condition, resolve }),
    );
    const late = Bun.sleep(withinMs).then(() => {
      throw new Error(
        `not within ${withinMs} ms (${this.packets.length} packets, ${this.child.lastStderr})`,
      );
    });
    await Promise.race([waited, late]);
  }

  async stop(): Promise<void> {
    await this.child.stop();
    await this.written;
  }

  #keep(tag: FlvTag): void {
    const packet = describePacket(tag, performance.now());
    if (packet !== undefined) this.packets.push(packet);
  }
}

/** All packets of an FLV file. */
export async function readFlvFile(path: string): Promise<RecordedPacket[]> {
  const tags = new FlvParser().push(await Bun.file(path).bytes());
  return tags.flatMap((tag) => describePacket(tag, 0) ?? []);
}

function describePacket(tag: FlvTag, arrivedAtMs: number): RecordedPacket | undefined {
  const dtsMs = tag.timestampMs;
  if (tag.type === flvTagType.audio) {
    if (tag.data[1] === 0) return undefined; // AudioSpecificConfig
    const hash = hashOf([tag.data]);
    return { kind: "audio", dtsMs, ptsMs: dtsMs, isKeyframe: true, hash, arrivedAtMs };
  }
  if (tag.type !== flvTagType.video) return undefined;
  const info = describeVideoTag(tag.data);
  if (info.kind !== "picture") return undefined;
  const hash = info.codec === "avc1" ? hashOf(contentNals(tag.data)) : hashOf([tag.data]);
  const ptsMs = dtsMs + info.compositionOffsetMs;
  return { kind: "video", dtsMs, ptsMs, isKeyframe: info.isKeyframe, hash, arrivedAtMs };
}

/** VCL and SEI: what the encoder made of the picture. */
function contentNals(tag: Uint8Array): Uint8Array[] {
  const kept = new Set<number>([h264NalType.slice, 2, 3, 4, h264NalType.idrSlice, h264NalType.sei]);
  return splitNalUnits(tag.subarray(avcTagHeadBytes)).filter((nal) => kept.has(h264Type(nal)));
}

function hashOf(parts: readonly Uint8Array[]): string {
  const hasher = new Bun.CryptoHasher("sha1");
  for (const part of parts) hasher.update(part);
  return hasher.digest("hex");
}

/** Steps between decode stamps that go back or stand still. */
export function backwardSteps(packets: readonly RecordedPacket[]): number {
  let count = 0;
  for (let n = 1; n < packets.length; n++) {
    if (packets[n]!.dtsMs <= packets[n - 1]!.dtsMs) count += 1;
  }
  return count;
}

/** Steps between decode stamps in milliseconds. */
export function steps(packets: readonly RecordedPacket[]): number[] {
  return packets.slice(1).map((packet, n) => packet.dtsMs - packets[n]!.dtsMs);
}

/**
 * How long each picture took from one reader's arrival to another's, in milliseconds. Pictures are matched
 * by what they hold; those that look alike elsewhere in the stream (still B-frames) are left out, and so
 * is what came within the first two seconds of a recording, while its reader was still probing.
 */
export function latenciesMs(input: Recording, output: Recording): number[] {
  const once = onlyOnce(input.video);
  const settled = (output.packets[0]?.arrivedAtMs ?? 0) + 2000;
  return [...onlyOnce(output.video)].flatMap(([hash, packet]) => {
    const arrived = once.get(hash)?.arrivedAtMs;
    return arrived === undefined || packet.arrivedAtMs < settled
      ? []
      : [packet.arrivedAtMs - arrived];
  });
}

function onlyOnce(packets: readonly RecordedPacket[]): Map<string, RecordedPacket> {
  const counts = new Map<string, number>();
  for (const { hash } of packets) counts.set(hash, (counts.get(hash) ?? 0) + 1);
  return new Map(packets.filter(({ hash }) => counts.get(hash) === 1).map((p) => [p.hash, p]));
}
