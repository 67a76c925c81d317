/** What was dubbed so far, by the unit in which the sidecar works. */
export type DubbedSoFar =
  | { readonly unit: "fragments"; readonly dubbed: number; readonly fallback: number }
  | { readonly unit: "clauses"; readonly dubbed: number; readonly dropped: number };

/** How far a file dub has come. */
export type DubProgress = DubbedSoFar & {
  readonly doneMs: number;
  /** Undefined while the input's length is not known. */
  readonly totalMs: number | undefined;
};

/** Where progress is shown; `process.stderr` fits. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const barWidth = 24;
/** Off a terminal one line per this much of the input. */
const plainStep = 0.1;
const redrawMs = 100;

/** Draws a bar on a terminal, plain lines elsewhere; keeps standard output free. */
export class ProgressBar {
  #startedAtMs: number;
  #drawnAtMs = Number.NEGATIVE_INFINITY;
  #nextPlain = plainStep;
  #drawn = false;

  constructor(
    private readonly output: ProgressOutput,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#startedAtMs = now();
  }

  /** The work begins now: speed counts from here, not from what was prepared before. */
  begin(): void {
    this.#startedAtMs = this.now();
  }

  /** A line of its own, bar or not. */
  say(line: string): void {
    this.#clear();
    this.output.write(`${line}\n`);
  }

  update(progress: DubProgress): void {
    const now = this.now();
    const share =
      progress.totalMs === undefined ? 0 : Math.min(1, progress.doneMs / progress.totalMs);
    const speed = progress.doneMs / Math.max(1, now - this.#startedAtMs);
    const line = [
      `${Math.round(share * 100)} %`,
      `${clockTime(progress.doneMs)}${progress.totalMs === undefined ? "" : ` / ${clockTime(progress.totalMs)}`}`,
      ...tally(progress),
      `${speed.toFixed(1)}x`,
    ].join("  ");
    if (!this.output.isTTY) {
      if (share < this.#nextPlain) return;
      this.#nextPlain = (Math.floor(share / plainStep) + 1) * plainStep;
      this.output.write(`${line}\n`);
      return;
    }
    if (now - this.#drawnAtMs < redrawMs) return;
    this.#drawnAtMs = now;
    const filled = Math.round(share * barWidth);
    const bar = `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${line}`;
    this.#drawn = true;
    this.output.write(`\r\u001b[K${bar.slice(0, (this.output.columns ?? 80) - 1)}`);
  }

  /** Leaves the terminal clean. */
  close(): void {
    this.#clear();
  }

  #clear(): void {
    if (this.#drawn) this.output.write("\r\u001b[K");
    this.#drawn = false;
  }
}

function tally(so: DubbedSoFar): string[] {
  return so.unit === "clauses"
    ? [`clauses dubbed ${so.dubbed}`, `dropped ${so.dropped}`]
    : [`dubbed ${so.dubbed}`, `fallback ${so.fallback}`];
}

/** `1:05` or `1:02:05`. */
function clockTime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const pad = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${pad(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(seconds % 60)}`;
}
