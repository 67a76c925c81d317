import type { FragmentReport } from "../protocol/supervisor.ts";

/** One fragment at its end: what the supervisor is told, and where its dub sounds. */
export interface SettledFragment extends Omit<FragmentReport, "type"> {
  /** Stream time of the dub's first and after-last sample; null when none sounds. */
  readonly dubStartSample: number | null;
  readonly dubEndSample: number | null;
  /** What went wrong, for a person; null when nothing did. */
  readonly detail: string | null;
}

/** The sound of one fragment, mono s16 at 48 kHz. */
export interface FragmentMedia {
  readonly input: Uint8Array;
  /** What was synthesised, whether it was played or not; undefined where nothing was. */
  readonly dub: Int16Array | undefined;
}

/** The part that travels to the supervisor. */
export function toReport(settled: SettledFragment): FragmentReport {
  const { dubStartSample: _start, dubEndSample: _end, detail: _detail, ...report } = settled;
  return { type: "fragment", ...report };
}
