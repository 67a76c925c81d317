import type { StsAudio } from "../protocol/sts-audio.ts";
import type { FragmentAnswer, FragmentOutcome, OutgoingFragment } from "../sts/fragment.ts";
import type { Placement, Settlement } from "./dub-track.ts";
import type { SettledFragment } from "./settled-fragment.ts";

/** Decodes an answer's audio to mono s16 at 48 kHz; rejects when it cannot be played. */
export type AnswerDecoder = (audio: StsAudio) => Promise<Int16Array>;

/** What an outcome means for the output, and what is told of it. */
export interface Verdict {
  readonly settlement: Settlement;
  readonly fragment: SettledFragment;
}

/** Engines that play the source back: their sound replaces the original instead of doubling it. */
const playbackEngines: ReadonlySet<string> = new Set(["echo", "tone"]);

/**
 * Decides what an answer means (design section 3): an empty transcript is no speech, so the original plays;
 * audio is the dub; no answer, or none that can be played, is the fallback.
 */
export class FragmentJudge {
  constructor(
    private readonly decode: AnswerDecoder,
    private readonly engine: () => string | null,
  ) {}

  async judge(fragment: OutgoingFragment, outcome: FragmentOutcome): Promise<Verdict> {
    if (outcome.kind === "failed") {
      const told = { ...unanswered(fragment), reason: outcome.reason, detail: outcome.message };
      return {
        settlement: { kind: "fallback" },
        fragment: {
          ...told,
          sequenceNumber: outcome.sequenceNumber ?? null,
          roundTripMs: outcome.roundTripMs ?? null,
        },
      };
    }
    const { answer } = outcome;
    const told: SettledFragment = {
      ...unanswered(fragment),
      sequenceNumber: outcome.sequenceNumber,
      roundTripMs: Math.round(outcome.roundTripMs),
      ...textsOf(answer),
    };
    if (saysNothing(answer))
      return {
        settlement: { kind: "original" },
        fragment: { ...told, outcome: "no-speech", reason: null },
      };
    try {
      if (answer.audio === undefined) throw new Error("no audio");
      const samples = await this.decode(answer.audio);
      const kind = playbackEngines.has(this.engine() ?? "") ? "replace" : "dub";
      const partial = answer.status === "partial";
      const reason = partial ? (answer.error?.code.toLowerCase() ?? "partial") : null;
      return {
        settlement: { kind, samples },
        fragment: { ...told, outcome: partial ? "partial" : "dubbed", reason },
      };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return {
        settlement: { kind: "fallback" },
        fragment: { ...told, outcome: "fallback", reason: "invalid_output", detail },
      };
    }
  }

  /** Corrects what is told by how the stretch was placed in the end. */
  afterPlacement(fragment: SettledFragment, placement: Placement): SettledFragment {
    const placed = {
      ...fragment,
      dubStartSample: placement.dubStartSample ?? null,
      dubEndSample: placement.dubEndSample ?? null,
    };
    if (placement.dropped !== undefined)
      return { ...placed, outcome: "fallback", reason: placement.dropped };
    // Audio that is silent throughout: words were heard, but nothing was spoken.
    if (placement.kind === "original" && fragment.outcome !== "no-speech")
      return { ...placed, outcome: "no-speech" };
    return placed;
  }
}

/**
 * What is told of a piece of continuous dub.
 *
 * @param dropped why a clause of which words are said in it was given up
 */
export function settledPiece(
  fragment: OutgoingFragment,
  outcome: FragmentOutcome,
  placement: Placement,
  dropped: string | undefined,
): SettledFragment {
  const told: SettledFragment = {
    ...unanswered(fragment),
    sequenceNumber: outcome.sequenceNumber ?? null,
    roundTripMs: outcome.roundTripMs === undefined ? null : Math.round(outcome.roundTripMs),
    dubStartSample: placement.dubStartSample ?? null,
    dubEndSample: placement.dubEndSample ?? null,
  };
  if (outcome.kind === "failed")
    return fragment.speech === false
      ? { ...told, outcome: "no-speech", detail: outcome.message }
      : { ...told, reason: outcome.reason, detail: outcome.message };
  const { answer } = outcome;
  const answered: SettledFragment = { ...told, ...textsOf(answer) };
  if (placement.dropped !== undefined) return { ...answered, reason: placement.dropped };
  if (placement.kind === "original") return { ...answered, outcome: "no-speech" };
  if (placement.kind === "fallback")
    return { ...answered, reason: dropped === undefined ? "invalid_output" : `clause_${dropped}` };
  const isHurt = answer.status === "partial";
  return {
    ...answered,
    outcome: isHurt ? "partial" : "dubbed",
    reason: isHurt ? (dropped === undefined ? "clause_late" : `clause_${dropped}`) : null,
  };
}

function textsOf(answer: FragmentAnswer) {
  return {
    transcript: answer.transcript ?? "",
    translatedText: answer.translatedText ?? "",
    tempo: answer.tempo ?? null,
    processingTimeMs: answer.processingTimeMs ?? null,
    stageTimings: answer.stageTimings ?? null,
  };
}

/** No speech: an empty transcript, told as such; a server that tells nothing is believed to have dubbed. */
function saysNothing(answer: FragmentAnswer): boolean {
  return answer.transcript?.trim() === "" && !answer.translatedText?.trim();
}

function unanswered(fragment: OutgoingFragment): SettledFragment {
  return {
    fragmentId: fragment.fragmentId,
    sequenceNumber: null,
    startSample: fragment.startSample,
    endSample: fragment.endSample,
    outcome: "fallback",
    reason: null,
    transcript: "",
    translatedText: "",
    tempo: null,
    processingTimeMs: null,
    roundTripMs: null,
    stageTimings: null,
    dubStartSample: null,
    dubEndSample: null,
    detail: null,
  };
}
