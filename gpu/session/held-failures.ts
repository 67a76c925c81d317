import { FragmentFailure } from "./fragment-processor.ts";

/** Audio that cannot be read, as its fragment's answer. */
export function asHeldFailure(error: unknown): FragmentFailure {
  if (error instanceof FragmentFailure) return error;
  const message = error instanceof Error ? error.message : "the audio cannot be read";
  return new FragmentFailure("PROCESSING_ERROR", message, { stage: "asr", retryable: true });
}

/** A fragment that comes too late, or is one too many. */
export function notAccepted(why: "repeated" | "stale" | "full"): FragmentFailure {
  if (why === "full")
    return new FragmentFailure("QUEUE_FULL", "too many fragments are held already", {
      stage: "asr",
      retryable: true,
    });
  return new FragmentFailure("TIMEOUT", "it came after its number had been given up", {
    stage: "asr",
    retryable: false,
  });
}

/** A fragment whose words missed their time. @param texts clauses that were to begin in it */
export function missedItsTime(texts: readonly string[]): FragmentFailure {
  const what = texts.length > 0 ? `"${texts.join(" ")}"` : "what is said in it";
  return new FragmentFailure("TIMEOUT", `${what} was not dubbed before it airs`, {
    stage: "asr",
    retryable: false,
  });
}
