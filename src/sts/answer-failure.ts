import { AttemptError, type FragmentAnswer } from "./fragment.ts";

/**
 * What is wrong with an answer; undefined when it can be played or says that nothing was spoken.
 *
 * @param held of a session that works by clauses: an answer without audio says that nothing sounds in its time
 */
export function failureOf(answer: FragmentAnswer, held: boolean): AttemptError | undefined {
  if (answer.status === "failed")
    return asAttemptError(
      answer.error ?? {
        code: "PROCESSING_ERROR",
        message: "failed without a reason",
        retryable: true,
      },
    );
  if (held) return undefined;
  const nothingSaid = answer.transcript?.trim() === "" && !answer.translatedText?.trim();
  if (answer.audio !== undefined || nothingSaid) return undefined;
  if (answer.error !== undefined) return asAttemptError(answer.error);
  return new AttemptError("invalid_output", "an answer without audio", "INVALID_OUTPUT", false);
}

/** A server's error as a failed attempt. */
export function asAttemptError(error: NonNullable<FragmentAnswer["error"]>): AttemptError {
  return new AttemptError(error.code.toLowerCase(), error.message, error.code, error.retryable);
}
