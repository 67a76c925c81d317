import { isLostBehindKeyframe, StillPictures } from "../media/still-pictures.ts";
import type { BedRing } from "./bed-ring.ts";
import { blockSamples, type Playing } from "./block-mixer.ts";
import type { LanguageChannel } from "./language-channel.ts";
import type { LimitedBlock } from "./limited-sound.ts";
import type { PcmRing } from "./pcm-ring.ts";
import type { PlayoutClock } from "./playout-clock.ts";
import { StarvationFade } from "./starvation-fade.ts";
import type { UpcomingKeyframe } from "./publisher.ts";
import type { VideoPacket, VideoQueue } from "./video-queue.ts";

const samplesPerMs = 48;
/**
 * Sound is written this much before its picture: FFmpeg reads PCM in packets of 4096 samples (85 ms) and
 * encodes frames of 1024 (21 ms), and holds the picture until the sound beside it is there.
 */
export const soundLeadMs = 110;
/** The limiter of the mix sees one block ahead, so blocks are mixed one earlier than they are written. */
const mixLeadMs = soundLeadMs + (1000 * blockSamples) / 48_000;
/** The push is started this long before its first picture is due: time to be let in, and for readers to come. */
const prerollMs = 2000;
/** The first pictures wait at most this long for a push that is slow to start; without it they are lost. */
const pushReadyMs = 2000;
/** Sound is mixed from this long before the first picture, so that it is there when the push begins. */
const soundBeforePictureMs = 200;
/** Without a new picture the last keyframe is shown again this often; rarer, MediaMTX stretches stamps. */
const fillerEveryMs = 100;
/** A step between pictures beyond this is a hole to be filled, not a slow source. */
const holeMs = 1500;
/**
 * A filler is shown at least this long after the picture before it: MediaMTX's stamps are up to 2 ms off, and a
 * decoder that once saw two pictures shown at one time may take decoding times for display times from there on.
 */
const fillerAfterMs = 20;
/** Pictures of a group are shown at most so many places after their place in the stream (H.265 allows 15). */
const mostReordered = 16;
/** No filler this close before the picture that ends the hole. */
const fillerDistanceMs = 40;

/** Where an output goes: what is due is given to it, in order. */
export interface PushTarget {
  /** Whether it could go on air with the next keyframe. */
  readonly isReady: boolean;
  open(): void;
  video(packet: VideoPacket): void;
  /** One block of each of its languages. */
  sound(startSample: number, ...tracks: Int16Array[]): void;
  /** Looks after itself; called at each tick. What comes next is asked for only where it matters. */
  check(upcoming: () => UpcomingKeyframe | undefined): void;
}

export interface Output {
  readonly channel: LanguageChannel;
  readonly publisher: PushTarget;
}

export interface PlayoutParts {
  readonly clock: PlayoutClock;
  readonly queue: VideoQueue;
  readonly original: PcmRing;
  readonly bed: BedRing;
  readonly outputs: readonly Output[];
  /** Has the sound of every output beside one picture; nothing waits for it. */
  readonly joint?: PushTarget | undefined;
  readonly playoutDelayMs: number;
}

/**
 * Writes what is due. How much that is comes from the clock alone, never from the number of ticks: a tick
 * that comes late writes more.
 */
export class Playout {
  readonly counters = {
    blocks: 0,
    blocksDub: 0,
    blocksReplace: 0,
    blocksFallback: 0,
    blocksFiller: 0,
    packets: 0,
    fillerPackets: 0,
    latePackets: 0,
  };
  #started = false;
  #openedAtMs: number | undefined;
  #mixedSample = 0;
  #playing: Playing | "filler" | "none" = "none";
  #lastDtsMs = Number.NEGATIVE_INFINITY;
  #lastPtsMs = Number.NEGATIVE_INFINITY;
  #header: VideoPacket | undefined;
  #keyframe: { readonly packet: VideoPacket; readonly header: VideoPacket | undefined } | undefined;
  /** Pictures that have followed the last keyframe. */
  #following = 0;
  /** The last keyframe as it stands while no picture comes; absent while pictures come. */
  #still: StillPictures | undefined;
  /** The pictures before the last keyframe were not its own: what refers back across it is lost. */
  #isAnew = false;
  /** After filler or a loss, decoding can go on only with a keyframe. */
  #needsKeyframe = false;
  #starvation = new StarvationFade();
  #soundLateMs = 0;
  #videoLateMs: number | null = null;

  constructor(private readonly parts: PlayoutParts) {}

  get isStarted(): boolean {
    return this.#started;
  }

  get playing(): Playing | "filler" | "none" {
    return this.#playing;
  }

  /** The first sample that is not yet mixed. */
  get mixedSample(): number {
    return this.#mixedSample;
  }

  /** Audio minus video time of what was written last, by our own stamps. */
  get avDeltaMs(): number | null {
    return this.#videoLateMs === null ? null : this.#videoLateMs - this.#soundLateMs;
  }

  /** How much beyond D the last picture was written. */
  get lateMs(): number | null {
    return this.#videoLateMs;
  }

  /** When a sample is mixed, on the monotonic clock. */
  airsAtMs(sample: number): number {
    return this.parts.clock.arrivalMs(sample) + this.parts.playoutDelayMs - mixLeadMs;
  }

  tick(nowMs: number): void {
    const { clock, playoutDelayMs } = this.parts;
    if (!clock.isSet) return;
    clock.advance(nowMs);
    const position = clock.sampleAt(nowMs - playoutDelayMs);
    if (this.#started || this.#start(position, nowMs)) {
      this.#writeSound(position + mixLeadMs * samplesPerMs);
      this.#writeVideo(position / samplesPerMs);
    }
    const upcoming = () => this.#upcoming(position / samplesPerMs);
    for (const target of this.#targets) target.check(upcoming);
  }

  get #targets(): readonly PushTarget[] {
    const { outputs, joint } = this.parts;
    const own = outputs.map(({ publisher }) => publisher);
    return joint === undefined ? own : [...own, joint];
  }

  #upcoming(positionMs: number): UpcomingKeyframe | undefined {
    const next = this.parts.queue.firstKeyframe();
    return next && { ...next, dueInMs: next.keyframe.dtsMs - positionMs };
  }

  #start(position: number, nowMs: number): boolean {
    const keyframeMs = this.parts.queue.firstKeyframeMs();
    if (keyframeMs === undefined) return false;
    const dueInMs = keyframeMs - position / samplesPerMs;
    if (dueInMs > prerollMs) return false;
    this.#openedAtMs ??= nowMs;
    for (const target of this.#targets) target.open();
    if (dueInMs > soundLeadMs + soundBeforePictureMs) return false;
    const isReady = this.parts.outputs.every(({ publisher }) => publisher.isReady);
    if (!isReady && nowMs - this.#openedAtMs < pushReadyMs) return false;
    this.#started = true;
    this.parts.clock.lock(nowMs);
    const first = Math.max(0, (keyframeMs - soundBeforePictureMs) * samplesPerMs);
    this.#mixedSample = Math.floor(first / blockSamples) * blockSamples;
    return true;
  }

  #writeSound(untilSample: number): void {
    const { original, bed, outputs, joint } = this.parts;
    while (this.#mixedSample + blockSamples <= untilSample) {
      const startSample = this.#mixedSample;
      const { samples, present } = original.read(startSample, blockSamples);
      this.#starvation.apply(startSample, samples, original.endSample);
      const under = bed.read(startSample, blockSamples, samples);
      const blocks: LimitedBlock[] = [];
      for (const { channel, publisher } of outputs) {
        const output = channel.nextOutput(startSample, samples, under);
        if (output === undefined) continue;
        blocks.push(output);
        publisher.sound(output.startSample, output.pcm);
        if (channel === outputs[0]?.channel) this.#count(output.block.playing, present);
      }
      const [first] = blocks;
      if (first !== undefined) joint?.sound(first.startSample, ...blocks.map(({ pcm }) => pcm));
      this.#mixedSample += blockSamples;
    }
    this.#soundLateMs = (untilSample - this.#mixedSample) / samplesPerMs;
  }

  #count(playing: Playing, present: number): void {
    this.counters.blocks += 1;
    if (playing === "dub") this.counters.blocksDub += 1;
    if (playing === "replace") this.counters.blocksReplace += 1;
    if (playing === "fallback") this.counters.blocksFallback += 1;
    if (present === 0) this.counters.blocksFiller += 1;
    this.#playing = present === 0 && playing !== "replace" ? "filler" : playing;
  }

  #writeVideo(positionMs: number): void {
    const { queue } = this.parts;
    for (
      let packet = queue.takeUntil(positionMs);
      packet !== undefined;
      packet = queue.takeUntil(positionMs)
    ) {
      this.#writePacket(packet, positionMs);
    }
    this.#fill(positionMs);
  }

  #writePacket(packet: VideoPacket, positionMs: number): void {
    const { info, dtsMs } = packet;
    if (info.kind === "sequence-header") this.#header = packet;
    if (info.kind === "picture") {
      const unusable = this.#needsKeyframe && !info.isKeyframe;
      if (unusable || dtsMs <= this.#lastDtsMs) {
        this.counters.latePackets += 1;
        this.#needsKeyframe = true;
        return;
      }
      this.#following = info.isKeyframe ? 0 : this.#following + 1;
      if (info.isKeyframe) this.#isAnew = this.#keyframe === undefined || this.#needsKeyframe;
      else if (this.#isAnew && isLostBehindKeyframe(packet.data, this.#header?.data)) return;
      this.#needsKeyframe = false;
      this.#lastDtsMs = dtsMs;
      this.#lastPtsMs = Math.max(this.#lastPtsMs, dtsMs + info.compositionOffsetMs);
      if (info.isKeyframe) this.#keyframe = { packet, header: this.#header };
      this.#still = undefined;
      this.#videoLateMs = positionMs - dtsMs;
      this.counters.packets += 1;
    }
    for (const target of this.#targets) target.video(packet);
  }

  /** The publisher is away: the last keyframe again and again, so that readers keep their session. */
  #fill(positionMs: number): void {
    const keyframe = this.#keyframe;
    if (keyframe === undefined || positionMs - this.#lastDtsMs < fillerEveryMs) return;
    const { queue } = this.parts;
    const nextMs = this.#needsKeyframe ? queue.firstKeyframeMs() : queue.peek()?.dtsMs;
    const isHole = nextMs === undefined || nextMs - this.#lastDtsMs >= holeMs;
    if (!isHole && !this.#needsKeyframe) return;
    const dtsMs = Math.max(
      Math.floor(positionMs),
      this.#lastDtsMs + 1,
      this.#lastPtsMs + fillerAfterMs,
    );
    if (nextMs !== undefined && dtsMs + fillerDistanceMs > nextMs) return;
    this.#lastDtsMs = dtsMs;
    this.#lastPtsMs = dtsMs;
    this.#needsKeyframe = true;
    this.counters.fillerPackets += 1;
    const { packet, header } = keyframe;
    const info = { ...packet.info, compositionOffsetMs: 0 };
    this.#still ??= new StillPictures(packet.data, header?.data, this.#following + mostReordered);
    const data = this.#still.next();
    for (const target of this.#targets) target.video({ dtsMs, info, data });
  }
}
