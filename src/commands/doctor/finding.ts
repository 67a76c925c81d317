/** What one check found; `fix` says what to do where it failed. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly fix?: string;
}

export const good = (name: string, detail: string): Finding => ({ name, ok: true, detail });

export const bad = (name: string, detail: string, fix: string): Finding => ({
  name,
  ok: false,
  detail,
  fix,
});

/** Findings for a person: one line each, the fix indented under what failed. */
export function asText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.map(({ name, ok, detail, fix }) => {
    const line = `${ok ? "ok  " : "FAIL"}  ${name.padEnd(width)}  ${onOneLine(detail)}`;
    if (ok || fix === undefined) return line;
    return `${line}\n      ${"".padEnd(width)}  fix: ${onOneLine(fix)}`;
  });
  const failed = findings.filter(({ ok }) => !ok).length;
  lines.push(failed === 0 ? "all good" : `${failed} of ${findings.length} checks failed`);
  return `${lines.join("\n")}\n`;
}

/** Other programs' words may hold line breaks. */
function onOneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}
