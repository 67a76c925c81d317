import { EspeakProcess } from "./espeak-process.ts";
import type { Phonemizer } from "./phonemes.ts";

/** A stretch between punctuation is short: espeak-ng answers in 1–20 ms once it runs. */
const answerWithinMs = 4000;
/** Voices kept warm; a session has one. */
const mostProcesses = 4;

/** espeak-ng is missing or failed; the message says which and what helps. */
export class EspeakError extends Error {
  override readonly name = "EspeakError";

  constructor(
    message: string,
    /** False: it cannot be run at all. */
    readonly retryable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Grapheme to phoneme by espeak-ng (GPL-3), which runs as a program of its own, without a shell; the text
 * goes through its standard input. A process for each voice stays: starting one costs ten times as much as
 * its answer. One that dies or hangs is replaced, and the text is asked once more. `ESPEAK_NG_BIN` names
 * another copy than the one on PATH.
 *
 * @param timeoutMs longest answer to one text
 * @throws {EspeakError} when there is none
 */
export function createPhonemizer(timeoutMs = answerWithinMs): Phonemizer {
  const program = process.env["ESPEAK_NG_BIN"] || Bun.which("espeak-ng");
  if (!program)
    throw new EspeakError(
      "espeak-ng is not on PATH: install it (Debian and Ubuntu: apt-get install espeak-ng), " +
        "or name it with ESPEAK_NG_BIN",
      false,
    );
  const pool = new EspeakPool(program, timeoutMs);
  return (texts, espeakVoice) => pool.read(texts, espeakVoice);
}

class EspeakPool {
  /** By voice, the one used longest ago first. */
  readonly #processes = new Map<string, EspeakProcess>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly program: string,
    private readonly timeoutMs: number,
  ) {}

  read(texts: readonly string[], espeakVoice: string): Promise<string[]> {
    const answered = this.#turn.then(async () => {
      const lines: string[] = [];
      for (const text of texts) lines.push(await this.#readOne(text, espeakVoice));
      return lines;
    });
    this.#turn = answered.catch(() => {});
    return answered;
  }

  async #readOne(text: string, voice: string): Promise<string> {
    try {
      return await this.#tried(text, voice);
    } catch (cause) {
      if (cause instanceof EspeakError) throw cause;
    }
    try {
      return await this.#tried(text, voice);
    } catch (cause) {
      if (cause instanceof EspeakError) throw cause;
      const said = cause instanceof Error ? cause.message : String(cause);
      throw new EspeakError(`espeak-ng failed twice on voice ${voice}: ${said}`, true, { cause });
    }
  }

  async #tried(text: string, voice: string): Promise<string> {
    const process = this.#processOf(voice);
    try {
      return await process.read(text, this.timeoutMs);
    } catch (cause) {
      this.#processes.delete(voice);
      throw cause;
    }
  }

  #processOf(voice: string): EspeakProcess {
    const process = this.#processes.get(voice) ?? this.#spawn(voice);
    this.#processes.delete(voice);
    this.#processes.set(voice, process);
    for (const [oldest, unused] of this.#processes) {
      if (this.#processes.size <= mostProcesses) break;
      unused.kill();
      this.#processes.delete(oldest);
    }
    return process;
  }

  #spawn(voice: string): EspeakProcess {
    try {
      return new EspeakProcess(this.program, voice);
    } catch (cause) {
      throw new EspeakError(`${this.program} cannot be run: ${String(cause)}`, false, { cause });
    }
  }
}
