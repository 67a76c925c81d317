import type { StsErrorCode } from "../../src/protocol/sts-errors.ts";
import type { ServerToClientEvents } from "../../src/protocol/sts-events.ts";

/** What is known about an error beside its code. */
export interface ErrorContext {
  readonly streamId?: string | undefined;
  readonly fragmentId?: string | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
}

/** What a session needs of its socket. */
export interface SessionPeer {
  send<Event extends keyof ServerToClientEvents>(
    event: Event,
    ...message: Parameters<ServerToClientEvents[Event]>
  ): void;
  /** Sends the event `error`. */
  refuse(code: StsErrorCode, message: string, context?: ErrorContext): void;
  /** `stream:complete` has been sent; the socket may be closed a little later. */
  completed(): void;
}

/** What is measured of sessions. */
export interface SessionObserver {
  sessionOpened(streamId: string): void;
  /** The stream's own series may be forgotten. */
  sessionClosed(streamId: string): void;
  inFlight(streamId: string, inFlight: number, waiting: number): void;
  fragmentAnswered(fragment: {
    readonly streamId: string;
    readonly status: "success" | "partial" | "failed";
    readonly processingTimeMs: number;
    readonly error?: { readonly code: string; readonly stage: string } | undefined;
  }): void;
  requestRefused(streamId: string | undefined, code: string): void;
  /** Load of the GPU in percent, where there is one. */
  gpuUtilization(): number | undefined;
}
