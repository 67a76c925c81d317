/** A child without models, for the tests of supervision: does what each request tells it. */
import { z } from "zod";
import { modelFailure, serveTask } from "../../../gpu/inference/child.ts";

const request = z.object({
  say: z.string().optional(),
  sleepMs: z.number().optional(),
  exit: z.number().optional(),
  fail: z.string().optional(),
  blockMs: z.number().optional(),
  steps: z.number().optional(),
  samples: z.custom<Float32Array>((value) => value instanceof Float32Array).optional(),
});

await serveTask({
  request,
  load({ modelsDir }) {
    if (modelsDir === "/missing") return Promise.reject(new Error("model file /missing/x: gone"));
    if (modelsDir === "/crash") process.exit(3);
    return Promise.resolve({
      info: { modelsDir },
      async handle({ steps, say, sleepMs, exit, fail, blockMs, samples }, stopped) {
        if (exit !== undefined) process.exit(exit);
        if (fail !== undefined) throw new Error(fail);
        for (let step = 0; step < (steps ?? 1) && !(await stopped()); step++) {
          const until = performance.now() + (blockMs ?? 0);
          while (performance.now() < until); // as a model's run does
        }
        for (let left = sleepMs ?? 0; left > 0 && !(await stopped()); left -= 10)
          await Bun.sleep(10);
        return (await stopped()) ? undefined : { said: say ?? "", pid: process.pid, samples };
      },
    });
  },
  explain: modelFailure,
});
