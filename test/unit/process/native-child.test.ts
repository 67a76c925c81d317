import { expect, test } from "bun:test";
import { once } from "node:events";
import { ChildStartError } from "../../../src/process/exit.ts";
import { NativeChild } from "../../../src/process/native-child.ts";

/** A native program that says it is up, then waits for its end. */
const sleeper = (trap = "") => ["sh", "-c", `${trap} echo up >&2; while :; do sleep 0.05; done`];

async function startSleeper(trap = "", terminateWithinMs = 300): Promise<NativeChild> {
  const up = Promise.withResolvers<void>();
  const child = await NativeChild.start({
    name: "sleeper",
    command: sleeper(trap),
    terminateWithinMs,
    onStderrLine: () => up.resolve(),
  });
  await up.promise;
  return child;
}

test("a program that is not there is reported as not found, by name", async () => {
  const start = NativeChild.start({ name: "pull", command: ["no-such-program-here"] });
  await expect(start).rejects.toThrow("pull: no-such-program-here is not on PATH");
});

test("a file that cannot be executed is a start error, not an unhandled one", async () => {
  const start = NativeChild.start({ name: "pull", command: ["/etc/hostname"] });
  const outcome = await start.then(
    async (child) => ({ exit: await child.exited }),
    (error: unknown) => ({ error }),
  );
  // Started through setpriv the failure is an exit code; started directly it is a start error.
  if ("error" in outcome) expect(outcome.error).toBeInstanceOf(ChildStartError);
  else expect(outcome.exit.code).not.toBe(0);
});

test("SIGTERM stops a willing program, and the exit says that we asked", async () => {
  const child = await startSleeper();
  const exit = await child.stop();
  expect(exit).toEqual({ code: null, signal: "SIGTERM", byUs: true });
});

test("a program that ignores SIGTERM is killed", async () => {
  const child = await startSleeper("trap '' TERM;");
  const exit = await child.stop();
  expect(exit).toEqual({ code: null, signal: "SIGKILL", byUs: true });
});

test("a program that ends on its own is told apart from one that we stopped", async () => {
  const child = await NativeChild.start({ name: "brief", command: ["sh", "-c", "exit 3"] });
  expect(await child.exited).toEqual({ code: 3, signal: null, byUs: false });
});

test("stderr's last lines are kept for the error, long ones cut, and there is a bound", async () => {
  const script = "i=0; while [ $i -lt 50 ]; do echo line $i >&2; i=$((i+1)); done";
  const child = await NativeChild.start({ name: "talker", command: ["sh", "-c", script] });
  await child.exited;
  const lines = child.lastStderr.split("\n");
  expect(lines.length).toBeLessThanOrEqual(20);
  expect(lines.at(-1)).toBe("line 49");
});

test("extra pipes carry bytes both ways", async () => {
  const child = await NativeChild.start({
    name: "cat",
    command: ["sh", "-c", "cat <&3 >&4"],
    extraPipes: ["pipe", "pipe"],
  });
  const received: Buffer[] = [];
  child.readable(4).on("data", (chunk: Buffer) => received.push(chunk));
  child.writable(3).end(Buffer.from("picture and sound"));
  await once(child.readable(4), "end");
  expect(Buffer.concat(received).toString()).toBe("picture and sound");
});

test("writing to a dead child is no unhandled error", async () => {
  const child = await NativeChild.start({
    name: "deaf",
    command: ["true"],
    stdin: "pipe",
  });
  await child.exited;
  child.stdin?.write("nobody reads this");
  await new Promise((resolve) => setImmediate(resolve));
  expect(child.exit?.code).toBe(0);
});

test("a program runs in a process group of its own, out of Ctrl-C's reach", async () => {
  const child = await startSleeper();
  const stat = await Bun.file(`/proc/${child.pid}/stat`).text();
  const group = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
  expect(group).toBe(child.pid);
  await child.stop();
});
