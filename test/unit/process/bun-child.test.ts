import { expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { BunChild } from "../../../src/process/bun-child.ts";
import { raceReady } from "../../../src/process/race-ready.ts";

const fixture = join(import.meta.dir, "child.fixture.ts");
const incoming = z.union([
  z.object({ ready: z.literal(true), pid: z.number() }),
  z.object({ sum: z.number() }),
  z.object({ bad: z.literal(true) }),
]);
type Incoming = z.infer<typeof incoming>;

function startChild(mode: string) {
  const messages: Incoming[] = [];
  const waiting: ((message: Incoming) => void)[] = [];
  const child = new BunChild<Incoming, unknown>({
    name: mode,
    command: [process.execPath, fixture, mode],
    incoming,
    onMessage: (message) => {
      const next = waiting.shift();
      if (next) next(message);
      else messages.push(message);
    },
  });
  const nextMessage = () => {
    const { promise, resolve } = Promise.withResolvers<Incoming>();
    const first = messages.shift();
    if (first) resolve(first);
    else waiting.push(resolve);
    return promise;
  };
  return { child, nextMessage };
}

test("typed arrays pass over the channel, both sides validated", async () => {
  const { child, nextMessage } = startChild("plain");
  await nextMessage();
  child.send({ samples: new Float32Array([1, 2, 3.5]) });
  expect(await nextMessage()).toEqual({ sum: 6.5 });
  child.send({ nonsense: 1 });
  expect(await nextMessage()).toEqual({ bad: true });
  await child.stop();
});

test("a child asked over the channel ends by itself; the exit says that we asked", async () => {
  const { child, nextMessage } = startChild("plain");
  await nextMessage();
  const exit = await child.stop({ message: "stop", withinMs: 2000 });
  expect(exit).toEqual({ code: 0, signal: null, byUs: true });
});

test("a child deaf to asking and to SIGTERM is killed", async () => {
  const { child, nextMessage } = startChild("deaf");
  await nextMessage();
  const exit = await child.stop({ message: "stop", withinMs: 50 });
  expect(exit.signal).toBe("SIGKILL");
}, 15_000);

test("sending to a dead child says false", async () => {
  const { child, nextMessage } = startChild("plain");
  await nextMessage();
  child.signal("SIGKILL");
  const exit = await child.exited;
  expect(exit).toEqual({ code: null, signal: "SIGKILL", byUs: false });
  expect(child.send("stop")).toBe(false);
});

test("ready, ended and too late are three different outcomes", async () => {
  const never = new Promise<never>(() => {});
  const ended = Promise.resolve({ code: 1, signal: null, byUs: false });
  const base = { name: "relay", timeoutMs: 20, detail: () => "last words" };
  await raceReady({ ...base, ready: Promise.resolve(), exited: never });
  await expect(raceReady({ ...base, ready: never, exited: ended })).rejects.toMatchObject({
    kind: "exited",
    message: "relay: ended before it was ready (exit code 1)\nlast words",
  });
  await expect(raceReady({ ...base, ready: never, exited: never })).rejects.toMatchObject({
    kind: "timeout",
  });
});
