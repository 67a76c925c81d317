import { z } from "zod";
import { BunChild } from "../../../src/process/bun-child.ts";
import { selfCommand } from "../../../src/process/self.ts";

// A parent that starts a worker, tells its pid, and ends without a word, as a crash would.
const child = new BunChild<unknown, unknown>({
  name: "worker",
  command: selfCommand("livedub", "worker", "orphan"),
  incoming: z.unknown(),
  onMessage: () => {},
});
process.stdout.write(String(child.pid), () =>
  setTimeout(() => process.kill(process.pid, "SIGKILL"), 500),
);
