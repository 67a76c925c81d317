import type { EgressSnapshot } from "../egress/forwarder.ts";
import type { FallbackMode, RelayStatus, WorkerStatus } from "../protocol/supervisor.ts";
import type { Phase } from "./lifecycle.ts";
import type { StreamEvent } from "./stream-journal.ts";

/** Who publishes a stream now. */
export interface PublisherView {
  readonly id: string;
  readonly type: string;
  readonly tracks: readonly string[];
  readonly inboundBytes: number;
}

/** Where viewers find one output. */
export interface WatchUrls {
  readonly rtmp: string;
  readonly hls: string;
}

/** One stream as the API and the status page show it. */
export interface StreamView {
  readonly streamId: string;
  readonly state: Phase;
  readonly runId: string;
  readonly startedAt: string;
  readonly sourceLanguage: string;
  readonly targetLanguage: string;
  /** Each with an output of its own. */
  readonly furtherLanguages: readonly string[];
  readonly voice: string;
  readonly playoutDelayMs: number;
  readonly fallback: FallbackMode;
  readonly publisher: PublisherView | null;
  /** The dubbed feed is on the media server. */
  readonly outAvailable: boolean;
  readonly relay: ProcessView<RelayStatus>;
  readonly worker: ProcessView<WorkerStatus>;
  readonly egress: readonly EgressSnapshot[];
  readonly watch: WatchUrls & {
    readonly further: readonly (WatchUrls & { readonly language: string })[];
  };
  readonly events: readonly StreamEvent[];
}

/** One process of a stream, and what it measured last. */
export interface ProcessView<Status> {
  readonly pid: number | null;
  readonly instanceId: string | null;
  /** How often it had to be replaced in this session. */
  readonly restarts: number;
  readonly status: Status | null;
}
