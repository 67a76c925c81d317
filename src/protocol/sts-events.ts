import { z } from "zod";
import type { StsErrorMessage } from "./sts-errors.ts";
import type {
  FragmentDataMessage,
  FragmentProcessedMessage,
  ServerAckMessage,
  WorkerAckMessage,
} from "./sts-fragment.ts";
import { optional, roundedCount, wholeNumber, withDefault } from "./sts-scalars.ts";
import type {
  StreamCompleteMessage,
  StreamControl,
  StreamInitMessage,
  StreamReadyMessage,
  StreamUpdatedMessage,
  StreamUpdateMessage,
} from "./sts-session.ts";

/** `backpressure`, as a client reads it: an action it does not know is ignored. */
export const backpressureSchema = z.object({
  stream_id: optional(z.string()),
  severity: optional(z.string()),
  action: z.string(),
  current_inflight: optional(roundedCount),
  max_inflight: optional(roundedCount),
  queue_depth: optional(roundedCount),
  threshold_exceeded: optional(z.string()),
  recommended_delay_ms: optional(roundedCount),
});

/** `backpressure`, exactly as our server sends it: all eight keys. */
export interface BackpressureMessage {
  readonly stream_id: string;
  readonly severity: "low" | "medium" | "high";
  readonly action: "none" | "slow_down" | "pause";
  readonly current_inflight: number;
  readonly max_inflight: number;
  readonly queue_depth: number;
  readonly threshold_exceeded: "medium" | "high" | null;
  readonly recommended_delay_ms: number;
}

/** `transcript:partial`, as a client reads it: what is being said beyond the clauses. Lossy, in no order with answers. */
export const partialTranscriptSchema = z.object({
  stream_id: optional(z.string()),
  /** Session time of the first word. */
  start_ms: z.number(),
  text: z.string(),
  /** So many characters of `text` will not change any more. */
  stable_chars: roundedCount,
});
export type PartialTranscript = z.output<typeof partialTranscriptSchema>;
/** `transcript:partial`, exactly as our server sends it. */
export interface PartialTranscriptMessage {
  readonly stream_id: string;
  readonly start_ms: number;
  readonly text: string;
  readonly stable_chars: number;
}

/** One rule of `config:error_simulation` (echo mode). */
export const simulationRuleSchema = z
  .object({
    trigger: z.enum(["sequence_number", "fragment_id", "nth_fragment"]),
    value: z.union([z.number(), z.string()]),
    error_code: z.string().min(1).max(128),
    error_message: withDefault(z.string().max(1024), "Simulated error"),
    retryable: withDefault(z.boolean(), true),
    stage: optional(z.enum(["asr", "translation", "tts"])),
  })
  .transform((rule, context) => {
    if (rule.trigger === "fragment_id") return { ...rule, value: String(rule.value) };
    const least = rule.trigger === "nth_fragment" ? 1 : 0;
    const parsed = wholeNumber(least).safeParse(rule.value);
    if (parsed.success) return { ...rule, value: parsed.data };
    context.addIssue({
      code: "custom",
      path: ["value"],
      message: `must be a whole number of at least ${least} for ${rule.trigger}`,
    });
    return z.NEVER;
  });
export type SimulationRule = z.output<typeof simulationRuleSchema>;

/** `config:error_simulation` (echo mode): a new one replaces the old. */
export const errorSimulationSchema = z.object({
  enabled: withDefault(z.boolean(), false),
  rules: withDefault(z.array(simulationRuleSchema).max(1000), []),
});
export type ErrorSimulation = z.output<typeof errorSimulationSchema>;

export interface ErrorSimulationAckMessage {
  readonly status: "accepted" | "rejected";
  readonly rules_count: number;
  readonly message: string | null;
}

/** `simulate:disconnect` (echo mode). */
export const simulateDisconnectSchema = z.preprocess(
  (payload) => payload ?? {},
  z.object({
    delay_ms: withDefault(wholeNumber(0, 60_000), 0),
    reason: optional(z.string().max(256)),
  }),
);

export interface SimulateDisconnectAckMessage {
  readonly status: "scheduled";
  readonly disconnect_at_ms: number;
  readonly message: string;
}

/** Events of the worker, each answered as the protocol says. */
export interface ClientToServerEvents {
  "stream:init": (message: StreamInitMessage) => void;
  "fragment:data": (message: FragmentDataMessage) => void;
  "fragment:ack": (message: WorkerAckMessage) => void;
  "stream:pause": (message?: StreamControl) => void;
  "stream:resume": (message?: StreamControl) => void;
  "stream:end": (message?: StreamControl) => void;
  "stream:update": (message: StreamUpdateMessage) => void;
  "config:error_simulation": (message: z.input<typeof errorSimulationSchema>) => void;
  "simulate:disconnect": (message: z.input<typeof simulateDisconnectSchema>) => void;
}

/** Events of the server. */
export interface ServerToClientEvents {
  "stream:ready": (message: StreamReadyMessage) => void;
  "stream:complete": (message: StreamCompleteMessage) => void;
  "stream:updated": (message: StreamUpdatedMessage) => void;
  "transcript:partial": (message: PartialTranscriptMessage) => void;
  "fragment:ack": (message: ServerAckMessage) => void;
  "fragment:processed": (message: FragmentProcessedMessage) => void;
  backpressure: (message: BackpressureMessage) => void;
  error: (message: StsErrorMessage) => void;
  "config:error_simulation:ack": (message: ErrorSimulationAckMessage) => void;
  "simulate:disconnect:ack": (message: SimulateDisconnectAckMessage) => void;
}
