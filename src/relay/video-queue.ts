import type { VideoTagInfo } from "../media/flv-video.ts";

/** One video packet on the stream's timeline; its bytes are the publisher's own. */
export interface VideoPacket {
  /** Decode time in stream time, whole milliseconds. */
  readonly dtsMs: number;
  readonly info: VideoTagInfo;
  readonly data: Uint8Array;
}

/**
 * The delay line's picture side: packets in decode order, bounded in bytes. At the bound whole groups of
 * pictures are refused (what follows is refused until the next keyframe), and counted.
 */
export class VideoQueue {
  #packets: VideoPacket[] = [];
  #head = 0;
  #bytes = 0;
  #refusing = false;
  #refused = 0;

  constructor(readonly maxBytes: number) {}

  get length(): number {
    return this.#packets.length - this.#head;
  }

  /** Packets refused so far because the queue was full. */
  get refused(): number {
    return this.#refused;
  }

  push(packet: VideoPacket): void {
    if (this.#refusing && packet.info.isKeyframe) this.#refusing = false;
    if (this.#bytes + packet.data.length > this.maxBytes) this.#refusing = true;
    if (this.#refusing) {
      this.#refused += 1;
      return;
    }
    this.#packets.push(packet);
    this.#bytes += packet.data.length;
  }

  /** The next packet in decode order, left in the queue. */
  peek(): VideoPacket | undefined {
    return this.#packets[this.#head];
  }

  /** Takes the next packet if it is due. */
  takeUntil(dtsMs: number): VideoPacket | undefined {
    const packet = this.#packets[this.#head];
    if (packet === undefined || packet.dtsMs > dtsMs) return undefined;
    this.#head += 1;
    this.#bytes -= packet.data.length;
    if (this.#head > 512) {
      this.#packets = this.#packets.slice(this.#head);
      this.#head = 0;
    }
    return packet;
  }

  /** The first keyframe in the queue, with the decoder configuration that comes before it, if one does. */
  firstKeyframe(): { keyframe: VideoPacket; header: VideoPacket | undefined } | undefined {
    let header: VideoPacket | undefined;
    for (let at = this.#head; at < this.#packets.length; at++) {
      const packet = this.#packets[at];
      if (packet?.info.kind === "sequence-header") header = packet;
      if (packet?.info.isKeyframe) return { keyframe: packet, header };
    }
    return undefined;
  }

  /** The decode time of the first keyframe in the queue. */
  firstKeyframeMs(): number | undefined {
    for (let at = this.#head; at < this.#packets.length; at++) {
      const packet = this.#packets[at];
      if (packet?.info.isKeyframe) return packet.dtsMs;
    }
    return undefined;
  }
}
