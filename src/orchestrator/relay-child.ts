import type { ExitInfo } from "../process/exit.ts";
import {
  relayToSupervisor,
  type RelaySpec,
  type RelayStatus,
  type RelayToSupervisor,
  type SupervisorToRelay,
} from "../protocol/supervisor.ts";
import { StreamChild, type StreamChildEvent } from "./stream-child.ts";

/** What the owner of a relay process is told. */
export interface RelayParent {
  relayReady(): void;
  relayStatus(status: RelayStatus): void;
  relayAskedForPush(request: Extract<RelayToSupervisor, { type: "push-request" }>): void;
  relayEvent(event: StreamChildEvent): void;
  relayExited(exit: ExitInfo): void;
}

export interface RelayChildOptions {
  readonly spec: RelaySpec;
  readonly environment: Readonly<Record<string, string>>;
  readonly startWithinMs: number;
  readonly parent: RelayParent;
}

/** Killing a relay costs D seconds of picture, so it gets more time than a worker before it counts as hung. */
const silentAfterMs = 4000;

export type RelayChild = StreamChild<RelayToSupervisor, SupervisorToRelay>;

/** Starts one relay process. */
export function startRelay(options: RelayChildOptions): RelayChild {
  const { spec, environment, startWithinMs, parent } = options;
  return new StreamChild<RelayToSupervisor, SupervisorToRelay>({
    kind: "relay",
    streamId: spec.streamId,
    environment,
    incoming: relayToSupervisor,
    configure: { type: "configure", spec },
    startWithinMs,
    silentAfterMs,
    isSignOfLife: () => true,
    onMessage: (message) => {
      if (message.type === "ready") parent.relayReady();
      else if (message.type === "status") parent.relayStatus(message);
      else if (message.type === "push-request") parent.relayAskedForPush(message);
      else parent.relayEvent(message);
    },
    onEvent: (event) => parent.relayEvent(event),
    onExit: (exit) => parent.relayExited(exit),
  });
}
