/** What a bench found, beside what is asked of it. */
export class Figures {
  readonly rows: { figure: string; value: string; bar: string; verdict: string }[] = [];

  /** @param ok whether the bar is met; absent: there is none */
  add(figure: string, value: string | number, bar = "", ok?: boolean): void {
    this.rows.push({
      figure,
      value: typeof value === "number" ? value.toFixed(2) : value,
      bar,
      verdict: ok === undefined ? "" : ok ? "OK" : "MISS",
    });
  }

  /** Prints the table; the process will end with code 1 where a bar was missed. */
  print(title: string): void {
    process.stdout.write(`${title}\n`);
    console.table(this.rows);
    if (this.rows.some(({ verdict }) => verdict === "MISS")) process.exitCode = 1;
  }
}

/** @param share 0.99 for the 99th percentile */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** A straight line through points by least squares: its slope and the slope's standard error. */
export function fitSlope(points: readonly (readonly [x: number, y: number])[]): {
  readonly slope: number;
  readonly error: number;
} {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  let squares = 0;
  let products = 0;
  for (const [x, y] of points) {
    squares += (x - meanX) ** 2;
    products += (x - meanX) * (y - meanY);
  }
  const slope = products / squares;
  const residual = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: Math.sqrt(residual / Math.max(1, count - 2) / squares) };
}
