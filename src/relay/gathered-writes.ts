import type { NativeChild } from "../process/native-child.ts";

/** Gathers what goes to a process's pipes, and writes it in one piece a pipe: each write wakes the process. */
export class GatheredWrites {
  readonly #unwritten = new Map<number, Uint8Array[]>();

  /** Keeps bytes for the next {@link flush}. */
  add(pipe: number, bytes: Uint8Array): void {
    const waiting = this.#unwritten.get(pipe);
    if (waiting === undefined) this.#unwritten.set(pipe, [bytes]);
    else waiting.push(bytes);
  }

  /**
   * Writes what was gathered; pipes that are closed lose theirs.
   * @param taken called for each pipe once its process has taken all of it
   */
  flush(child: NativeChild | undefined, taken: () => void): void {
    for (const [pipe, pieces] of this.#unwritten) {
      const stream = child?.writable(pipe);
      if (stream === undefined || stream.destroyed) continue;
      stream.write(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces), (error) => {
        if (error === null || error === undefined) taken();
      });
    }
    this.clear();
  }

  clear(): void {
    this.#unwritten.clear();
  }
}
