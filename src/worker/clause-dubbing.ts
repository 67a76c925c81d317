import { randomUUID } from "node:crypto";
import type { ClauseReport } from "../protocol/clause-report.ts";
import { streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { Counters } from "../sts/counters.ts";
import type { FragmentOutcome, OutgoingFragment } from "../sts/fragment.ts";
import type { StsClient } from "../sts/sts-client.ts";
import type { AirClock } from "./air-clock.ts";
import { ClauseMemory } from "./clause-memory.ts";
import { ClauseTrack } from "./clause-track.ts";
import type { DubPiece } from "./dub-stream.ts";
import type { DubTrack, Placement } from "./dub-track.ts";
import { settledPiece } from "./fragment-judge.ts";
import { GridCutter, type GridPiece } from "./grid-cutter.ts";
import type { Listener } from "./listener.ts";
import type { FragmentMedia, SettledFragment } from "./settled-fragment.ts";

/** Length of the pieces sent to a session that works by clauses (design section 3), ms. */
export const clausePieceMs = { live: 320, file: 500 } as const;
/** Silence sent after the end of a file: the last words of its dub may sound in it. */
const fileTailSamples = 2 * streamSampleRateHz;

export interface ClauseDubbingOptions {
  readonly client: StsClient;
  /** One for each target language, the main one first. */
  readonly tracks: readonly DubTrack[];
  readonly listener: Listener;
  readonly live: boolean;
  readonly air: AirClock;
  readonly counters: Counters;
  readonly onFragment: (fragment: SettledFragment, media: FragmentMedia) => void;
  readonly onClause: (clause: ClauseReport) => void;
  readonly onText: (source: string, translated: string) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * A run's dubbing by clauses: all of stream time goes to the sidecar in short pieces, and each answer says what
 * sounds in its piece and which clauses begin in it.
 */
export class ClauseDubbing {
  readonly cutter: GridCutter;
  readonly #tracks: readonly ClauseTrack[];
  #memory: ClauseMemory;
  #session = 0;

  constructor(private readonly options: ClauseDubbingOptions) {
    const pieceMs = clausePieceMs[options.live ? "live" : "file"];
    this.cutter = new GridCutter((pieceMs * streamSampleRateHz) / 1000, 0);
    this.#tracks = options.tracks.map(
      ({ language }, index) => new ClauseTrack(language, index === 0),
    );
    this.#memory = this.#newMemory();
  }

  take(pieces: readonly GridPiece[]): void {
    for (const piece of pieces) this.#dub(piece).catch(this.options.onError);
  }

  /** Time that is not there: the relay plays its fallback. */
  skip(startSample: number, endSample: number): void {
    for (const track of this.options.tracks)
      track.reserve({ startSample, endSample })({ kind: "fallback" });
  }

  /** The input has ended: the session lets go of what it holds. */
  end(atSample: number): void {
    if (!this.options.live) {
      const pieces = new GridCutter(clausePieceMs.file * (streamSampleRateHz / 1000), atSample);
      for (const piece of pieces.flush(atSample + fileTailSamples))
        this.#dub({ ...piece, speech: false }, true).catch(this.options.onError);
    }
    this.options.client.flush();
  }

  /** Nothing more is answered: clauses whose fate was not told are given up. */
  close(): void {
    this.#memory.close();
  }

  #newMemory(): ClauseMemory {
    const { tracks, counters, onClause } = this.options;
    return new ClauseMemory(
      tracks.map(({ language }) => language),
      {
        onFinal: (clause) => {
          counters.add("clauses");
          counters.add("clause_words", wordsIn(clause.sourceText));
          onClause(clause);
        },
        onFate: (language, status, reason) => {
          if (language !== tracks[0]?.language) return;
          counters.add(`clauses_${status}`);
          if (status === "dropped")
            counters.add(`clause_dropped_${(reason ?? "untold").toLowerCase()}`);
        },
      },
    );
  }

  /** @param isTail after the end of the input: only what sounds is handed over */
  async #dub({ startSample, endSample, speech }: GridPiece, isTail = false): Promise<void> {
    const { client, tracks, counters } = this.options;
    const fragment = this.#fragmentOf({ startSample, endSample, speech });
    const input = this.options.listener.pcm(startSample, endSample, streamSampleRateHz);
    const settles = tracks.map((track) =>
      track.reserve({ startSample, endSample, fragmentId: fragment.fragmentId }),
    );
    counters.add(speech ? "pieces_speech" : "pieces_silent");
    const outcome = await client.submit(fragment);
    const memory = this.#hear(fragment, outcome);
    for (const [index, settle] of settles.entries()) {
      const track = this.#tracks[index] as ClauseTrack;
      let dub: readonly DubPiece[] = [];
      const compose = () => {
        const { pieces, regions } = track.compose(fragment, outcome, memory);
        dub = pieces;
        return { pieces, regions: isTail ? regions.filter(({ kind }) => kind === "dub") : regions };
      };
      settle({ kind: "continuous", compose }, (placement) => {
        if (index !== 0) return;
        this.#tell(fragment, outcome, placement, memory, { input, dub: joined(dub) });
      });
    }
  }

  #fragmentOf({ startSample, endSample, speech }: GridPiece): OutgoingFragment {
    const { listener, live, air } = this.options;
    const narrow = speech ? listener.pcm(startSample, endSample, 16_000) : undefined;
    const silence = (rateHz: number) =>
      new Uint8Array(2 * Math.round(((endSample - startSample) * rateHz) / streamSampleRateHz));
    return {
      fragmentId: randomUUID(),
      startSample,
      endSample,
      durationMs: Math.round(((endSample - startSample) * 1000) / streamSampleRateHz),
      // A session that works by clauses hears 16 kHz; no other is sent such a piece.
      pcm: (rateHz) => narrow ?? silence(rateHz),
      airsAtMs: live ? air.airsAtMs(startSample) : undefined,
      held: true,
      speech,
    };
  }

  /** Learns what an answer tells. Answers come in order, and each session knows nothing of the one before. */
  #hear(fragment: OutgoingFragment, outcome: FragmentOutcome): ClauseMemory {
    if (outcome.kind === "failed") return this.#memory;
    if (this.#session !== this.options.client.sessions) {
      this.#session = this.options.client.sessions;
      this.#memory.close();
      this.#memory = this.#newMemory();
    }
    const { clauses = [], transcript = "", translatedText = "" } = outcome.answer;
    this.#memory.learn(clauses, fragment.startSample);
    if (transcript !== "" || translatedText !== "") this.options.onText(transcript, translatedText);
    return this.#memory;
  }

  #tell(
    fragment: OutgoingFragment,
    outcome: FragmentOutcome,
    placement: Placement,
    memory: ClauseMemory,
    media: FragmentMedia,
  ): void {
    const { startSample, endSample, speech } = fragment;
    const language = this.#tracks[0]?.language ?? "";
    const dropped = memory.dropReason(language, startSample, endSample);
    const settled = settledPiece(fragment, outcome, placement, dropped);
    // Silence that stayed silent is no news.
    if (!speech && settled.outcome === "no-speech") return;
    this.options.counters.add(`outcome_${settled.outcome}`);
    this.options.onFragment(settled, media);
  }
}

/** What sounds of a fragment, in one; its pieces follow each other. */
function joined(pieces: readonly DubPiece[]): Int16Array | undefined {
  if (pieces.length === 0) return undefined;
  const whole = new Int16Array(pieces.reduce((sum, { samples }) => sum + samples.length, 0));
  let at = 0;
  for (const { samples } of pieces) {
    whole.set(samples, at);
    at += samples.length;
  }
  return whole;
}

function wordsIn(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}
