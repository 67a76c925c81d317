import type { DubSlice } from "./dub-track.ts";
import type { PlacedSlot } from "./isochrony.ts";
import type { Verdict } from "./slicer.ts";

/** A clause's dub as it was synthesised: mono at the line's rate, silence trimmed, at least one sample. */
export interface SpokenClause {
  readonly samples: Float32Array;
  /** The tempo that the synthesiser was asked for; 1 = natural. */
  readonly tempo: number;
  /** Expected length at tempo 1 of what of the clause is spoken after it; absent: nothing. */
  readonly laterMs?: number;
}

/** Changes the length of speech and keeps its pitch: `stretch` 1.1 is a tenth longer. */
export type Stretch = (samples: Float32Array, stretch: number) => Float32Array;

/** What an answer says of a clause: its dub begins in this fragment, or it is late, or it will never be heard. */
export interface ClauseNotice {
  readonly clauseId: string;
  readonly language: string;
  readonly status: "dubbed" | "late" | "dropped";
  /** Of a dubbed one: where it lies. */
  readonly slot?: PlacedSlot;
  /** Of a dropped one. */
  readonly reason?: string;
}

export interface LineAnswer {
  readonly verdict: Verdict;
  /** Dub of the fragment by language; absent for `missed` and `hole`. */
  readonly dub?: ReadonlyMap<string, DubSlice>;
  readonly notices: readonly ClauseNotice[];
}
