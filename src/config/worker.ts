import { z } from "zod";
import { bool, choice, decimal, duration, integer, text, url } from "./scalars.ts";
import { languageTag } from "./language-tag.ts";
import { setting } from "./setting.ts";
import { mixSettings } from "./worker-mix.ts";

/** Playout delays by name; with transport all of them stay within 3..8 s behind the source. */
const playoutPresetsMs = { fast: 4000, balanced: 6000, quality: 7500 } as const;

const playoutDelayMs = z.string().transform((value, context): number => {
  const word = value.trim().toLowerCase();
  if (Object.hasOwn(playoutPresetsMs, word))
    return playoutPresetsMs[word as keyof typeof playoutPresetsMs];
  const parsed = integer(1000, 30_000, "ms").safeParse(value);
  if (parsed.success) return parsed.data;
  context.addIssue({
    code: "custom",
    message: "must be fast, balanced, quality, or a whole number 1000..30000 (ms)",
  });
  return z.NEVER;
});

/** One tag, or several with commas between them: the first is the stream's `out`, the others stand beside it. */
const languageList = z
  .string()
  .transform((value) => value.split(","))
  .pipe(z.array(languageTag).max(9, "at most 9 target languages"))
  .refine(
    (tags) => new Set(tags.map((tag) => tag.split("-")[0]?.toLowerCase())).size === tags.length,
    "names a language twice",
  );

/** `enabled`, `passthrough`, `disabled`; `SKIP_STS_CONNECTION` says true (passthrough) or false instead. */
const stsMode = z
  .string()
  .transform((value) => ({ true: "passthrough", false: "enabled" })[value.toLowerCase()] ?? value)
  .pipe(choice("enabled", "passthrough", "disabled"));

const stsUrl = url("http", "https", "ws", "wss");

const endpointList = z
  .array(
    z.object({
      url: stsUrl,
      key: z.string().min(1).optional(),
      weight: z.number().int().min(1).max(100).default(1),
      region: z.string().min(1).optional(),
    }),
  )
  .min(1, "must hold at least one endpoint");

/** One sidecar that fragments may be sent to. */
export type StsEndpoint = z.infer<typeof endpointList>[number];

const endpoints = z.string().transform((json, context): StsEndpoint[] => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    context.addIssue({ code: "custom", message: 'must be JSON like [{"url": "wss://host:8000"}]' });
    return z.NEVER;
  }
  const checked = endpointList.safeParse(parsed);
  if (checked.success) return checked.data;
  const why = checked.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  context.addIssue({ code: "custom", message: why.join("; ") });
  return z.NEVER;
});

const fragmentDuration = duration(250, 30_000);

/** How a stream is dubbed, unless its own section of the config file says otherwise (contract 7.3). */
export const workerSettings = {
  sourceLanguage: setting({
    name: "WORKER_SOURCE_LANG",
    aliases: ["WORKER_SOURCE_LANGUAGE", "SOURCE_LANGUAGE"],
    scope: "worker",
    schema: languageTag,
    default: "en",
    doc: "Language spoken in the feed",
  }),
  targetLanguages: setting<readonly string[]>({
    name: "WORKER_TARGET_LANG",
    aliases: ["WORKER_TARGET_LANGUAGE", "TARGET_LANGUAGE"],
    scope: "worker",
    schema: languageList,
    default: "pt",
    doc: "Language to dub into, or several with commas between them: the first plays on `live/<stream>/out`, each other on `live/<stream>/out_<language>`; `es` needs DEEPL_API_KEY at the sidecar, or weights that you add",
  }),
  jointOutput: setting({
    name: "WORKER_JOINT_OUTPUT",
    scope: "worker",
    schema: bool,
    default: "true",
    doc: "Whether a stream with several target languages has the output `live/<stream>/out_mul` too: one picture with a sound track for each, over HLS as renditions to choose from",
  }),
  voice: setting({
    name: "WORKER_TTS_VOICE",
    scope: "worker",
    schema: text,
    default: "default",
    doc: "Voice of the dub; `default` is the target language's own",
  }),
  playoutDelayMs: setting({
    name: "WORKER_PLAYOUT_DELAY_MS",
    scope: "worker",
    schema: playoutDelayMs,
    default: "6000",
    doc: "Constant delay of the dubbed feed: 1000..30000 ms, or `fast` (4000), `balanced` (6000), `quality` (7500)",
  }),
  fallbackMode: setting({
    name: "WORKER_FALLBACK_MODE",
    scope: "worker",
    schema: choice("original", "background", "ducked", "repeat_last", "silence"),
    default: "original",
    doc: "What is heard where no dub came in time: `original`, `background`, `ducked`, `repeat_last` or `silence`",
  }),
  withoutBed: setting({
    name: "WORKER_WITHOUT_BED",
    scope: "worker",
    schema: choice("duck", "skip"),
    default: "duck",
    doc: "Where a dub stands but no separated background does: `duck` the original under it, or `skip` the dub",
  }),
  bgGain: setting({
    name: "WORKER_BG_GAIN",
    scope: "worker",
    schema: decimal(0, 4),
    default: "1.0",
    doc: "Gain of the background in the mix, linear",
  }),
  dubGain: setting({
    name: "WORKER_DUB_GAIN",
    scope: "worker",
    schema: decimal(0, 4),
    default: "1.0",
    doc: "Gain of the dub in the mix, linear",
  }),
  ...mixSettings,
  fragmentMs: setting<number | undefined>({
    name: "WORKER_FRAGMENT_TARGET_DUR",
    aliases: ["WORKER_SEGMENT_DURATION"],
    scope: "worker",
    schema: fragmentDuration,
    doc: "Longest fragment, 250ms..30s, where the sidecar dubs fragment by fragment; one that works by clauses gets pieces of a fixed length. Unset: chosen from the playout delay (live: delay − 3.5 s, within 1..5 s)",
  }),
  overlapMs: setting({
    name: "WORKER_FRAGMENT_OVERLAP",
    scope: "worker",
    schema: duration(0, 200),
    default: "0ms",
    doc: "How much of the fragment before it each fragment hears again, 0..200ms and at most half a fragment, where the sidecar dubs fragment by fragment; there one dub is crossfaded into the next",
  }),
  stsMode: setting({
    name: "WORKER_STS_MODE",
    aliases: ["SKIP_STS_CONNECTION"],
    scope: "worker",
    schema: stsMode,
    default: "enabled",
    doc: "`enabled`; `passthrough` (no sidecar, the original plays); `disabled` (no worker at all)",
  }),
  stsUrl: setting<string | undefined>({
    name: "WORKER_STS_SERVICE_URL",
    aliases: ["STS_SERVICE_URL", "STS_WS_URL"],
    scope: "worker",
    schema: stsUrl,
    doc: "The sidecar; unset: our own `livedub-sts` when it stands beside the executable, else http://localhost:8000. A path `/ws/sts` is the Socket.IO path, `/api/v1/sts` selects plain HTTP",
  }),
  stsEndpoints: setting<readonly StsEndpoint[] | undefined>({
    name: "STS_ENDPOINTS",
    scope: "worker",
    schema: endpoints,
    secret: true,
    doc: "Several sidecars: JSON list of {url, key?, weight?, region?}; replaces WORKER_STS_SERVICE_URL",
  }),
  stsApiKey: setting<string | undefined>({
    name: "WORKER_STS_API_KEY",
    aliases: ["STS_API_KEY"],
    scope: "worker",
    schema: text,
    secret: true,
    doc: "Key that the sidecar asks for",
  }),
  stsProtocol: setting({
    name: "STS_PROTOCOL",
    scope: "worker",
    schema: choice("ws", "http"),
    default: "ws",
    doc: "`ws` (Socket.IO) or `http` (one request a fragment)",
  }),
  stsTimeoutMs: setting({
    name: "WORKER_STS_TIMEOUT_MS",
    aliases: ["STS_TIMEOUT_MS", "STS_FRAGMENT_TIMEOUT_MS"],
    scope: "worker",
    schema: integer(1000, 120_000, "ms"),
    default: "8000",
    doc: "A fragment without an answer for this long falls back (1000..120000 ms)",
  }),
  stsMaxRetries: setting({
    name: "WORKER_STS_MAX_RETRIES",
    aliases: ["STS_MAX_RETRIES"],
    scope: "worker",
    schema: integer(0, 3),
    default: "1",
    doc: "Retries of a fragment where its deadline still allows one (0..3)",
  }),
  stsMaxInflight: setting({
    name: "STS_MAX_INFLIGHT",
    scope: "worker",
    schema: integer(1, 10, "fragments"),
    default: "3",
    doc: "Fragments at the sidecar at once that we ask for (1..10)",
  }),
  breakerThreshold: setting({
    name: "CIRCUIT_BREAKER_THRESHOLD",
    scope: "worker",
    schema: integer(1, 100, "failures"),
    default: "5",
    doc: "Retryable failures in a row that open the circuit breaker",
  }),
  breakerOpenSeconds: setting({
    name: "CIRCUIT_BREAKER_TIMEOUT",
    scope: "worker",
    schema: integer(1, 3600, "seconds"),
    default: "30",
    doc: "Seconds that it stays open before one probe",
  }),
  captureMode: setting({
    name: "WORKER_ASSETS_CAPTURE",
    scope: "worker",
    schema: choice("off", "metadata", "media", "debug"),
    default: "metadata",
    doc: "What each run leaves in WORKER_ASSETS_DIR: `off`, `metadata` (texts and times of each fragment), `media` (its sound too), `debug` (raw sound as well)",
  }),
  assetsDir: setting({
    name: "WORKER_ASSETS_DIR",
    scope: "worker",
    schema: text,
    default: "./.local/assets/stream-worker",
    doc: "Where run bundles are written: `streams/<stream>/runs/<run>/`",
  }),
  assetsKeepMs: setting({
    name: "WORKER_ASSETS_RETENTION",
    scope: "worker",
    schema: duration(3_600_000, 8_760 * 3_600_000),
    default: "168h",
    doc: "Run bundles that were last written to longer ago are removed, at start and once a day (1h..8760h)",
  }),
  readyTimeoutMs: setting({
    name: "WORKER_READY_TIMEOUT",
    scope: "worker",
    schema: duration(1000, 300_000),
    default: "15s",
    doc: "How long a relay or worker may take to become ready (at least 1s)",
  }),
  videoMode: setting({
    name: "WORKER_VIDEO_MODE",
    scope: "worker",
    schema: choice("copy"),
    default: "copy",
    doc: "Only `copy`: the picture is never re-encoded",
  }),
  pcmFormat: setting({
    name: "WORKER_AUDIO_PCM_FORMAT",
    scope: "worker",
    schema: choice("s16le"),
    default: "s16le",
    doc: "Only `s16le`",
  }),
  sampleRateHz: setting({
    name: "WORKER_AUDIO_SAMPLE_RATE_HZ",
    scope: "worker",
    schema: choice("48000"),
    default: "48000",
    doc: "Only 48000",
  }),
  audioChannels: setting({
    name: "WORKER_AUDIO_CHANNELS",
    scope: "worker",
    schema: choice("2"),
    default: "2",
    doc: "Only 2",
  }),
  backpressureMode: setting({
    name: "WORKER_BACKPRESSURE_MODE",
    scope: "worker",
    schema: choice("stall"),
    default: "stall",
    doc: "Only `stall`",
  }),
};
