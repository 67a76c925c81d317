import { asBytes } from "../audio/pcm.ts";
import { StillPictures } from "../media/still-pictures.ts";
import { flvHeader, flvTagBytes, flvTagType } from "../media/flv.ts";
import { audioPipe, pushCommand, pushPipes, videoPipe } from "../media/live-commands.ts";
import { Backoff } from "../process/backoff.ts";
import { describeExit } from "../process/exit.ts";
import { NativeChild } from "../process/native-child.ts";
import { readProcStat } from "../process/proc-stat.ts";
import { GatheredWrites } from "./gathered-writes.ts";
import { redactUrlsIn } from "./redact-text.ts";
import type { VideoPacket } from "./video-queue.ts";

const samplesPerMs = 48;
/**
 * Each push begins with this much of its first keyframe, standing still, in silence, all at once: MediaMTX
 * looks at 2 s of stamps before it lets readers have anything, and so has seen them before the first
 * picture is due.
 */
const primeMs = 2400;
const primeStepMs = 100;
/**
 * It is written when the first picture is due within this time: long enough to be let in, and short of
 * what counts as a push that has fallen silent.
 */
const primeBeforeMs = 1000;
/** A push that takes nothing for this long, while something waits for it, is ended and replaced. */
const stuckMs = 1500;
/** A push that was stopped (SIGSTOP, a debugger) will not go on by itself; it is looked for this often. */
const stoppedMs = 1000;
const stoppedEveryMs = 250;
/** The same before it took anything at all: it connects, and the server may take its time to say no. */
const connectMs = 10_000;
/** Bytes that may wait for a push; a stuck one is ended long before. */
const maxWaitingBytes = 32 * 1024 * 1024;
/** Sound mixed before the first picture was due, kept so that both begin at the same sample. */
const recentSoundSamples = 48_000;
/** A push that ran this long was well; the next failure starts the backoff anew. */
const settledMs = 10_000;

/** The next keyframe in the delay line, its decoder configuration where it brings one, and when it is due. */
export interface UpcomingKeyframe {
  readonly keyframe: VideoPacket;
  readonly header: VideoPacket | undefined;
  readonly dueInMs: number;
}

export interface PublisherParent {
  /** Gives a URL that is good for one publish. */
  requestUrl(language: string): Promise<string>;
  event(level: "info" | "warn" | "error", code: string, message: string): void;
  now(): number;
}

/**
 * One output path: owns the FFmpeg that pushes delayed video packets and mixed sound, and replaces it
 * when it dies or takes nothing any more. Each push begins with stamps near 0: its first keyframe standing
 * still for a moment ({@link primeMs}), then that keyframe itself and what follows.
 */
export class Publisher {
  readonly counters = { pushStarts: 0, pushFailures: 0, packetsWithoutPush: 0 };
  #child: NativeChild | undefined;
  #state: "idle" | "starting" | "waiting-for-keyframe" | "running" | "closed" = "idle";
  #startedAtMs = 0;
  /** Stream time of the running push's zero. */
  #baseMs = 0;
  #lastDtsMs = Number.NEGATIVE_INFINITY;
  #sequenceHeader: VideoPacket | undefined;
  #primedWith: Uint8Array | undefined;
  #isPrimed = false;
  #codec: string | undefined;
  #recentSound: { startSample: number; tracks: readonly Int16Array[] }[] = [];
  /** What is to be written at the end of this tick. */
  readonly #gathered = new GatheredWrites();
  #takenAtMs: number | undefined;
  #stoppedSinceMs: number | undefined;
  #lookedAtMs = 0;
  #checkedAtMs = 0;
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  #backoff = new Backoff({ firstMs: 250, capMs: 4000 });

  constructor(
    private readonly ffmpegPath: string,
    readonly language: string,
    private readonly parent: PublisherParent,
    /** Sound tracks beside the picture, all of one length. */
    private readonly soundTracks = 1,
  ) {}

  /** The push is started and waits for nothing but its first keyframe. */
  get isReady(): boolean {
    return this.#state === "waiting-for-keyframe" || this.#state === "running";
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Asks for a URL and starts the push; it goes on air with the next keyframe given to {@link video}. */
  open(): void {
    if (this.#state === "idle" && this.#restartTimer === undefined) void this.#start();
  }

  /** One packet that is due now, in decode order. Packets not later than the last one are left out. */
  video(packet: VideoPacket): void {
    if (packet.info.kind === "sequence-header") this.#sequenceHeader = packet;
    if (this.#state === "waiting-for-keyframe" && packet.info.isKeyframe) this.#goOnAir(packet);
    if (this.#state !== "running") {
      this.counters.packetsWithoutPush += 1;
      return;
    }
    if (packet.info.codec !== this.#codec) {
      this.#fail("push-restart", `the video changed from ${this.#codec} to ${packet.info.codec}`);
      return;
    }
    // A decoder configuration has the stamp of the keyframe after it, which must not be left out for that.
    if (packet.info.kind !== "sequence-header") {
      if (packet.dtsMs <= this.#lastDtsMs) return;
      this.#lastDtsMs = packet.dtsMs;
    }
    const stamp = Math.max(0, packet.dtsMs - this.#baseMs);
    this.#gathered.add(videoPipe, flvTagBytes(flvTagType.video, stamp, packet.data));
  }

  /** Mixed sound, interleaved stereo, of each track; blocks come in order without holes. */
  sound(startSample: number, ...tracks: Int16Array[]): void {
    if (this.#state === "running") {
      this.#writeSound(tracks);
      return;
    }
    this.#recentSound.push({ startSample, tracks });
    const oldest = startSample - recentSoundSamples;
    while (this.#recentSound.length > 0 && this.#recentSound[0]!.startSample < oldest) {
      this.#recentSound.shift();
    }
  }

  /**
   * Prepares a push for its first picture, writes what was given since the last call, and ends a push that
   * takes nothing any more; to be called every few tens of milliseconds.
   */
  check(upcoming: () => UpcomingKeyframe | undefined): void {
    if (this.#state === "waiting-for-keyframe" && !this.#isPrimed) {
      const next = upcoming();
      if (next !== undefined && next.dueInMs <= primeBeforeMs) {
        this.#prime(next.keyframe, next.header ?? this.#sequenceHeader);
      }
    }
    this.#flush();
    const child = this.#child;
    if (child === undefined || this.#state !== "running") return;
    if (this.#wasStopped(child)) return this.#fail("push-stuck", "its process was stopped");
    const waiting = this.#waitingBytes(child);
    const now = this.parent.now();
    const weStoodStill = now - this.#checkedAtMs > stuckMs / 3;
    this.#checkedAtMs = now;
    if (weStoodStill && this.#takenAtMs !== undefined) this.#takenAtMs = now;
    if (waiting === 0) {
      this.#takenAtMs = now;
      return;
    }
    const since = this.#takenAtMs ?? this.#startedAtMs;
    const limit = this.#takenAtMs === undefined ? connectMs : stuckMs;
    if (waiting > maxWaitingBytes || now - since > limit) {
      this.#fail(
        "push-stuck",
        `took nothing for ${Math.round(now - since)} ms (${waiting} bytes wait)`,
      );
    }
  }

  #wasStopped(child: NativeChild): boolean {
    const now = this.parent.now();
    if (now - this.#lookedAtMs < stoppedEveryMs) return false;
    this.#lookedAtMs = now;
    if (readProcStat(child.pid)?.state !== "T") this.#stoppedSinceMs = undefined;
    else this.#stoppedSinceMs ??= now;
    return this.#stoppedSinceMs !== undefined && now - this.#stoppedSinceMs >= stoppedMs;
  }

  async close(): Promise<void> {
    this.#state = "closed";
    clearTimeout(this.#restartTimer);
    this.#flush();
    const child = this.#child;
    this.#child = undefined;
    // The ends of both pipes let FFmpeg finish what it holds.
    await child?.stop({
      act: () => {
        for (const pipe of this.#pipes) child.writable(pipe).end();
      },
      withinMs: 1000,
    });
  }

  async #start(): Promise<void> {
    this.#state = "starting";
    try {
      const url = await this.parent.requestUrl(this.language);
      if (this.#isClosed()) return;
      const child = await NativeChild.start({
        name: `ffmpeg push ${this.language}`,
        command: pushCommand(this.ffmpegPath, url, this.soundTracks),
        extraPipes: this.#pipes.map(() => "pipe"),
        terminateWithinMs: 500,
      });
      if (this.#isClosed()) {
        await child.stop();
        return;
      }
      this.counters.pushStarts += 1;
      this.#child = child;
      this.#isPrimed = false;
      this.#state = "waiting-for-keyframe";
      void child.exited.then((exit) => {
        if (this.#child !== child) return;
        const said = redactUrlsIn(child.lastStderr);
        this.#fail("push-failed", said === "" ? describeExit(exit) : said);
      });
    } catch (error) {
      this.#fail("push-failed", error instanceof Error ? error.message : String(error));
    }
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #goOnAir(keyframe: VideoPacket): void {
    const child = this.#child;
    if (child === undefined) return;
    const header = this.#sequenceHeader;
    if (!this.#isPrimed) this.#prime(keyframe, header);
    this.#state = "running";
    this.#baseMs = keyframe.dtsMs - primeMs;
    this.#lastDtsMs = Number.NEGATIVE_INFINITY;
    this.#codec = keyframe.info.codec;
    if (header !== undefined && header.data !== this.#primedWith) {
      this.#gathered.add(videoPipe, flvTagBytes(flvTagType.video, primeMs, header.data));
    }
    this.#startSound(keyframe.dtsMs * samplesPerMs);
  }

  #prime(keyframe: VideoPacket, header: VideoPacket | undefined): void {
    this.#isPrimed = true;
    this.#startedAtMs = this.parent.now();
    this.#takenAtMs = undefined;
    this.#primedWith = header?.data;
    const stills = [flvHeader({ video: true, audio: false })];
    if (header !== undefined) stills.push(flvTagBytes(flvTagType.video, 0, header.data));
    const still = new StillPictures(keyframe.data, header?.data, -Math.ceil(primeMs / primeStepMs));
    for (let stamp = 0; stamp < primeMs; stamp += primeStepMs) {
      stills.push(flvTagBytes(flvTagType.video, stamp, still.next()));
    }
    for (const bytes of stills) this.#gathered.add(videoPipe, bytes);
    this.#writeSilence(primeMs * samplesPerMs);
  }

  /** Sound begins with the very sample at which the first picture stands. */
  #startSound(firstSample: number): void {
    const recent = this.#recentSound;
    this.#recentSound = [];
    const first = recent[0]?.startSample ?? firstSample;
    const missing = Math.min(first - firstSample, recentSoundSamples);
    if (missing > 0) this.#writeSilence(missing);
    for (const { startSample, tracks } of recent) {
      const skip = Math.max(0, firstSample - startSample) * 2;
      if (skip < (tracks[0]?.length ?? 0))
        this.#writeSound(tracks.map((pcm) => pcm.subarray(skip)));
    }
  }

  #writeSound(tracks: readonly Int16Array[]): void {
    for (const [track, pcm] of tracks.entries())
      this.#gathered.add(audioPipe + track, asBytes(pcm));
  }

  #writeSilence(samples: number): void {
    const silence = new Int16Array(samples * 2);
    this.#writeSound(Array.from({ length: this.soundTracks }, () => silence));
  }

  get #pipes(): number[] {
    return pushPipes(this.soundTracks);
  }

  #flush(): void {
    this.#gathered.flush(this.#child, () => {
      this.#takenAtMs = this.parent.now();
    });
  }

  #waitingBytes(child: NativeChild): number {
    return this.#pipes.reduce((sum, pipe) => sum + child.writable(pipe).writableLength, 0);
  }

  #fail(code: string, detail: string): void {
    if (this.#isClosed()) return;
    const child = this.#child;
    this.#child = undefined;
    this.#gathered.clear();
    this.#stoppedSinceMs = undefined;
    this.#state = "idle";
    this.counters.pushFailures += 1;
    if (child !== undefined) {
      const ranMs = this.parent.now() - this.#startedAtMs;
      if (this.#takenAtMs !== undefined && ranMs > settledMs) this.#backoff.reset();
      child.signal("SIGKILL");
      void child.stop();
    }
    this.parent.event("warn", code, `output ${this.language}: ${detail}`);
    this.#restartTimer = setTimeout(() => {
      this.#restartTimer = undefined;
      this.open();
    }, this.#backoff.next());
  }
}
