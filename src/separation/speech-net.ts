import { separationNets } from "../protocol/supervisor.ts";

/** The nets livedub knows, best first as measured by `test/bench/separation.ts`. */
export const netNames = separationNets;
export type NetName = (typeof netNames)[number];

/** A net that hears the speech in a mono sound. */
export interface SpeechNet {
  readonly name: NetName;
  readonly rateHz: 16_000 | 48_000;
  /** Sound before and after a stretch that the net wants to have heard with it, in milliseconds. */
  readonly contextMs: { readonly before: number; readonly after: number };
  /**
   * How often the net hears a window in which speech sets in before its answer counts. A net that works forward
   * alone takes an onset after music for music; one that has heard the voice before knows it at once.
   */
  readonly warmUps: number;
  /**
   * The speech in a window of sound. Carries nothing over from one window to the next.
   *
   * @param samples mono, at {@link rateHz}, -1..1
   * @returns as many samples, the speech alone, each where it lay
   */
  estimate(samples: Float32Array): Promise<Float32Array>;
  close(): Promise<void>;
}
