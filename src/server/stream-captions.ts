import { captionUnitsOf } from "../captions/clause-captions.ts";
import type { Cue } from "../captions/cue-layout.ts";
import { CueTrack } from "../captions/cue-track.ts";
import type { ClauseReport } from "../protocol/clause-report.ts";
import { captionSegmentMs, type CaptionWindow } from "./caption-playlist.ts";
import { StreamPosition } from "./stream-position.ts";

/** How many segments a viewer may still fetch. */
const windowSegments = 30;
/** Cues kept a language: the window, what waits for its time, and room for very short ones. */
const mostCues = 400;
/** Clauses whose captions are known already, so that one told twice is shown once. */
const mostKnown = 512;
/** A clause that comes later than this after its end is of no use to anyone. */
const uselessAfterMs = 5000;

/** What of one language may be fetched now. */
export interface CaptionSegment {
  readonly cues: readonly Cue[];
  /** Stream time at which the segment begins. */
  readonly startMs: number;
  /** Wall clock at which its first picture left. */
  readonly startUnixMs: number;
}

/** One run of a stream: a new relay begins a new timeline. */
interface Run {
  readonly id: string;
  readonly position: StreamPosition;
  readonly tracks: ReadonlyMap<string, CueTrack>;
  readonly known: Set<string>;
  /** Number of the segment that begins at stream time 0; fixed at the first measurement. */
  base: number | undefined;
}

/** The captions of one stream in every language, as long as viewers may ask for them. Bounded. */
export class StreamCaptions {
  #late = 0;
  #ended = { tooFast: 0, dropped: 0 };
  #run: Run | undefined;

  /** @param now Unix milliseconds */
  constructor(
    readonly sourceLanguage: string,
    readonly languages: readonly string[],
    private readonly now: () => number = Date.now,
  ) {}

  /** @param playedMs stream time of the picture that leaves now */
  played(runId: string, playedMs: number): void {
    const run = this.#runOf(runId);
    run.position.measure(playedMs, this.now());
    // Numbers go by the wall clock, so that they go on over runs and over a restart of everything.
    const zeroUnixMs = run.position.zeroUnixMs ?? this.now();
    run.base ??= Math.round(zeroUnixMs / captionSegmentMs);
    this.#slide(run);
  }

  add(runId: string, clause: ClauseReport): void {
    const run = this.#runOf(runId);
    const nowMs = this.#positionMs(run) ?? 0;
    for (const { language, unit } of captionUnitsOf(clause, this.sourceLanguage)) {
      const key = `${clause.clauseId} ${language}`;
      if (run.known.has(key)) continue;
      run.known.add(key);
      const [oldest] = run.known;
      if (run.known.size > mostKnown && oldest !== undefined) run.known.delete(oldest);
      if (unit.endMs + uselessAfterMs < nowMs) this.#late += 1;
      else run.tracks.get(language)?.add(unit);
    }
  }

  /** The segments that may be fetched; undefined before the first picture has left. */
  window(): CaptionWindow | undefined {
    const run = this.#run;
    if (run === undefined) return undefined;
    const window = this.#slide(run);
    const zeroUnixMs = run.position.zeroUnixMs;
    if (window === undefined || zeroUnixMs === undefined || run.base === undefined)
      return undefined;
    const firstUnixMs = zeroUnixMs + window.first * captionSegmentMs;
    return { first: run.base + window.first, last: run.base + window.last, firstUnixMs };
  }

  /** One segment of the window; undefined for any other, and for an unknown language. */
  segment(language: string, number: number): CaptionSegment | undefined {
    const run = this.#run;
    const window = this.window();
    const track = run?.tracks.get(language);
    const zeroUnixMs = run?.position.zeroUnixMs;
    if (run?.base === undefined || window === undefined || track === undefined) return undefined;
    if (zeroUnixMs === undefined || number < window.first || number > window.last) return undefined;
    const startMs = (number - run.base) * captionSegmentMs;
    return {
      cues: track.between(startMs, startMs + captionSegmentMs),
      startMs,
      startUnixMs: zeroUnixMs + startMs,
    };
  }

  /** Cues that went faster than anyone reads, cues that were too many to keep, captions that came too late to show. */
  get counters(): { readonly tooFast: number; readonly dropped: number; readonly late: number } {
    const { tooFast, dropped } = countsOf(this.#run, this.#ended);
    return { tooFast, dropped, late: this.#late };
  }

  #runOf(runId: string): Run {
    if (this.#run?.id === runId) return this.#run;
    this.#ended = countsOf(this.#run, this.#ended);
    this.#run = {
      id: runId,
      position: new StreamPosition(),
      tracks: new Map(this.languages.map((language) => [language, new CueTrack(mostCues)])),
      known: new Set(),
      base: undefined,
    };
    return this.#run;
  }

  #positionMs(run: Run): number | undefined {
    const zeroUnixMs = run.position.zeroUnixMs;
    return zeroUnixMs === undefined ? undefined : this.now() - zeroUnixMs;
  }

  /** Moves the window to now, counted in segments from stream time 0; what it lists is never changed again. */
  #slide(run: Run): { first: number; last: number } | undefined {
    const positionMs = this.#positionMs(run);
    if (positionMs === undefined || positionMs < 0) return undefined;
    const last = Math.floor(positionMs / captionSegmentMs);
    const first = Math.max(0, last - windowSegments + 1);
    for (const track of run.tracks.values()) {
      track.publish((last + 1) * captionSegmentMs);
      track.forget(first * captionSegmentMs);
    }
    return { first, last };
  }
}

/** What a run's tracks have counted, on top of what was counted before. */
function countsOf(run: Run | undefined, before: { tooFast: number; dropped: number }) {
  const tracks = [...(run?.tracks.values() ?? [])];
  return {
    tooFast: tracks.reduce((sum, track) => sum + track.tooFast, before.tooFast),
    dropped: tracks.reduce((sum, track) => sum + track.dropped, before.dropped),
  };
}
