import type { FragmentTally } from "../telemetry/metrics-fragments.ts";
import type { Refusal } from "./refusals.ts";
import type { StreamView } from "./stream-view.ts";

/** One sidecar as it was seen last. */
export interface SidecarView {
  /** Without key and query. */
  readonly url: string;
  readonly state: "ready" | "starting" | "unknown" | "unreachable";
  readonly engine: string | null;
  readonly pairs: readonly (readonly [string, string])[];
  readonly detail: string | null;
}

/** The whole appliance as API and status page show it. */
export interface ApplianceView {
  readonly version: string;
  readonly startedAt: string;
  readonly publish: {
    /** `rtmp://host:port/live/<stream>/in` */
    readonly url: string;
    readonly keyNeeded: boolean;
  };
  readonly mediaServer: { readonly restarts: number; readonly reachable: boolean };
  readonly sidecars: readonly SidecarView[];
  readonly streams: readonly (StreamView & { readonly fragments: FragmentTally })[];
  readonly refusals: readonly Refusal[];
}
