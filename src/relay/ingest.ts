import type { PulledTracks } from "../media/live-commands.ts";
import type { FlvTag } from "../media/flv.ts";
import { Backoff } from "../process/backoff.ts";
import { readProcStat } from "../process/proc-stat.ts";
import { Pull, type PullEnd, type PullHandlers } from "./pull.ts";

/** A pull that delivers nothing any more is replaced; MediaMTX drops a silent publisher after 10 s. */
const silentMs = 12_000;
/** The same for one that was stopped (SIGSTOP, a debugger): it will not go on by itself. */
const stoppedMs = 1500;
/** Before it has delivered anything, a pull looks for its tracks, for 15 s at most. */
const probingMs = 20_000;
/**
 * So many pictures in a row whose stamps do not advance by more than a millisecond: the publisher's stamps
 * jumped back within its session. FFmpeg holds them at the last one and drops the sound for as long as the
 * jump was; a new pull has a new zero.
 */
const standingPictures = 12;
const leastStepMs = 2;
/** After the input is said to be lost its pull gets the end of the stream; this long is waited for it. */
const endWithinMs = 1000;

export interface IngestParent {
  /** A pull begins: what it delivers has a new zero. */
  spanOpened(): void;
  /** A pull ended: nothing follows what it delivered. */
  spanEnded(): void;
  video(tag: FlvTag, nowMs: number): void;
  /** False when the samples cannot belong to this span (its stamps broke). */
  sound(startSample: number, samples: Int16Array, nowMs: number): boolean;
  event(level: "info" | "warn" | "error", code: string, message: string): void;
  now(): number;
}

/**
 * Keeps one pull running while a publisher is there: starts it, replaces it when it dies or falls silent
 * or when another publisher takes the path, and says plainly what cannot be carried.
 */
export class Ingest {
  readonly counters = { pulls: 0, pullFailures: 0 };
  #sourceId: string | undefined;
  #pull: Pull | undefined;
  #generation = 0;
  #tracks: PulledTracks = "video+audio";
  #heardAtMs = 0;
  #hasDelivered = false;
  #lastStampMs = Number.NEGATIVE_INFINITY;
  #standing = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #backoff = new Backoff({ firstMs: 250, capMs: 2000 });
  #slowBackoff = new Backoff({ firstMs: 3000, capMs: 30_000 });

  constructor(
    private readonly ffmpegPath: string,
    private readonly inputUrl: string,
    private readonly parent: IngestParent,
  ) {}

  get pid(): number | undefined {
    return this.#pull?.pid;
  }

  /** A publisher is on the input path; told again for the same one, nothing happens. */
  available(sourceId: string): void {
    if (this.#sourceId === sourceId) return;
    this.#sourceId = sourceId;
    this.#tracks = "video+audio";
    this.#backoff.reset();
    this.#slowBackoff.reset();
    this.restart();
  }

  /** The publisher went; word of one that was already replaced is ignored. */
  lost(sourceId: string): void {
    if (this.#sourceId !== sourceId) return;
    this.#sourceId = undefined;
    clearTimeout(this.#timer);
    const generation = this.#generation;
    this.#timer = setTimeout(() => {
      if (generation === this.#generation) this.#drop();
    }, endWithinMs);
  }

  /** Replaces the pull at once. */
  restart(): void {
    this.#drop();
    clearTimeout(this.#timer);
    if (this.#sourceId !== undefined) void this.#start();
  }

  /** Replaces a pull that fell silent; to be called now and then. */
  check(): void {
    const limitMs = this.#hasDelivered ? silentMs : probingMs;
    const pull = this.#pull;
    if (pull === undefined) return;
    const silentForMs = this.parent.now() - this.#heardAtMs;
    const isHeld = silentForMs >= stoppedMs && readProcStat(pull.pid)?.state === "T";
    if (silentForMs < limitMs && !isHeld) return;
    const message = `nothing came for ${(silentForMs / 1000).toFixed(1)} s: pulling anew`;
    this.parent.event("warn", "pull-stalled", message);
    this.restart();
  }

  async close(): Promise<void> {
    this.#sourceId = undefined;
    clearTimeout(this.#timer);
    this.#generation += 1;
    const pull = this.#pull;
    this.#pull = undefined;
    await pull?.close();
  }

  async #start(): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    const isCurrent = () => generation === this.#generation;
    const heard = () => {
      this.#hasDelivered = true;
      this.#heardAtMs = this.parent.now();
      return this.#heardAtMs;
    };
    const handlers: PullHandlers = {
      onVideo: (tag) => {
        if (!isCurrent()) return;
        if (!this.#stampsStand(tag)) return this.parent.video(tag, heard());
        this.#stampsBroke("stand still");
      },
      onSound: (startSample, samples) => {
        if (!isCurrent() || this.parent.sound(startSample, samples, heard())) return;
        this.#stampsBroke("jumped");
      },
      onEnd: (end) => isCurrent() && this.#ended(end),
    };
    this.counters.pulls += 1;
    this.parent.spanOpened();
    this.#hasDelivered = false;
    this.#lastStampMs = Number.NEGATIVE_INFINITY;
    this.#standing = 0;
    this.#heardAtMs = this.parent.now();
    try {
      const pull = await Pull.start(this.ffmpegPath, this.inputUrl, this.#tracks, handlers);
      if (isCurrent()) this.#pull = pull;
      else await pull.close();
    } catch (error) {
      if (!isCurrent()) return;
      this.counters.pullFailures += 1;
      this.parent.event("error", "pull-failed", String(error));
      this.#again(this.#backoff.next());
    }
  }

  #stampsStand(tag: FlvTag): boolean {
    this.#standing = tag.timestampMs - this.#lastStampMs < leastStepMs ? this.#standing + 1 : 0;
    this.#lastStampMs = tag.timestampMs;
    return this.#standing >= standingPictures;
  }

  #stampsBroke(how: string): void {
    this.parent.event("warn", "stamps-broke", `the input's timestamps ${how}: pulling anew`);
    this.restart();
  }

  /** Lets the present pull go; what it still delivers is no longer heard. */
  #drop(): void {
    this.#generation += 1;
    const pull = this.#pull;
    this.#pull = undefined;
    if (pull === undefined) return;
    this.parent.spanEnded();
    void pull.close();
  }

  #ended(end: PullEnd): void {
    this.#pull = undefined;
    this.parent.spanEnded();
    switch (end.kind) {
      case "closed":
        return;
      case "ended":
        this.parent.event("info", "input-ended", "the input ended");
        this.#backoff.reset();
        this.#again(this.#backoff.next());
        return;
      case "no-audio":
        this.parent.event(
          "warn",
          "input-without-audio",
          "the input has no sound: its picture passes with silence, and there is nothing to dub",
        );
        this.#tracks = "video";
        this.#again(0);
        return;
      case "no-video":
        this.#refuse(
          "input-without-video",
          "the input has no picture: publish video with the sound",
          end,
        );
        return;
      case "unsupported-video":
        this.#refuse("unsupported-video", "the video codec cannot be carried: publish H.264", end);
        return;
      case "failed":
        this.counters.pullFailures += 1;
        this.parent.event("warn", "pull-failed", `the input could not be read: ${end.detail}`);
        this.#again(this.#backoff.next());
    }
  }

  /** What no new attempt cures soon; another publisher may bring better. */
  #refuse(code: string, message: string, end: PullEnd): void {
    this.counters.pullFailures += 1;
    const detail = end.kind === "closed" ? "" : ` (${end.detail})`;
    this.parent.event("error", code, `${message}${detail}`);
    this.#again(this.#slowBackoff.next());
  }

  #again(inMs: number): void {
    clearTimeout(this.#timer);
    if (this.#sourceId === undefined) return;
    this.#timer = setTimeout(() => void this.#start(), inMs);
  }
}
