import type { EdgeConfig } from "../config/edge-config.ts";
import type { BedSplitter } from "../separation/bed-splitter.ts";
import { chooseNet } from "../separation/choose-net.ts";
import { openSplitter } from "./worker.ts";

export interface DubSplitterOptions {
  readonly values: Pick<EdgeConfig["values"], "separation" | "fallbackMode">;
  /** What the sidecar says it runs. */
  readonly engine: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly say: (text: string) => void;
}

/**
 * The separation of a file's dub, which takes most of its time. An echo takes the original's whole place, so
 * nothing lies under it: its bed is made only where the fallback may ask for one.
 *
 * @returns undefined where no bed is to be made
 * @throws {MissingNetError} when the net asked for by name is not there
 */
export async function openDubSplitter(
  options: DubSplitterOptions,
): Promise<BedSplitter | undefined> {
  const { values, engine, environment, say } = options;
  const net = await chooseNet(values.separation, environment);
  const fallsBackOnBed = ["background", "repeat_last"].includes(values.fallbackMode);
  if (engine === "echo" && !fallsBackOnBed) return undefined;
  return openSplitter(net, (_, __, text) => say(text));
}
