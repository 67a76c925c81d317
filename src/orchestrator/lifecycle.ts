/**
 * The life of one stream, as a pure function: what happened goes in, what is to be done comes out.
 * `stream-session.ts` does it. Processes and timers are only named here.
 */

/**
 * `idle` nothing runs; `starting` processes run, `out` is not fed yet; `running` `out` is fed;
 * `grace` the publisher is away, everything is kept for it; `degraded` a process died so often that it
 * is only tried again at the longest interval; `stopping` everything is being ended.
 */
export type Phase = "idle" | "starting" | "running" | "grace" | "degraded" | "stopping";

/** Every move that a stream may make; anything else is a fault of ours. */
export const moves: Readonly<Record<Phase, readonly Phase[]>> = {
  idle: ["starting"],
  starting: ["running", "grace", "degraded", "stopping"],
  running: ["starting", "grace", "degraded", "stopping"],
  grace: ["starting", "running", "degraded", "stopping"],
  degraded: ["starting", "running", "grace", "stopping"],
  stopping: ["idle"],
};

export interface LifecycleState {
  readonly phase: Phase;
  /** The publisher that is on the input path now, as the path list says. */
  readonly sourceId: string | undefined;
  /** A publisher has been there in this session. */
  readonly seen: boolean;
  readonly relay: "absent" | "spawned" | "ready" | "live";
  readonly worker: "absent" | "spawned" | "leaving";
  /** A worker is owed a pause before it is started again. */
  readonly workerPaused: boolean;
  /** Deaths in a row; a stable run sets them back. */
  readonly relayDeaths: number;
  readonly workerDeaths: number;
}

export const idleState: LifecycleState = {
  phase: "idle",
  sourceId: undefined,
  seen: false,
  relay: "absent",
  worker: "absent",
  workerPaused: false,
  relayDeaths: 0,
  workerDeaths: 0,
};

export type TimerName = "prepare" | "grace" | "relay-restart" | "worker-restart";

export type LifecycleEvent =
  /** A publish authorisation was accepted; its media comes about 2 s later, or never. */
  | { readonly type: "authorised" }
  | { readonly type: "source"; readonly sourceId: string }
  | { readonly type: "source-gone" }
  | { readonly type: "relay-ready" }
  | { readonly type: "relay-live" }
  | { readonly type: "relay-exited" }
  | { readonly type: "worker-exited" }
  | { readonly type: "relay-stable" }
  | { readonly type: "worker-stable" }
  | { readonly type: "timer"; readonly name: TimerName }
  | { readonly type: "stop" }
  | { readonly type: "stopped" };

export type LifecycleEffect =
  /** A new run: new run id, new relay. */
  | { readonly type: "start-relay" }
  | { readonly type: "start-worker" }
  /** Ends the worker at once; `worker-exited` follows. */
  | { readonly type: "end-worker" }
  | { readonly type: "input-available"; readonly sourceId: string }
  | { readonly type: "input-lost"; readonly sourceId: string }
  | { readonly type: "arm"; readonly name: TimerName; readonly afterMs: number }
  | { readonly type: "disarm"; readonly name: TimerName }
  /** Ends everything in order; `stopped` follows. */
  | { readonly type: "stop-all" };

export interface LifecyclePolicy {
  readonly graceMs: number;
  /** How long processes prepared at an authorisation wait for the media. */
  readonly prepareMs: number;
  /** Delay before the n-th restart in a row (n from 1). */
  readonly restartDelayMs: (deaths: number) => number;
  /** So many deaths in a row make a stream `degraded`. */
  readonly degradedAfter: number;
  /** `disabled` streams have no worker at all. */
  readonly withWorker: boolean;
}

export interface Step {
  readonly state: LifecycleState;
  readonly effects: readonly LifecycleEffect[];
}

/** The next state and what is to be done about it. Events that mean nothing in a state change nothing. */
export function step(state: LifecycleState, event: LifecycleEvent, policy: LifecyclePolicy): Step {
  const next: { -readonly [K in keyof LifecycleState]: LifecycleState[K] } = { ...state };
  const effects: LifecycleEffect[] = [];
  const stopping = state.phase === "stopping";

  const begin = () => {
    next.relay = "spawned";
    effects.push({ type: "start-relay" });
  };
  const stop = () => {
    next.phase = "stopping";
    for (const name of ["prepare", "grace", "relay-restart", "worker-restart"] as const)
      effects.push({ type: "disarm", name });
    effects.push({ type: "stop-all" });
  };

  switch (event.type) {
    case "authorised":
      if (stopping || state.sourceId !== undefined) break;
      if (state.phase === "idle") begin();
      // A publisher that is about to return must not meet the end of the grace period half-way.
      if (state.seen)
        effects.push({
          type: "arm",
          name: "grace",
          afterMs: Math.max(policy.graceMs, policy.prepareMs),
        });
      else effects.push({ type: "arm", name: "prepare", afterMs: policy.prepareMs });
      if (state.phase === "idle") next.phase = "starting";
      break;
    case "source":
      if (stopping || state.sourceId === event.sourceId) break;
      if (state.phase === "idle") {
        begin();
        next.phase = "starting";
      }
      if (state.sourceId !== undefined && listens(state))
        effects.push({ type: "input-lost", sourceId: state.sourceId });
      effects.push({ type: "disarm", name: "prepare" }, { type: "disarm", name: "grace" });
      if (listens(state)) effects.push({ type: "input-available", sourceId: event.sourceId });
      next.sourceId = event.sourceId;
      next.seen = true;
      break;
    case "source-gone":
      if (stopping || state.sourceId === undefined) break;
      if (listens(state)) effects.push({ type: "input-lost", sourceId: state.sourceId });
      next.sourceId = undefined;
      if (policy.graceMs === 0) stop();
      else effects.push({ type: "arm", name: "grace", afterMs: policy.graceMs });
      break;
    case "relay-ready":
      if (stopping || state.relay !== "spawned") break;
      next.relay = "ready";
      if (state.sourceId !== undefined)
        effects.push({ type: "input-available", sourceId: state.sourceId });
      break;
    case "relay-live":
      if (!stopping && state.relay === "ready") next.relay = "live";
      break;
    case "relay-exited":
      if (stopping || state.relay === "absent") break;
      next.relay = "absent";
      next.relayDeaths += 1;
      if (state.worker === "spawned") {
        next.worker = "leaving";
        effects.push({ type: "end-worker" });
      }
      effects.push({
        type: "arm",
        name: "relay-restart",
        afterMs: policy.restartDelayMs(next.relayDeaths),
      });
      break;
    case "worker-exited":
      if (stopping || state.worker === "absent") break;
      next.worker = "absent";
      if (state.worker === "leaving") break; // we ended it: no death of its own
      next.workerDeaths += 1;
      next.workerPaused = true;
      effects.push({
        type: "arm",
        name: "worker-restart",
        afterMs: policy.restartDelayMs(next.workerDeaths),
      });
      break;
    case "relay-stable":
      next.relayDeaths = 0;
      break;
    case "worker-stable":
      next.workerDeaths = 0;
      break;
    case "timer":
      if (stopping || state.phase === "idle") break;
      if (event.name === "prepare" && !state.seen) stop();
      else if (event.name === "grace" && state.sourceId === undefined && state.seen) stop();
      else if (event.name === "relay-restart" && state.relay === "absent") begin();
      else if (event.name === "worker-restart") next.workerPaused = false;
      break;
    case "stop":
      if (!stopping && state.phase !== "idle") stop();
      break;
    case "stopped":
      if (stopping) return { state: idleState, effects };
      break;
  }

  const workerWanted = policy.withWorker && next.worker === "absent" && !next.workerPaused;
  if (next.phase !== "stopping" && listens(next) && workerWanted) {
    next.worker = "spawned";
    effects.push({ type: "start-worker" });
  }
  next.phase = phaseOf(next, policy);
  return { state: next, effects };
}

/** A relay that is ready takes messages and a worker; what it missed before is told when it becomes ready. */
function listens(state: LifecycleState): boolean {
  return state.relay === "ready" || state.relay === "live";
}

/** Which name a state has; `idle` and `stopping` are entered and left by events alone. */
function phaseOf(state: LifecycleState, policy: LifecyclePolicy): Phase {
  if (state.phase === "idle" || state.phase === "stopping") return state.phase;
  if (state.seen && state.sourceId === undefined) return "grace";
  if (Math.max(state.relayDeaths, state.workerDeaths) >= policy.degradedAfter) return "degraded";
  return state.relay === "live" ? "running" : "starting";
}
