import type { ClauseCounts } from "../protocol/clause-counts.ts";
import type { ClauseReport } from "../protocol/clause-report.ts";
import { streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { SettledFragment } from "../worker/settled-fragment.ts";

/** One fragment of the report; times in milliseconds of the input. */
export interface ReportedFragment {
  readonly startMs: number;
  readonly endMs: number;
  readonly sourceText: string;
  readonly translatedText: string;
  /** Speed of the synthesised speech; null where there is none, or the sidecar does not tell. */
  readonly tempo: number | null;
  /** `dubbed`, `partial` (dubbed, but something fell short), `no-speech`, or `fallback`. */
  readonly status: SettledFragment["outcome"];
  /** Why it is partial or fell back. */
  readonly reason: string | null;
  readonly detail: string | null;
  /** Where its dub sounds; null where none does. It may reach into the pause after the fragment. */
  readonly dubStartMs: number | null;
  readonly dubEndMs: number | null;
}

/** One clause of the report, where the sidecar works by clauses; times in milliseconds of the input. */
export interface ReportedClause {
  readonly startMs: number;
  readonly endMs: number;
  readonly sourceText: string;
  /** In the (first) target language; empty where it was not translated. */
  readonly translatedText: string;
  /** Where its dub sounds; null where it was dropped. */
  readonly dubStartMs: number | null;
  readonly dubEndMs: number | null;
}

/** What `livedub dub --report` writes. */
export interface DubReport {
  readonly version: 1;
  readonly input: string;
  readonly output: string;
  readonly sourceLanguage: string;
  readonly targetLanguage: string;
  readonly voice: string;
  /** `echo` plays the source back and dubs nothing. */
  readonly engine: string | null;
  readonly totals: {
    readonly durationMs: number;
    /** Speech heard by the gate. */
    readonly speechMs: number;
    /** Length of the dub that sounds. */
    readonly dubMs: number;
    readonly fragments: number;
    readonly dubbed: number;
    readonly partial: number;
    readonly noSpeech: number;
    readonly fallback: number;
    /** What became of the clauses in the target language; null where the sidecar tells of none. */
    readonly clauses: ClauseCounts | null;
    readonly wallMs: number;
    /** Working time over the input's duration: below 1 is faster than real time. */
    readonly realTimeFactor: number;
  };
  readonly fragments: readonly ReportedFragment[];
  /** Empty where the sidecar works fragment by fragment. */
  readonly clauses: readonly ReportedClause[];
}

/** Builds the report from what was settled; the same numbers that were handed to the output. */
export function dubReport(run: {
  readonly names: Pick<
    DubReport,
    "input" | "output" | "sourceLanguage" | "targetLanguage" | "voice" | "engine"
  >;
  readonly fragments: readonly SettledFragment[];
  readonly clauseCounts: ClauseCounts | undefined;
  readonly clauses: readonly ClauseReport[];
  readonly durationMs: number;
  readonly speechMs: number;
  readonly wallMs: number;
}): DubReport {
  const fragments = run.fragments.map(reported);
  const count = (status: ReportedFragment["status"]) =>
    fragments.filter((fragment) => fragment.status === status).length;
  const dubMs = fragments.reduce(
    (sum, { dubStartMs, dubEndMs }) => sum + ((dubEndMs ?? 0) - (dubStartMs ?? 0)),
    0,
  );
  return {
    version: 1,
    ...run.names,
    totals: {
      durationMs: Math.round(run.durationMs),
      speechMs: Math.round(run.speechMs),
      dubMs: Math.round(dubMs),
      fragments: fragments.length,
      dubbed: count("dubbed"),
      partial: count("partial"),
      noSpeech: count("no-speech"),
      fallback: count("fallback"),
      clauses: run.clauseCounts ?? null,
      wallMs: Math.round(run.wallMs),
      realTimeFactor: Number((run.wallMs / Math.max(1, run.durationMs)).toFixed(3)),
    },
    fragments,
    clauses: run.clauses.map((clause) => reportedClause(clause, run.names.targetLanguage)),
  };
}

/** A few lines for the person at the terminal. */
export function closingLines({ output, totals, engine, targetLanguage }: DubReport): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const done = engine === "echo" ? "echoed (nothing was dubbed)" : `dubbed into ${targetLanguage}`;
  const { dubbed, partial, fallback, noSpeech, clauses } = totals;
  return [
    `${output}: ${seconds(totals.durationMs)}, of which ${seconds(totals.speechMs)} speech`,
    ...(clauses === null ? [] : [clauseLine(clauses, done)]),
    `${counted(dubbed + partial, "fragment")} ${done}, ${fallback} fell back, ${noSpeech} without speech`,
    `real-time factor ${totals.realTimeFactor} (${seconds(totals.wallMs)})`,
  ].join("\n");
}

function clauseLine(
  { dubbed, late, dropped, droppedByReason }: ClauseCounts,
  done: string,
): string {
  const reasons = Object.entries(droppedByReason)
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${printable(reason)} ${count}`);
  const why = reasons.length === 0 ? "" : ` (${reasons.slice(0, shownReasons).join(", ")})`;
  return `${counted(dubbed, "clause")} ${done}, ${late} announced late, ${dropped} dropped${why}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** The report has them all. */
const shownReasons = 6;

/** A sidecar's own word, made safe for a terminal. */
function printable(code: string): string {
  return code.replaceAll(/[^\w.-]/g, "?").slice(0, 40);
}

function reportedClause(clause: ClauseReport, language: string): ReportedClause {
  const target = clause.targets.find((one) => one.language === language);
  const isHeard = target?.dubbed === true;
  return {
    startMs: milliseconds(clause.startSample),
    endMs: milliseconds(clause.endSample),
    sourceText: clause.sourceText,
    translatedText: target?.text ?? "",
    dubStartMs: isHeard ? milliseconds(target.startSample) : null,
    dubEndMs: isHeard ? milliseconds(target.endSample) : null,
  };
}

function reported(fragment: SettledFragment): ReportedFragment {
  return {
    startMs: milliseconds(fragment.startSample),
    endMs: milliseconds(fragment.endSample),
    sourceText: fragment.transcript,
    translatedText: fragment.translatedText,
    tempo: fragment.tempo,
    status: fragment.outcome,
    reason: fragment.reason,
    detail: fragment.detail,
    dubStartMs: fragment.dubStartSample === null ? null : milliseconds(fragment.dubStartSample),
    dubEndMs: fragment.dubEndSample === null ? null : milliseconds(fragment.dubEndSample),
  };
}

function milliseconds(sample: number): number {
  return Math.round((sample * 1000) / streamSampleRateHz);
}
