/**
 * Runs the checks and test suites and prints their sum as the last line: `N passed, N failed`.
 * usage: scripts/test [PART...]      all parts without arguments
 */
import { parts } from "./checks/parts.ts";

const wanted = new Set(process.argv.slice(2));
const unknown = [...wanted].filter((name) => !parts.some((part) => part.name === name));
if (unknown.length > 0) {
  const known = parts.map((part) => part.name).join(", ");
  console.error(`There is no part ${unknown.join(", ")}; the parts are ${known}.`);
  process.exit(2);
}

let passed = 0;
let failed = 0;
const summary: string[] = [];
for (const part of parts) {
  if (wanted.size > 0 && !wanted.has(part.name)) continue;
  console.log(`== ${part.name}`);
  const startMs = performance.now();
  const outcome = await part.run();
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  if ("note" in outcome) {
    summary.push(`${part.name}: ${outcome.note}`);
    continue;
  }
  passed += outcome.passed;
  failed += outcome.failed;
  summary.push(`${part.name}: ${outcome.passed} passed, ${outcome.failed} failed (${seconds} s)`);
}
console.log(`== summary\n${summary.join("\n")}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
