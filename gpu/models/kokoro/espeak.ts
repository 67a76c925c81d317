import type { Phonemizer } from "./phonemes.ts";

/** A stretch between punctuation is short; espeak-ng answers in 5–20 ms. */
const timeoutMs = 4000;
const atOnce = 4;

/** espeak-ng is missing or failed; the message says which and what helps. */
export class EspeakError extends Error {
  override readonly name = "EspeakError";
}

/**
 * Grapheme to phoneme by espeak-ng (GPL-3), which runs as a program of its own, without a shell; the text
 * goes through its standard input. `ESPEAK_NG_BIN` names another copy than the one on PATH.
 *
 * @throws {EspeakError} when there is none
 */
export function createPhonemizer(): Phonemizer {
  const program = process.env["ESPEAK_NG_BIN"] || Bun.which("espeak-ng");
  if (!program)
    throw new EspeakError(
      "espeak-ng is not on PATH: install it (Debian and Ubuntu: apt-get install espeak-ng), " +
        "or name it with ESPEAK_NG_BIN",
    );
  return async (texts, espeakVoice) => {
    const lines: string[] = [];
    for (let from = 0; from < texts.length; from += atOnce) {
      const group = texts.slice(from, from + atOnce);
      lines.push(...(await Promise.all(group.map((text) => speak(program, text, espeakVoice)))));
    }
    return lines;
  };
}

async function speak(program: string, text: string, espeakVoice: string): Promise<string> {
  let child: Bun.Subprocess<Uint8Array, "pipe", "pipe">;
  try {
    child = Bun.spawn([program, "-v", espeakVoice, "-q", "--ipa", "--tie=^", "--stdin"], {
      stdin: new TextEncoder().encode(`${text}\n`),
      stdout: "pipe",
      stderr: "pipe",
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
  } catch (cause) {
    throw new EspeakError(`${program} cannot be run: ${String(cause)}`, { cause });
  }
  const [ipa, complaint, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (code !== 0)
    throw new EspeakError(
      `espeak-ng ended with ${child.signalCode ?? code} on voice ${espeakVoice}: ${complaint.trim().slice(0, 300)}`,
    );
  return ipa.trim();
}
