/** What a test report says. */
export interface SuiteCount {
  readonly passed: number;
  /** Tests that failed, and those that were skipped or never written: neither has proven anything. */
  readonly failed: number;
}

/**
 * Sums a JUnit report as `bun test --reporter=junit` writes it.
 * @returns undefined where the text is no such report
 */
export function countJunit(report: string): SuiteCount | undefined {
  const head = /<testsuites\b[^>]*>/.exec(report)?.[0];
  if (!head) return undefined;
  const number = (name: string): number =>
    Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const tests = number("tests");
  const failed = number("failures") + number("errors") + number("skipped");
  return { passed: Math.max(0, tests - failed), failed };
}
