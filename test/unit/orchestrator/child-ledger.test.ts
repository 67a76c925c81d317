import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChildLedger, StateDirectoryBusyError } from "../../../src/orchestrator/child-ledger.ts";
import { openSocketFolder, openStateDirectory } from "../../../src/orchestrator/state-dir.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ledger-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("leftovers of an earlier serve", () => {
  test("what still runs is ended, what has ended is forgotten", async () => {
    const living = Bun.spawn(["sleep", "60"]);
    const dead = Bun.spawn(["true"]);
    const earlier = new ChildLedger(folder);
    earlier.add(living.pid, "relay match");
    earlier.add(dead.pid, "worker match");
    await dead.exited;
    expect(await new ChildLedger(folder).reap()).toEqual([`relay match (${living.pid})`]);
    await living.exited;
    expect(living.signalCode).toBe("SIGKILL");
    expect(readdirSync(join(folder, "children"))).toEqual([]);
  });

  test("a process that only has the same number is left alone", async () => {
    const stranger = Bun.spawn(["sleep", "60"]);
    const ledger = new ChildLedger(folder);
    ledger.add(stranger.pid, "relay match");
    const path = join(folder, "children", `${stranger.pid}.json`);
    const entry = JSON.parse(readFileSync(path, "utf8")) as { startTicks: string };
    writeFileSync(
      path,
      JSON.stringify({ ...entry, startTicks: `${Number(entry.startTicks) - 1}` }),
    );
    expect(await ledger.reap()).toEqual([]);
    expect(stranger.exitCode).toBeNull();
    stranger.kill();
    await stranger.exited;
  });

  test("a file that a crash cut off does no harm", async () => {
    const ledger = new ChildLedger(folder);
    writeFileSync(join(folder, "children", "123.json"), '{"pid": 12');
    expect(await ledger.reap()).toEqual([]);
  });

  test("a process that ended is no longer noted", () => {
    const ledger = new ChildLedger(folder);
    ledger.add(process.pid, "relay match");
    ledger.remove(process.pid);
    expect(readdirSync(join(folder, "children"))).toEqual([]);
  });
});

describe("the state directory", () => {
  test("belongs to one serve at a time, which the other is told", async () => {
    const holder = Bun.spawn(["sleep", "60"]);
    const ledger = new ChildLedger(folder);
    ledger.add(holder.pid, "serve");
    const note = readFileSync(join(folder, "children", `${holder.pid}.json`));
    writeFileSync(join(folder, "serve.json"), note);
    expect(() => ledger.claim()).toThrow(StateDirectoryBusyError);
    expect(() => ledger.claim()).toThrow("ORCH_STATE_DIR");
    holder.kill();
    await holder.exited;
    ledger.claim();
    ledger.release();
  });

  test("is private, and so are its sockets; a path too long for a socket gets its sockets elsewhere", () => {
    const state = openStateDirectory(join(folder, "state"));
    expect(statSync(state).mode & 0o777).toBe(0o700);
    const sockets = openSocketFolder(state);
    expect(statSync(sockets.path).mode & 0o777).toBe(0o700);
    expect(sockets.path.startsWith(state)).toBe(true);
    const long = openStateDirectory(join(folder, "x".repeat(100)));
    const elsewhere = openSocketFolder(long);
    expect(elsewhere.path.startsWith(long)).toBe(false);
    expect(statSync(elsewhere.path).mode & 0o777).toBe(0o700);
    elsewhere.close();
    expect(() => statSync(elsewhere.path)).toThrow();
  });

  test("that cannot be written is named with its setting", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => openStateDirectory(join(folder, "file", "state"))).toThrow("ORCH_STATE_DIR");
  });
});
