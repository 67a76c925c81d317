import type { PartialTranscript } from "../protocol/sts-events.ts";
import type { FragmentAnswer, OutgoingFragment, UplinkRateHz } from "./fragment.ts";

/** Where the connection to a sidecar stands. `refused`: it said no, and only the user can help. */
export type TransportState =
  "idle" | "connecting" | "ready" | "refused" | "disconnected" | "closed";

/** What a ready sidecar grants and is. */
export interface Grant {
  /** Fragments that may be unanswered at once. */
  readonly maxInflight: number;
  readonly uplinkRateHz: UplinkRateHz;
  /** The session works by clauses: it wants all of stream time, and holds answers until their deadline. */
  readonly clauses?: boolean;
}

/** What a transport tells its owner; the owner declares it, the transport only calls. */
export interface TransportEvents {
  onState(state: TransportState, detail: string | null): void;
  onGrant(grant: Grant): void;
  onEngine(engine: string): void;
  onAnswer(wireId: string, answer: FragmentAnswer): void;
  /** A fragment was refused without an answer of its own; it used up no number. */
  onRefusedFragment(wireId: string, error: NonNullable<FragmentAnswer["error"]>): void;
  onBackpressure(action: string, recommendedDelayMs: number | undefined, severity: string): void;
  /** An `error` event that concerns no single fragment; for the log and the counters. */
  onProblem(code: string, message: string): void;
  /** What is being said beyond the clauses; lossy, in no order with answers. */
  onPartial?(partial: PartialTranscript): void;
}

/** One way to a sidecar: Socket.IO, or HTTP. Reconnects by itself, for ever, until closed. */
export interface StsTransport {
  readonly state: TransportState;
  /** The sidecar in use, fit to be shown. */
  readonly endpoint: string;
  /** Sessions lost since the start. */
  readonly reconnects: number;
  start(events: TransportEvents): void;
  /**
   * Sends one fragment under `wireId`.
   * @returns its sequence number, or undefined when the session has just gone
   */
  send(wireId: string, fragment: OutgoingFragment): number | undefined;
  acknowledge(wireId: string, status: "received" | "applied"): void;
  /** Gives up waiting for an answer (HTTP: the request is cancelled). */
  abandon(wireId: string): void;
  /** Says that no further fragment comes, so that a session that holds answers lets them go. */
  flush?(): void;
  /** Ends the session in order: no more fragments, wait for the server's farewell at most `withinMs`. */
  end(withinMs: number): Promise<void>;
  /** Ends at once; safe to call twice. */
  close(): void;
}
