import { expect, test } from "bun:test";
import { createMemoryLink } from "../../../src/relay/memory-link.ts";

test("messages arrive in order on the other side, not before send returns", async () => {
  const { relay, worker } = createMemoryLink();
  const seen: number[] = [];
  worker.onMessage = (message) => {
    if (message.type === "end") seen.push(message.atSample);
  };
  for (let n = 0; n < 5; n++) expect(relay.send({ type: "end", atSample: n })).toBe(true);
  expect(seen).toEqual([]);
  await Bun.sleep(1);
  expect(seen).toEqual([0, 1, 2, 3, 4]);
});

test("a full queue refuses, and ready() resolves when there is room again", async () => {
  const { relay, worker } = createMemoryLink();
  let arrived = 0;
  worker.onMessage = () => (arrived += 1);
  let accepted = 0;
  while (relay.send({ type: "heartbeat" })) accepted += 1;
  expect(accepted).toBeGreaterThan(0);
  await relay.ready();
  expect(arrived).toBe(accepted);
  expect(relay.send({ type: "heartbeat" })).toBe(true);
});

test("closing tells both sides once, delivers what was sent, and refuses what comes after", async () => {
  const { relay, worker } = createMemoryLink();
  const told: string[] = [];
  let arrived = 0;
  worker.onMessage = () => (arrived += 1);
  worker.onClose = (reason) => told.push(`worker: ${reason}`);
  relay.onClose = (reason) => told.push(`relay: ${reason}`);
  relay.send({ type: "heartbeat" });
  relay.close();
  worker.close();
  expect(arrived).toBe(1);
  expect(told).toEqual(["relay: closed by us", "worker: closed by the other side"]);
  expect(relay.send({ type: "heartbeat" })).toBe(false);
  await relay.ready();
});
