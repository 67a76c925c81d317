import type { StsAudio } from "../protocol/sts-audio.ts";
import { answerPcm } from "../sts/answer-audio.ts";
import type { FragmentOutcome, OutgoingFragment } from "../sts/fragment.ts";
import type { ClauseMemory } from "./clause-memory.ts";
import { DubStream } from "./dub-stream.ts";
import type { Composition } from "./dub-track.ts";
import { primarySubtag } from "./language-subtag.ts";
import { dividedBy } from "./regions.ts";

/** One language of a stream that is dubbed by clauses: from answers, in order, to what is played. */
export class ClauseTrack {
  #stream = new DubStream();

  /** @param isMain the language whose dub is the answer's own; the others stand in its tracks */
  constructor(
    readonly language: string,
    private readonly isMain: boolean,
  ) {}

  /** What is played in the fragment's time; must be called in the order of stream time. */
  compose(
    { startSample, endSample, speech }: OutgoingFragment,
    outcome: FragmentOutcome,
    memory: ClauseMemory,
  ): Composition {
    const audio = this.#audioOf(outcome);
    if (audio === "failed") {
      const kind = speech === false ? ("original" as const) : ("fallback" as const);
      return { pieces: this.#stream.breakOff(), regions: [{ startSample, endSample, kind }] };
    }
    const pieces = this.#stream.push(startSample, endSample, audio.samples, audio.rateHz);
    const sounding = pieces.map((piece) => ({
      startSample: piece.startSample,
      endSample: piece.startSample + piece.samples.length,
      kind: "dub" as const,
    }));
    const marks = memory.marksOf(this.language, startSample, endSample);
    return { pieces, regions: dividedBy([...sounding, ...marks], startSample, endSample) };
  }

  #audioOf(outcome: FragmentOutcome): ReturnType<typeof answerPcm> | "failed" {
    if (outcome.kind === "failed") return "failed";
    const { answer } = outcome;
    const track = answer.tracks?.[primarySubtag(this.language)];
    if (!this.isMain && track?.failed) return "failed";
    const audio: StsAudio | undefined = this.isMain ? answer.audio : track?.audio;
    if (audio === undefined) return { samples: new Float32Array(), rateHz: quietRateHz };
    try {
      return answerPcm(audio);
    } catch {
      return "failed";
    }
  }
}

/** Of an answer in which nothing sounds; the rate that we ask for, so that the sound before it goes on into silence. */
const quietRateHz = 24_000;
