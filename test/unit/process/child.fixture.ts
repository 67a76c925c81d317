/** A child for the tests of process/: answers over the channel, or hangs, as its argument says. */
import { z } from "zod";
import { ParentChannel } from "../../../src/process/parent-channel.ts";

const mode = process.argv[2];
const channel = new ParentChannel<{ samples: Float32Array } | "stop", unknown>({
  incoming: z.union([z.literal("stop"), z.object({ samples: z.instanceof(Float32Array) })]),
  onMessage: (message) => {
    if (message === "stop") {
      if (mode !== "deaf") process.exit(0);
      return;
    }
    channel.send({ sum: message.samples.reduce((sum, value) => sum + value, 0) });
  },
  onOrphaned: () => process.exit(42),
  onBadMessage: () => channel.send({ bad: true }),
});
if (mode === "deaf") process.on("SIGTERM", () => {});
channel.send({ ready: true, pid: process.pid });
setInterval(() => {}, 1000);
