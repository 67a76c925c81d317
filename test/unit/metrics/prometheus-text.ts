/** One sample of a Prometheus page. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A Prometheus page (text format 0.0.4), read by a parser of our own that refuses what is not one. */
export interface MetricsPage {
  readonly all: readonly Sample[];
  series(name: string): readonly Sample[];
  /** The sum of the samples that carry these labels (and maybe more); undefined when there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const labelPair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/** @throws when a line is neither a comment nor a sample, or a sample's family was not declared */
export function readMetrics(text: string): MetricsPage {
  const all: Sample[] = [];
  const declared = new Set<string>();
  for (const line of text.split("\n")) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line)?.[1];
    if (type !== undefined) declared.add(type);
    if (line === "" || line.startsWith("#")) continue;
    const match = sampleLine.exec(line);
    if (match === null) throw new Error(`not a sample: ${line}`);
    const [, name = "", labels = "", value = ""] = match;
    const family = name.replace(/_(?:bucket|sum|count)$/, "");
    if (!declared.has(name) && !declared.has(family)) throw new Error(`no TYPE for ${name}`);
    all.push({ name, labels: readLabels(labels), value: Number(value) });
  }
  const series = (name: string) => all.filter((sample) => sample.name === name);
  return {
    all,
    series,
    value: (name, labels = {}) => {
      const fits = series(name).filter((sample) =>
        Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
      );
      return fits.length === 0 ? undefined : fits.reduce((sum, sample) => sum + sample.value, 0);
    },
  };
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  labelPair.lastIndex = 0;
  while (labelPair.lastIndex < text.length) {
    const at = labelPair.lastIndex;
    const match = labelPair.exec(text);
    if (match === null) throw new Error(`bad labels at ${at}: ${text}`);
    labels[match[1] ?? ""] = (match[2] ?? "").replaceAll(/\\(.)/g, (_, character: string) =>
      character === "n" ? "\n" : character,
    );
  }
  return labels;
}
