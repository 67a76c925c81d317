import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type DropReason,
  PendingRequest,
  RequestQueue,
} from "../../../gpu/inference/request-queue.ts";

/** Far enough ahead that none passes while the test runs. */
const anHourMs = 3_600_000;

function drained(deadlines: readonly (number | undefined)[]): number[] {
  const queue = new RequestQueue("tts", deadlines.length, () => {});
  for (const [id, deadlineAtMs] of deadlines.entries())
    queue.push(new PendingRequest(id, undefined, { deadlineAtMs }));
  return deadlines.map(() => queue.next()?.id ?? -1);
}

describe("requests that wait for a child", () => {
  test("go by the earliest deadline, and those without one go last", () => {
    const at = performance.now() + anHourMs;
    expect(drained([undefined, at + 9, at + 5, undefined, at + 7])).toEqual([2, 4, 1, 0, 3]);
  });

  test("keep their order where deadlines are equal, and none is lost", () => {
    const from = performance.now() + anHourMs;
    const deadline = fc.option(
      fc.nat({ max: 3 }).map((ms) => from + ms),
      { nil: undefined },
    );
    fc.assert(
      fc.property(fc.array(deadline, { maxLength: 20 }), (deadlines) => {
        const order = [...deadlines.keys()].toSorted((one, other) => {
          const [first, second] = [deadlines[one] ?? Infinity, deadlines[other] ?? Infinity];
          return first === second ? one - other : first - second;
        });
        expect(drained(deadlines)).toEqual(order);
      }),
    );
  });

  test("are answered with a timeout when their deadline passed before they began", async () => {
    const dropped: DropReason[] = [];
    const queue = new RequestQueue("tts", 2, (reason) => dropped.push(reason));
    const late = new PendingRequest(1, undefined, { deadlineAtMs: performance.now() - 1 });
    queue.push(late);
    queue.push(new PendingRequest(2, undefined, {}));
    expect(queue.next()?.id).toBe(2);
    await expect(late.answered).rejects.toMatchObject({ code: "TIMEOUT", retryable: true });
    expect(dropped).toEqual(["expired"]);
  });

  test("are refused beyond the limit", () => {
    const dropped: DropReason[] = [];
    const queue = new RequestQueue("tts", 1, (reason) => dropped.push(reason));
    queue.push(new PendingRequest(1, undefined, {}));
    expect(() => queue.push(new PendingRequest(2, undefined, {}))).toThrow("1 requests wait");
    expect(dropped).toEqual(["full"]);
  });

  test("are left out when their caller has gone, and counted once", () => {
    const dropped: DropReason[] = [];
    const queue = new RequestQueue("tts", 3, (reason) => dropped.push(reason));
    const left = new PendingRequest(1, undefined, { signal: AbortSignal.abort() });
    const taken = new PendingRequest(2, undefined, {});
    for (const request of [left, taken]) queue.push(request);
    queue.drop(taken);
    queue.drop(taken);
    expect(queue.next()).toBeUndefined();
    expect(dropped).toEqual(["cancelled", "cancelled"]);
  });
});
