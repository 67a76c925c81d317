import type { EgressPhase } from "./egress-report.ts";

/**
 * The observed state of one forwarder. `waiting-input`, `connecting` and `forwarding` are told by its
 * process; `retrying` waits inside the process, `cooldown` waits for a new one; `failed` needs a change
 * of the configuration; `stopped` is the end.
 */
export type EgressState =
  | "idle"
  | "starting"
  | "waiting-input"
  | "connecting"
  | "forwarding"
  | "retrying"
  | "cooldown"
  | "failed"
  | "stopped";

const running = ["waiting-input", "connecting", "forwarding", "retrying"] as const;
const ended = ["cooldown", "failed", "stopped"] as const;

/** From which state a forwarder may move to which; everything else is dropped. */
export const moves: Readonly<Record<EgressState, readonly EgressState[]>> = {
  idle: ["starting", "stopped"],
  starting: [...running, ...ended],
  "waiting-input": [...running, ...ended],
  connecting: [...running, ...ended],
  forwarding: [...running, ...ended],
  retrying: [...running, ...ended],
  cooldown: ["starting", "stopped"],
  failed: ["stopped"],
  stopped: [],
};

/** The state that a process's phase shows. */
export function stateOfPhase(phase: EgressPhase): EgressState | undefined {
  if (phase === "input-connecting") return "waiting-input";
  if (phase === "output-connecting") return "connecting";
  if (phase === "stopping") return undefined; // its exit tells what comes next
  return phase;
}
