/**
 * The rule on imports (README, "The house"): they run one way. A room may import from rooms of a lower
 * tier, leaf rooms also from each other; protocol, audio and captions import from nobody.
 */
const tiers: readonly (readonly string[])[] = [
  ["config", "protocol", "telemetry", "audio", "media", "onnx", "vad", "weights", "captions"],
  ["process"],
  ["separation", "sts", "mediamtx", "egress", "relay"],
  ["worker"],
  ["orchestrator"],
  ["server", "console"],
  ["commands"],
  ["main.ts"],
];
const selfContained = new Set(["protocol", "audio", "captions"]);
/** Arrows that the tiers would allow and the design forbids: relay and worker share only the protocol. */
const forbiddenPairs = new Set(["worker>relay"]);
const roomsForSidecar = new Set([
  ...["protocol", "audio", "media", "onnx", "vad", "weights", "process", "telemetry", "config"],
]);

/** One import: the importing file and the imported one, both from the repository's root with `/`. */
export interface ImportArrow {
  readonly from: string;
  readonly to: string;
}

/** Every specifier that a TypeScript source imports or re-exports, types included. */
export function importedSpecifiers(source: string): readonly string[] {
  // The transpiler reads the syntax, but drops what only concerns types: those are read from the text.
  const scanned = new Bun.Transpiler({ loader: "ts" }).scanImports(source).map(({ path }) => path);
  const withoutComments = source.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const statement = /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm;
  const typeImport = /\bimport\(\s*["']([^"']+)["']\s*\)/g;
  const read = [statement, typeImport].flatMap((pattern) =>
    [...withoutComments.matchAll(pattern)].map((match) => match[1] ?? ""),
  );
  return [...new Set([...scanned, ...read])];
}

/** Says what is wrong with an import, or nothing where it is allowed. */
export function faultOfArrow({ from, to }: ImportArrow): string | undefined {
  const [fromTop, fromRoom = ""] = from.split("/");
  const [toTop, toRoom = ""] = to.split("/");
  if (fromTop === "gpu") return faultFromSidecar(from, to);
  if (fromTop !== "src") return undefined;
  if (toTop === "gpu") return `${from} imports ${to}: the edge never imports the sidecar`;
  if (toTop !== "src") {
    const isAsset = !/\.[cm]?[jt]sx?$/.test(to) || to.endsWith("package.json");
    return isAsset
      ? undefined
      : `${from} imports ${to}: the product imports no code from outside it`;
  }
  if (fromRoom === toRoom) return undefined;
  const fromTier = tierOf(fromRoom);
  const toTier = tierOf(toRoom);
  if (fromTier === undefined) return `${from}: the rule knows no room src/${fromRoom}`;
  if (toTier === undefined) return `${from} imports ${to}: the rule knows no room src/${toRoom}`;
  if (selfContained.has(fromRoom)) return `${from} imports ${to}: ${fromRoom} imports from nobody`;
  if (forbiddenPairs.has(`${fromRoom}>${toRoom}`))
    return `${from} imports ${to}: ${fromRoom} never imports ${toRoom}`;
  const allowed = toTier < fromTier || (toTier === fromTier && fromTier === 0);
  return allowed
    ? undefined
    : `${from} imports ${to}: ${fromRoom} stands below or beside ${toRoom}`;
}

function faultFromSidecar(from: string, to: string): string | undefined {
  const [toTop, toRoom = ""] = to.split("/");
  if (toTop === "gpu") return undefined;
  if (toTop === "src" && roomsForSidecar.has(toRoom)) return undefined;
  if (toTop !== "src" && !/\.[cm]?[jt]sx?$/.test(to)) return undefined;
  return `${from} imports ${to}: the sidecar may import only src/{${[...roomsForSidecar].join(",")}}`;
}

function tierOf(room: string): number | undefined {
  const tier = tiers.findIndex((rooms) => rooms.includes(room));
  return tier === -1 ? undefined : tier;
}
