import { EngineError } from "./engine-error.ts";
import type { InferenceChild } from "./inference-child.ts";
import type {
  HearRequest,
  HearResult,
  RecogniseInfo,
  RecogniseResult,
  TranscribePayload,
  TranscribeAnswer,
} from "./messages.ts";
import type { RequestLimits } from "./request-queue.ts";

export type HearingChild = InferenceChild<HearRequest, RecogniseInfo, HearResult>;

/** What the recogniser's process is asked for, each question with its own kind of answer. */
export class Hearing {
  constructor(private readonly child: HearingChild) {}

  /** All speech of a fragment that stands by itself. @throws {EngineError} */
  async fragment(
    pcm16k: Float32Array,
    language: string,
    limits?: RequestLimits,
  ): Promise<RecogniseResult> {
    const answer = await this.child.request({ kind: "fragment", pcm16k, language }, limits);
    return answer.kind === "fragment" ? answer : wrongAnswer(answer);
  }

  /** One pass over a window of speech. @throws {EngineError} */
  async window(
    request: Omit<TranscribePayload, "kind">,
    limits?: RequestLimits,
  ): Promise<Omit<TranscribeAnswer, "kind">> {
    const answer = await this.child.request({ kind: "window", ...request }, limits);
    if (answer.kind !== "window") return wrongAnswer(answer);
    const { kind: _, ...heard } = answer;
    return heard;
  }
}

function wrongAnswer({ kind }: HearResult): never {
  throw new EngineError("MODEL_ERROR", {
    message: `the recogniser answered with a ${kind}, which was not asked for`,
    retryable: true,
    blame: "us",
    stage: "asr",
  });
}
