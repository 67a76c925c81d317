import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import pino from "pino";
import { OwnSidecar } from "../../../src/orchestrator/own-sidecar.ts";

const folder = mkdtempSync(join(tmpdir(), "own-sidecar-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a sidecar whose program has gone is tried again until it is back, and its edge goes on", async () => {
  const program = join(folder, "livedub-sts");
  const elsewhere = join(folder, "being-replaced");
  writeFileSync(elsewhere, "#!/bin/sh\nexec sleep 60\n");
  chmodSync(elsewhere, 0o755);
  const failed = Promise.withResolvers<string>();
  const spawned = Promise.withResolvers<number>();
  const lines = new Writable({
    write(line: Buffer, _, done) {
      failed.resolve(line.toString());
      done();
    },
  });
  const sidecar = new OwnSidecar({
    command: [program],
    port: 1,
    environment: { PATH: process.env["PATH"] },
    log: pino({}, lines),
    childSpawned: (pid) => spawned.resolve(pid),
    childGone: () => {},
  });
  sidecar.start();
  expect(await failed.promise).toContain("the sidecar could not be started");
  expect(sidecar.pid).toBeUndefined();
  renameSync(elsewhere, program);
  expect(await spawned.promise).toBe(sidecar.pid as number);
  await sidecar.close();
}, 15_000);
