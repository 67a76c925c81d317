import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  idleState,
  moves,
  step,
  type LifecycleEffect,
  type LifecycleEvent,
  type LifecyclePolicy,
  type LifecycleState,
  type TimerName,
} from "../../../src/orchestrator/lifecycle.ts";
import { degradedAfterDeaths, restartDelayMs } from "../../../src/orchestrator/restart-policy.ts";

const policy: LifecyclePolicy = {
  graceMs: 30_000,
  prepareMs: 10_000,
  restartDelayMs,
  degradedAfter: degradedAfterDeaths,
  withWorker: true,
};

/** Plays events through the table and keeps what was asked for. */
function play(events: readonly LifecycleEvent[], from: LifecycleState = idleState) {
  let state = from;
  const effects: LifecycleEffect[] = [];
  for (const event of events) {
    const next = step(state, event, policy);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects, types: effects.map((effect) => effect.type) };
}

const authorised = { type: "authorised" } as const;
const source = (sourceId = "a") => ({ type: "source", sourceId }) as const;
const gone = { type: "source-gone" } as const;
const relayReady = { type: "relay-ready" } as const;
const relayLive = { type: "relay-live" } as const;
const timer = (name: TimerName) => ({ type: "timer", name }) as const;
const running = [authorised, relayReady, source(), relayLive];

describe("the life of a stream", () => {
  test("relay and worker are prepared at the authorisation, before any media", () => {
    const { state, types } = play([authorised, relayReady]);
    expect(types).toEqual(["start-relay", "arm", "start-worker"]);
    expect(state.phase).toBe("starting");
  });

  test("what was prepared is dropped when no media follows", () => {
    const { state, effects } = play([authorised, relayReady, timer("prepare")]);
    expect(effects).toContainEqual({ type: "arm", name: "prepare", afterMs: 10_000 });
    expect(effects.at(-1)).toEqual({ type: "stop-all" });
    expect(state.phase).toBe("stopping");
    expect(play([{ type: "stopped" }], state).state).toEqual(idleState);
  });

  test("a stream whose relay feeds out is running", () => {
    expect(play(running).state.phase).toBe("running");
  });

  test("a relay that becomes ready after the publisher came is told of it", () => {
    const { types } = play([source(), relayReady]);
    expect(types.filter((type) => type === "input-available")).toHaveLength(1);
  });

  test("ready twice is nothing new", () => {
    const { state } = play(running);
    expect(step(state, source(), policy).effects).toEqual([]);
    expect(step(state, authorised, policy).effects).toEqual([]);
  });

  test("not-ready without a stream is nothing", () => {
    expect(step(idleState, gone, policy)).toEqual({ state: idleState, effects: [] });
  });

  test("a publisher that returns within the grace period finds everything as it was", () => {
    const { state, types } = play([gone, authorised, source("b")], play(running).state);
    expect(state.phase).toBe("running");
    expect(types).not.toContain("start-relay");
    expect(types).not.toContain("start-worker");
    expect(types).toContain("input-lost");
    expect(types).toContain("input-available");
  });

  test("a publisher that is about to return is not cut off by the end of the grace period", () => {
    const { effects } = play([gone, authorised], play(running).state);
    expect(effects.at(-1)).toEqual({ type: "arm", name: "grace", afterMs: 30_000 });
  });

  test("after the grace period everything ends", () => {
    const { state, types } = play([gone, timer("grace")], play(running).state);
    expect(types.at(-1)).toBe("stop-all");
    expect(state.phase).toBe("stopping");
  });

  test("without a grace period the end comes at once", () => {
    const { state } = play(running);
    const { effects } = step(state, gone, { ...policy, graceMs: 0 });
    expect(effects.at(-1)).toEqual({ type: "stop-all" });
  });

  test("an overriding publisher is told as lost and available", () => {
    const { types } = play([source("b")], play(running).state);
    expect(types.filter((type) => type.startsWith("input"))).toEqual([
      "input-lost",
      "input-available",
    ]);
  });

  test("a worker that dies is replaced at once", () => {
    const { effects } = play(
      [{ type: "worker-exited" }, timer("worker-restart")],
      play(running).state,
    );
    expect(effects[0]).toEqual({ type: "arm", name: "worker-restart", afterMs: 50 });
    expect(effects[1]).toEqual({ type: "start-worker" });
  });

  test("a relay that dies takes its worker along, and both come again", () => {
    const { types } = play(
      [{ type: "relay-exited" }, { type: "worker-exited" }, timer("relay-restart"), relayReady],
      play(running).state,
    );
    expect(types).toEqual(["end-worker", "arm", "start-relay", "input-available", "start-worker"]);
  });

  test("the new worker waits until the old one has gone", () => {
    const before = play(
      [{ type: "relay-exited" }, timer("relay-restart"), relayReady],
      play(running).state,
    );
    expect(before.types).not.toContain("start-worker");
    expect(play([{ type: "worker-exited" }], before.state).types).toEqual(["start-worker"]);
  });

  test("a worker that dies again and again makes the stream degraded until one lasts", () => {
    let { state } = play(running);
    for (let deaths = 0; deaths < degradedAfterDeaths; deaths++)
      state = play([{ type: "worker-exited" }, timer("worker-restart")], state).state;
    expect(state.phase).toBe("degraded");
    expect(play([{ type: "worker-stable" }], state).state.phase).toBe("running");
  });

  test("restarts slow down to one in 30 s", () => {
    expect([1, 2, 3, 4].map(restartDelayMs)).toEqual([50, 100, 200, 400]);
    expect(restartDelayMs(degradedAfterDeaths + 1)).toBe(30_000);
  });

  test("a stream without a sidecar has no worker", () => {
    let state = idleState;
    const types = running.flatMap((event) => {
      const next = step(state, event, { ...policy, withWorker: false });
      state = next.state;
      return next.effects.map((effect) => effect.type);
    });
    expect(types).not.toContain("start-worker");
    expect(state.phase).toBe("running");
  });
});

/** What hooks, polls, processes and timers may do, in any order. */
const anyEvent: fc.Arbitrary<LifecycleEvent> = fc.oneof(
  fc.constantFrom<LifecycleEvent>(
    authorised,
    gone,
    relayReady,
    relayLive,
    { type: "relay-exited" },
    { type: "worker-exited" },
    { type: "relay-stable" },
    { type: "worker-stable" },
    { type: "stop" },
    { type: "stopped" },
  ),
  fc.constantFrom("a", "b", "c").map(source),
  fc.constantFrom<TimerName>("prepare", "grace", "relay-restart", "worker-restart").map(timer),
);

/** A world that does what it is told: processes live between their start and their exit, timers run when armed. */
class World {
  state = idleState;
  relays = 0;
  workers = 0;
  armed = new Set<TimerName>();

  /** @returns false when the event cannot happen now */
  feed(event: LifecycleEvent): boolean {
    if (event.type.startsWith("relay-") && this.relays === 0) return false;
    if (event.type.startsWith("worker-") && this.workers === 0) return false;
    if (event.type === "timer" && !this.armed.delete(event.name)) return false;
    if (event.type === "stopped" && this.state.phase !== "stopping") return false;
    if (event.type === "relay-exited") this.relays -= 1;
    if (event.type === "worker-exited") this.workers -= 1;
    if (event.type === "stopped") this.relays = this.workers = 0;
    const before = this.state.phase;
    const { state, effects } = step(this.state, event, policy);
    this.state = state;
    if (before !== state.phase) expect(moves[before]).toContain(state.phase);
    for (const effect of effects) {
      if (effect.type === "start-relay") this.relays += 1;
      if (effect.type === "start-worker") this.workers += 1;
      if (effect.type === "arm") this.armed.add(effect.name);
      if (effect.type === "disarm") this.armed.delete(effect.name);
    }
    expect(this.relays).toBeLessThanOrEqual(1);
    expect(this.workers).toBeLessThanOrEqual(1);
    return true;
  }
}

describe("whatever happens in whatever order", () => {
  test("there is never more than one relay and one worker, and every move is in the table", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        const world = new World();
        for (const event of events) world.feed(event);
      }),
      { numRuns: 500 },
    );
  });

  test("when the publisher has gone, time alone brings the stream back to idle with nothing left", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        const world = new World();
        for (const event of events) world.feed(event);
        world.feed(gone);
        for (let round = 0; round < 10 && world.state.phase !== "idle"; round++) {
          for (const name of ["prepare", "grace"] as const) world.feed(timer(name));
          world.feed({ type: "stopped" });
        }
        expect(world.state).toEqual(idleState);
        expect([world.relays, world.workers]).toEqual([0, 0]);
      }),
      { numRuns: 500 },
    );
  });

  test("while a publisher is there, a stream always comes back to a relay and a worker", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        const world = new World();
        for (const event of events) world.feed(event);
        world.feed({ type: "stopped" });
        world.feed(source("d"));
        for (let round = 0; round < 4; round++) {
          if (world.state.worker === "leaving") world.feed({ type: "worker-exited" });
          world.feed(timer("relay-restart"));
          world.feed(timer("worker-restart"));
          world.feed(relayReady);
        }
        expect([world.relays, world.workers]).toEqual([1, 1]);
      }),
      { numRuns: 500 },
    );
  });
});
