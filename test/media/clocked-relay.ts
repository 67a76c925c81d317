import type { FlvTag } from "../../src/media/flv.ts";
import { BedRing } from "../../src/relay/bed-ring.ts";
import { LanguageChannel } from "../../src/relay/language-channel.ts";
import { PcmRing } from "../../src/relay/pcm-ring.ts";
import { PlayoutClock } from "../../src/relay/playout-clock.ts";
import { Playout } from "../../src/relay/playout.ts";
import { Timeline } from "../../src/relay/timeline.ts";
import { type VideoPacket, VideoQueue } from "../../src/relay/video-queue.ts";

/** D of every such relay. */
export const playoutDelayMs = 4000;
const maxQueuedBytes = 64 * 1024 * 1024;

/** Takes what the relay would push, in order. */
export interface Pushed {
  /** A coded picture, without decoder configurations. */
  video(packet: VideoPacket): void;
  /** @param pcm interleaved stereo */
  sound(startSample: number, pcm: Int16Array): void;
}

/** The relay's media path without its processes, by a clock that its owner turns. */
export class ClockedRelay {
  readonly #playout: Playout;
  readonly #timeline: Timeline;

  constructor(pushed: Pushed) {
    const clock = new PlayoutClock();
    const queue = new VideoQueue(maxQueuedBytes);
    const original = new PcmRing(48_000 * 16);
    const channel = new LanguageChannel({
      language: "pt",
      settings: { fallback: "original", withoutBed: "duck", bgGain: 1, dubGain: 1 },
      maxAheadSamples: 48_000 * 34,
      onApplied: () => {},
    });
    const publisher = {
      isReady: true,
      open: () => {},
      video: (packet: VideoPacket) => {
        if (packet.info.kind === "picture") pushed.video(packet);
      },
      sound: (startSample: number, pcm: Int16Array) => pushed.sound(startSample, pcm),
      check: () => {},
    };
    this.#playout = new Playout({
      ...{ clock, queue, original, playoutDelayMs },
      bed: new BedRing(48_000),
      outputs: [{ channel, publisher }],
    });
    this.#timeline = new Timeline(clock, {
      video: (packet) => queue.push(packet),
      sound: (startSample, samples) => void original.write(startSample, samples),
      spanPlaced: () => {},
    });
    this.#timeline.openSpan();
  }

  get counters(): Playout["counters"] {
    return this.#playout.counters;
  }

  /** Audio minus video time of what was written last. */
  get avDeltaMs(): number | null {
    return this.#playout.avDeltaMs;
  }

  video(tag: FlvTag, nowMs: number): void {
    this.#timeline.video(tag, nowMs);
  }

  /** @param samples interleaved stereo, the first pair at `startSample` */
  sound(startSample: number, samples: Int16Array, nowMs: number): void {
    if (!this.#timeline.sound(startSample, samples, nowMs))
      throw new Error(`the relay refused the sound at ${startSample}`);
  }

  tick(nowMs: number): void {
    this.#playout.tick(nowMs);
  }
}
