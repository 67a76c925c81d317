import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { extractEmbedded } from "../media/embedded.ts";
import { embeddedFiles, type EmbeddedName } from "../media/embedded-files.ts";
import { modelsFolder } from "../weights/store.ts";
import { openDeepFilterNet } from "./deep-filter-net.ts";
import { openDtln } from "./dtln.ts";
import { openGtcrn } from "./gtcrn.ts";
import { openGtcrnWasm } from "./gtcrn-wasm.ts";
import { type NetName, netNames, type SpeechNet } from "./speech-net.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What a user may ask for. */
export type NetWish = "auto" | "off" | NetName;

/** A file of a net: where it lies in the models folder, and its name inside an executable. */
interface NetFile {
  readonly path: string;
  readonly embedded: EmbeddedName;
}

const netFiles: Readonly<Record<NetName, readonly NetFile[]>> = {
  dfn3: [
    { path: "separation/deepfilternet3/enc.onnx", embedded: "dfn3-enc.onnx" },
    { path: "separation/deepfilternet3/erb_dec.onnx", embedded: "dfn3-erb_dec.onnx" },
    { path: "separation/deepfilternet3/df_dec.onnx", embedded: "dfn3-df_dec.onnx" },
  ],
  dtln: [
    { path: "separation/dtln/model_1.onnx", embedded: "dtln-model_1.onnx" },
    { path: "separation/dtln/model_2.onnx", embedded: "dtln-model_2.onnx" },
  ],
  "gtcrn-wasm": [{ path: "separation/gtcrn.wasm", embedded: "gtcrn.wasm" }],
  gtcrn: [{ path: "separation/gtcrn/gtcrn_simple.onnx", embedded: "gtcrn_simple.onnx" }],
};

/** A net that is there: paths of its files, in the order that its opener wants them. */
export interface FoundNet {
  readonly net: NetName;
  readonly files: readonly string[];
}

/** The nets that are there, best first: in the models folder, else inside this executable. */
export function presentNets(environment: Environment): NetName[] {
  const folder = folderOf(environment);
  return netNames.filter((net) =>
    netFiles[net].every(
      (file) => placeOf(folder, file) !== undefined || embeddedFiles[file.embedded] !== undefined,
    ),
  );
}

/**
 * The net that a wish means here; what lies inside the executable is extracted.
 * @returns undefined for `off`, and for `auto` where none is there
 * @throws {MissingNetError} when the net asked for by name is not there; {ExtractionError}
 */
export async function chooseNet(
  wish: NetWish,
  environment: Environment,
): Promise<FoundNet | undefined> {
  if (wish === "off") return undefined;
  const present = presentNets(environment);
  const net = wish === "auto" ? present[0] : present.find((name) => name === wish);
  const folder = folderOf(environment);
  if (net === undefined) {
    if (wish === "auto") return undefined;
    throw new MissingNetError(wish, folder);
  }
  const files: string[] = [];
  for (const file of netFiles[net]) {
    const path = placeOf(folder, file) ?? (await extractEmbedded(file.embedded, environment));
    if (path !== undefined) files.push(path);
  }
  return { net, files };
}

/** The net asked for is not there; the message says what to put where. */
class MissingNetError extends Error {
  override readonly name = "MissingNetError";
  constructor(net: NetName, folder: string) {
    const wanted = netFiles[net].map(({ path }) => join(folder, path)).join(", ");
    super(
      `WORKER_SEPARATION=${net}: its files are not there (${wanted}); put them there, or set auto`,
    );
  }
}

/** @throws {ModelFileError} when its files are unfit */
export function openNet({ net, files }: FoundNet): Promise<SpeechNet> {
  switch (net) {
    case "dfn3":
      return openDeepFilterNet(files);
    case "dtln":
      return openDtln(files);
    case "gtcrn":
      return openGtcrn(files);
    case "gtcrn-wasm":
  }
  return openGtcrnWasm(files);
}

function folderOf(environment: Environment): string {
  return modelsFolder({ dir: environment["LIVEDUB_MODELS_DIR"], env: environment });
}

/** The file in the models folder; the WebAssembly module else in its package, when running from source. */
function placeOf(folder: string, file: NetFile): string | undefined {
  const path = join(folder, file.path);
  if (existsSync(path)) return path;
  if (file.embedded !== "gtcrn.wasm" || embeddedFiles["gtcrn.wasm"] !== undefined) return undefined;
  try {
    return createRequire(import.meta.url).resolve("@sapphi-red/web-noise-suppressor/gtcrn.wasm");
  } catch {
    return undefined;
  }
}
