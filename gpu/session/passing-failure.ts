import { EngineError } from "../inference/engine-error.ts";

/** A call that failed because its process died is made this often at most. */
const tries = 3;

/**
 * Makes a call again when the process behind it died: it is back within seconds. The lane waits meanwhile, so that the
 * order of a session's work stays.
 *
 * @param isOver true when nobody waits for the answer any more
 */
export async function overDeaths<Answer>(
  call: () => Promise<Answer>,
  isOver: () => boolean,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const isPassing =
        error instanceof EngineError && error.retryable && error.code === "MODEL_ERROR";
      if (!isPassing || attempt === tries || isOver()) throw error;
    }
  }
}
