/** Where progress goes; `process.stderr` fits. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** One line that is rewritten in a terminal, and written anew every few seconds elsewhere. */
export interface ProgressLine {
  /** Shows a label, with the bytes done and their total where they are known. */
  update(label: string, doneBytes?: number, totalBytes?: number): void;
  /** Ends the line in a terminal, so that the next output begins on its own line. */
  end(): void;
}

const betweenLinesMs = 5000;

/** A progress line on `output`; each new label is shown at once. */
export function progressLine(output: ProgressOutput): ProgressLine {
  let shownLabel = "";
  let labelSinceMs = 0;
  let shownAtMs = Number.NEGATIVE_INFINITY;
  return {
    update(label, doneBytes, totalBytes) {
      const nowMs = performance.now();
      const isNew = label !== shownLabel;
      if (isNew) labelSinceMs = nowMs;
      const dueMs = output.isTTY ? 100 : betweenLinesMs;
      if (!isNew && nowMs - shownAtMs < dueMs) return;
      shownLabel = label;
      shownAtMs = nowMs;
      const amount = doneBytes === undefined ? "" : `: ${megabytes(doneBytes, totalBytes)}`;
      const seconds = Math.round((nowMs - labelSinceMs) / 1000);
      const text = `${label}${amount}${seconds > 0 ? `, ${seconds} s` : ""}`;
      output.write(output.isTTY ? `\r\u001B[2K  ${text}` : `  ${text}\n`);
    },
    end() {
      if (output.isTTY && shownLabel) output.write("\r\u001B[2K");
      shownLabel = "";
    },
  };
}

function megabytes(doneBytes: number, totalBytes: number | undefined): string {
  const done = `${(doneBytes / 1e6).toFixed(1)} MB`;
  if (!totalBytes) return done;
  const percent = Math.min(100, Math.floor((100 * doneBytes) / totalBytes));
  return `${percent} % of ${Math.max(0.1, totalBytes / 1e6).toFixed(1)} MB`;
}
