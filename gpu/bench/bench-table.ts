import type { ModelNames } from "../inference/engine.ts";
import type { Capacity } from "./capacity.ts";
import type { StageFigures } from "../inference/stage-figures.ts";

export interface BenchReport {
  readonly source: string;
  readonly target: string;
  readonly models: ModelNames;
  readonly figures: StageFigures;
  readonly capacity: Capacity;
}

/** The report as a table for a person. */
export function benchTable({ source, target, models, figures, capacity }: BenchReport): string {
  const { load, limitedBy, streams } = capacity;
  const rtf = (value: number) => `${value.toFixed(3)} × real time`;
  const percent = (value: number) => `${Math.round(100 * value)} %`;
  const rows = [
    ["stage", "takes", "lane's time for one stream"],
    ["detect speech", rtf(figures.detectRtf), percent(load.detect)],
    ["recognise, on the way", rtf(figures.partialRtf), ""],
    ["recognise, in full", rtf(figures.finalRtf), percent(load.recognise)],
    ["translate a clause", `${figures.translateMs.toFixed(0)} ms`, percent(load.translate)],
    ["speak", rtf(figures.speakRtf), percent(load.voice)],
  ];
  const widths = [0, 1, 2].map((at) => Math.max(...rows.map((row) => (row[at] ?? "").length)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const fits =
    streams === 0
      ? "not even one stream that speaks without a pause fits"
      : `${streams} stream${streams === 1 ? "" : "s"} that speak without a pause`;
  return [
    `${source} to ${target} by ${models.asr}, ${models.translation}, ${models.tts}; ` +
      `${figures.sentences} sentences of ${figures.clauseS.toFixed(1)} s, ${percent(figures.heardShare)} of their words recognised`,
    ...lines,
    `at half of each lane's time: ${fits}; the limit is ${limitedBy}`,
    "",
  ].join("\n");
}
