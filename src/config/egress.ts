import { z } from "zod";
import { commonSettings } from "./common.ts";
import { bool, choice, duration, integer, url } from "./scalars.ts";
import { setting } from "./setting.ts";
import { languageTag } from "./language-tag.ts";

const destinationUrl = url("rtmp", "rtmps", "srt").refine(
  (value) => new URL(value).hostname !== "",
  "must name a host",
);

/** One place that a stream's `out` is forwarded to. Its URL holds the stream key: never shown. */
export const destination = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, "a destination's name is 1..64 of A-Z a-z 0-9 _ . -"),
  url: destinationUrl,
  /** Which of the stream's target languages it gets; absent: the first. */
  language: languageTag.optional(),
});
export type Destination = z.infer<typeof destination>;

/** The destinations of one stream, their names different. */
export const destinationList = z
  .array(destination)
  .max(16, "at most 16 destinations a stream")
  .refine(
    (list) => new Set(list.map((one) => one.name)).size === list.length,
    "two destinations have the same name",
  );

const rulesDocument = z.object({
  version: z.literal(1),
  rules: z.array(
    z.object({
      streamId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be a stream id"),
      destinations: destinationList,
    }),
  ),
});

/** Destinations by stream id. */
export type EgressRules = ReadonlyMap<string, readonly Destination[]>;

const rules = z.string().transform((json, context): EgressRules => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    context.addIssue({ code: "custom", message: "must be JSON" });
    return z.NEVER;
  }
  const checked = rulesDocument.safeParse(parsed);
  if (checked.success)
    return new Map(checked.data.rules.map((rule) => [rule.streamId, rule.destinations]));
  const why = checked.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  context.addIssue({
    code: "custom",
    message: `must be {"version":1,"rules":[{"streamId":…,"destinations":[{"name":…,"url":…}]}]}; ${why.join("; ")}`,
  });
  return z.NEVER;
});

const enabled = setting<boolean | undefined>({
  name: "EGRESS_ENABLED",
  scope: "egress",
  schema: bool,
  doc: "`false` turns all forwarding off; unset: streams with a destination are forwarded",
});
const maxDestinationFailures = setting({
  name: "EGRESS_MAX_DESTINATION_FAILURES",
  scope: "egress",
  schema: integer(1, 1000, "failures"),
  default: "3",
  doc: "Failures of the destination in a row after which an egress process gives up and its supervisor decides",
});
const inputGraceSeconds = setting({
  name: "INPUT_NOT_READY_GRACE_SECONDS",
  scope: "egress",
  schema: integer(0, 3600, "seconds"),
  default: "30",
  doc: "How long an egress process waits for the dubbed feed",
});
const retryBaseDelayMs = setting({
  name: "RETRY_BASE_DELAY_MS",
  scope: "egress",
  schema: integer(1, 600_000, "ms"),
  default: "500",
  doc: "First delay between attempts; it doubles",
});
const retryMaxDelayMs = setting({
  name: "RETRY_MAX_DELAY_MS",
  scope: "egress",
  schema: integer(1, 600_000, "ms"),
  default: "10000",
  doc: "Longest delay between attempts",
});
const retryJitterMs = setting({
  name: "RETRY_JITTER_MS",
  scope: "egress",
  schema: integer(0, 60_000, "ms"),
  default: "250",
  doc: "Each delay is spread by up to this much",
});
const retryMaxAttempts = setting({
  name: "RETRY_MAX_ATTEMPTS",
  scope: "egress",
  schema: integer(0, 1_000_000, "attempts"),
  default: "0",
  doc: "Attempts of one egress process; 0 = no limit",
});

/** What the supervisor of all forwarding reads (contract 6.4, both forms). */
export const egressSettings = {
  egressEnabled: enabled,
  egressRules: setting<EgressRules | undefined>({
    name: "EGRESS_RULES_JSON",
    scope: "egress",
    schema: rules,
    secret: true,
    doc: "Destinations by stream; replaces a stream's `egress` of the config file",
  }),
  egressInputBaseUrl: setting<string | undefined>({
    name: "EGRESS_INPUT_BASE_URL",
    aliases: ["MEDIAMTX_RTSP_BASE"],
    scope: "egress",
    schema: url("rtmp", "rtmps", "rtsp", "rtsps"),
    doc: "Base URL that the dubbed feed is read from; unset: our own MediaMTX by RTMP",
  }),
  egressBackpressureMode: setting({
    name: "EGRESS_BACKPRESSURE_MODE",
    scope: "egress",
    schema: choice("stall"),
    default: "stall",
    doc: "Only `stall`",
  }),
  egressMaxDestinationFailures: maxDestinationFailures,
  egressRetryBackoffMs: setting({
    name: "EGRESS_RETRY_BACKOFF",
    scope: "egress",
    schema: duration(0, 60_000),
    default: "5s",
    doc: "Delay before an egress process is started again (0..1m)",
  }),
  egressInputGraceSeconds: inputGraceSeconds,
  retryBaseDelayMs,
  retryMaxDelayMs,
  retryJitterMs,
  retryMaxAttempts,
  restartMaxPer10Min: setting({
    name: "RESTART_MAX_PER_10_MIN",
    scope: "egress",
    schema: integer(0, 1000, "restarts"),
    default: "6",
    doc: "Restarts of one egress process within ten minutes; then the cooldown",
  }),
  restartCooldownSeconds: setting({
    name: "RESTART_COOLDOWN_SECONDS",
    scope: "egress",
    schema: integer(1, 3600, "seconds"),
    default: "60",
    doc: "Pause of an egress process that was restarted too often",
  }),
};

/** What one egress process reads from its environment; `serve` sets it, and a script may. */
export const egressProcessSettings = {
  ...commonSettings,
  streamId: setting<string | undefined>({
    name: "STREAM_ID",
    scope: "egress",
    schema: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1..64 of A-Z a-z 0-9 _ -"),
    doc: "Stream of one egress process (set by serve)",
  }),
  destinationUrl: setting<string | undefined>({
    name: "DEST_RTMP_URL",
    scope: "egress",
    schema: destinationUrl,
    secret: true,
    doc: "Destination of one egress process, with its stream key: rtmp, rtmps or srt (set by serve)",
  }),
  inputUrl: setting<string | undefined>({
    name: "EGRESS_INPUT_URL",
    scope: "egress",
    schema: url("rtmp", "rtmps", "rtsp", "rtsps", "srt"),
    secret: true,
    doc: "Whole URL that one egress process reads; unset: EGRESS_INPUT_BASE_URL + `/live/<stream>/out` (set by serve)",
  }),
  enabled,
  inputBaseUrl: egressSettings.egressInputBaseUrl,
  maxDestinationFailures,
  inputGraceSeconds,
  retryBaseDelayMs,
  retryMaxDelayMs,
  retryJitterMs,
  retryMaxAttempts,
};
