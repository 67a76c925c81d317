import type { FragmentProcessedMessage } from "../../src/protocol/sts-fragment.ts";

/** Answers of a session take at most this much memory when kept for a retry. */
const mostBytes = 2 * 1024 * 1024;

/**
 * The last answers of a session, so that a fragment sent again (the client lost the answer, or does
 * not trust it) gets the very same answer without being dubbed twice. The oldest are forgotten first.
 */
export class AnswerStore {
  readonly #answers = new Map<string, { message: FragmentProcessedMessage; bytes: number }>();
  #bytes = 0;

  /** @param most answers kept; 0 keeps none */
  constructor(private readonly most: number) {}

  find(fragmentId: string): FragmentProcessedMessage | undefined {
    return this.#answers.get(fragmentId)?.message;
  }

  keep(message: FragmentProcessedMessage): void {
    const audio = message.dubbed_audio;
    const bytes = (audio?.data_base64?.length ?? 0) + (audio?.data?.byteLength ?? 0) + 1024;
    if (this.most === 0 || bytes > mostBytes) return;
    this.#forget(message.fragment_id);
    this.#answers.set(message.fragment_id, { message, bytes });
    this.#bytes += bytes;
    for (const id of this.#answers.keys()) {
      if (this.#answers.size <= this.most && this.#bytes <= mostBytes) break;
      this.#forget(id);
    }
  }

  #forget(fragmentId: string): void {
    this.#bytes -= this.#answers.get(fragmentId)?.bytes ?? 0;
    this.#answers.delete(fragmentId);
  }
}
