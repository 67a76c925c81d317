/** One line is read into a buffer of 1000 bytes; longer ones would be cut within a letter. */
const longestLineBytes = 900;
/** Written in espeak-ng's own phonemes, so that no text sounds like it by chance. */
const endMark = "[[tEktEktEktEktEk]]";
/** The answer to a stretch of text is far smaller. */
const largestAnswer = 65_536;

/**
 * A long-lived espeak-ng of one voice. It reads a line and writes the phonemes of each of its clauses at once,
 * so a marked line after each text tells where the answer ends. One text at a time; it is not used again after
 * a failure.
 */
export class EspeakProcess {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "ignore">;
  readonly #output: { read(): Promise<{ value?: Uint8Array | undefined; done: boolean }> };
  readonly #decoder = new TextDecoder();
  #endLine: string | undefined;
  #text = "";

  /** @throws when the program cannot be run */
  constructor(program: string, espeakVoice: string) {
    this.#child = Bun.spawn([program, "-v", espeakVoice, "-q", "--ipa", "--tie=^"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    });
    this.#child.unref();
    const stdout: ReadableStream<Uint8Array> = this.#child.stdout;
    this.#output = stdout.getReader();
  }

  /** @returns IPA on one line. @throws in words, when the process ends or stays silent for `timeoutMs` */
  async read(text: string, timeoutMs: number): Promise<string> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error(`it did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      return await Promise.race([this.#read(text), late]);
    } catch (cause) {
      this.kill();
      throw cause;
    } finally {
      clearTimeout(timer);
    }
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #read(text: string): Promise<string> {
    this.#endLine ??= (await this.#answer([], 1)).join("");
    return (await this.#answer(linesOf(text), Infinity)).join(" ").trim();
  }

  /** The lines before the marked one; or so many lines, while it is not known yet what the mark sounds like. */
  async #answer(texts: readonly string[], count: number): Promise<string[]> {
    void this.#child.stdin.write([...texts, endMark].map((line) => `${line}\n`).join(""));
    await this.#child.stdin.flush();
    const lines: string[] = [];
    while (lines.length < count) {
      const end = this.#text.indexOf("\n");
      if (end < 0) {
        await this.#more();
        continue;
      }
      const line = this.#text.slice(0, end).trim();
      this.#text = this.#text.slice(end + 1);
      if (line === this.#endLine) return lines;
      if (line !== "") lines.push(line);
    }
    return lines;
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#output.read();
    if (done || value === undefined) {
      await this.#child.exited;
      throw new Error(`it ended with ${this.#child.signalCode ?? this.#child.exitCode}`);
    }
    this.#text += this.#decoder.decode(value, { stream: true });
    if (this.#text.length > largestAnswer) throw new Error("its answer has no end");
  }
}

/** The text as lines that fit the program's buffer, cut between words where there are any. */
function linesOf(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.replace(/[\s\p{Cc}]+/gu, " ").split(/(?<= )/u)) {
    for (const part of Buffer.byteLength(word) > longestLineBytes ? Array.from(word) : [word]) {
      if (Buffer.byteLength(line + part) > longestLineBytes) {
        lines.push(line);
        line = "";
      }
      line += part;
    }
  }
  return [...lines, line].filter((one) => one.trim() !== "");
}
