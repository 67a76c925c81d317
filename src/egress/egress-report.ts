import { z } from "zod";

/** What one egress process is doing. */
export const egressPhase = z.enum([
  "input-connecting",
  "output-connecting",
  "forwarding",
  "retrying",
  "stopping",
]);
export type EgressPhase = z.infer<typeof egressPhase>;

/** What an egress process tells its supervisor at each change and each second; counts since its start. */
export const egressReport = z.object({
  type: z.literal("status"),
  phase: egressPhase,
  /** Runs of FFmpeg so far, from 1. */
  attempt: z.number().int().min(0),
  bytesOut: z.number().min(0),
  connectLatencyMs: z.object({ input: z.number().nullable(), output: z.number().nullable() }),
  /** Retries by `error.kind`; an error's `code` is the exit code that it would end the process with. */
  retries: z.record(z.string(), z.number()),
  lastError: z.object({ kind: z.string(), message: z.string(), code: z.number() }).nullable(),
});
export type EgressReport = z.infer<typeof egressReport>;

/** The supervisor says nothing but stop. */
export const egressCommandMessage = z.object({ type: z.literal("stop") });
export type EgressCommandMessage = z.infer<typeof egressCommandMessage>;
