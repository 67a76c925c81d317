import type { EgressView } from "./stream-view.ts";

/** The forwarders of one stream. */
export interface StreamEgress {
  /** Starts them; calling it again changes nothing. */
  start(): void;
  close(): Promise<void>;
  kill(): void;
  view(): readonly EgressView[];
}
