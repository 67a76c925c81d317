import { rename, rm } from "node:fs/promises";
import { flvHeader, flvTagBytes, flvTagType } from "../media/flv.ts";
import { fillerCommand, fillerSeconds } from "../media/live-commands.ts";
import { avcTagHeadBytes, prefixedParameterSets } from "../media/nal-units.ts";
import { StillPictures, tagHeadBytes } from "../media/still-pictures.ts";
import { describeExit } from "../process/exit.ts";
import { NativeChild } from "../process/native-child.ts";
import type { VideoPacket } from "./video-queue.ts";

/** At steps of 400 ms MediaMTX stretches stamps, at 100 ms it does not. */
const stepMs = 100;
/** FFmpeg copies twenty pictures: milliseconds, unless the machine has no time at all. */
const writtenWithinMs = 5000;
/** Access unit delimiters as the pipe carries them, for H.264 and H.265. */
const avcDelimiter = [0, 0, 0, 2, 0x09, 0xf0];
const hevcDelimiter = [0, 0, 0, 3, 0x46, 0x01, 0x50];

export interface FillerFileParent {
  event(level: "info" | "warn" | "error", code: string, message: string): void;
}

/**
 * The file that the media server plays on a stream's outputs while no push is there: the stream's own
 * keyframe, standing still, and silence. Written anew when the decoder configuration changes. The file
 * is replaced in one step and never removed here, because MediaMTX panics when it misses it.
 */
export class FillerFile {
  #header: VideoPacket | undefined;
  #isStale = false;
  #written: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(
    private readonly ffmpegPath: string,
    /** Absolute; the codec and an ending are added, because a path takes no pushes of another codec. */
    private readonly pathStem: string,
    private readonly parent: FillerFileParent,
  ) {}

  /** The file with what was offered last; undefined when it could not be written, which is told. */
  get written(): Promise<string | undefined> {
    return this.#written;
  }

  /** Every packet that comes in, in order: the first keyframe of each configuration is taken. */
  offer(packet: VideoPacket): void {
    if (packet.info.kind === "sequence-header") {
      if (this.#header !== undefined && Buffer.compare(this.#header.data, packet.data) === 0)
        return;
      this.#header = packet;
      this.#isStale = true;
    }
    const header = this.#header;
    if (!packet.info.isKeyframe || !this.#isStale || header === undefined) return;
    this.#isStale = false;
    this.#written = this.#written
      .then(() => this.#write(header, packet))
      .catch((error: unknown) => {
        const message = `no filler for the output: ${(error as Error).message}`;
        this.parent.event("warn", "filler-failed", message);
        return undefined;
      });
  }

  async #write(header: VideoPacket, keyframe: VideoPacket): Promise<string> {
    const path = `${this.pathStem}.${keyframe.info.codec}.mp4`;
    const flv = fillerFlv(header, keyframe);
    const child = await NativeChild.start({
      name: "ffmpeg filler",
      command: fillerCommand(this.ffmpegPath, `${path}.part`),
      stdin: "pipe",
      terminateWithinMs: 500,
    });
    child.stdin?.end(flv);
    const timer = setTimeout(() => child.signal("SIGKILL"), writtenWithinMs);
    const exit = await child.drained;
    clearTimeout(timer);
    if (exit.code !== 0) {
      await rm(`${path}.part`, { force: true });
      throw new Error(child.lastStderr === "" ? describeExit(exit) : child.lastStderr);
    }
    await rename(`${path}.part`, path);
    return path;
  }
}

/** The keyframe again and again for the length of the file, as FLV. */
function fillerFlv(header: VideoPacket, keyframe: VideoPacket): Uint8Array {
  const still = new StillPictures(keyframe.data, header.data, 1);
  const parts = [
    flvHeader({ video: true, audio: false }),
    flvTagBytes(flvTagType.video, 0, header.data),
  ];
  for (let n = 0; n * stepMs <= fillerSeconds * 1000; n++) {
    const picture = fillerPicture(header, keyframe.info.codec, still.next(), n % 2 === 1);
    parts.push(flvTagBytes(flvTagType.video, n * stepMs, picture));
  }
  return Buffer.concat(parts);
}

/**
 * The keyframe as a filler picture. Every other one begins with a delimiter, because MediaMTX does not
 * read files whose samples all have one size. H.264 carries its parameter sets along, so that the file
 * may change while a path goes on.
 */
function fillerPicture(
  header: VideoPacket,
  codec: string,
  data: Uint8Array,
  delimited: boolean,
): Uint8Array {
  if (codec === "avc1") {
    const sets = prefixedParameterSets(header.data.subarray(avcTagHeadBytes));
    return inserted(data, avcTagHeadBytes, [delimited ? avcDelimiter : [], sets]);
  }
  if (codec !== "hvc1") throw new Error(`${codec} pictures cannot stand still here`);
  return inserted(data, tagHeadBytes(data), [delimited ? hevcDelimiter : []]);
}

function inserted(
  data: Uint8Array,
  at: number,
  parts: readonly (Uint8Array | readonly number[])[],
): Uint8Array {
  return Buffer.concat([
    data.subarray(0, at),
    ...parts.map((part) => Uint8Array.from(part)),
    data.subarray(at),
  ]);
}
