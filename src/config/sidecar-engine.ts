import { bool, decimal, integer, text, url } from "./scalars.ts";
import { setting } from "./setting.ts";
import {
  asrModel,
  device,
  translationProvider,
  ttsModel,
  type Device,
} from "./sidecar-providers.ts";

const scope = "sidecar";
const noArtefacts = "the sidecar keeps no recordings; use the edge's run bundle";
const noCloudVoices = "cloud voices are not built in";

/** What `livedub-sts` reads (contract 7.4): models, providers, the machine. */
export const sidecarEngineSettings = {
  asrModel: setting({
    name: "ASR_MODEL",
    aliases: ["WHISPER_MODEL", "STS_WHISPER_MODEL", "ASR_MODEL_SIZE"],
    scope,
    schema: asrModel,
    default: "base",
    doc: "Size of the Whisper model, `base` or one whose ONNX export stands in `asr/whisper-SIZE-onnx` of the models folder (`small`, `large-v3-turbo`, …)",
  }),
  translationProvider: setting({
    name: "TRANSLATION_PROVIDER",
    aliases: ["STS_TRANSLATION_MODEL"],
    scope,
    schema: translationProvider,
    default: "auto",
    doc: "`auto` (DeepL where its key is set, then an OpenAI-compatible endpoint where its model is named, then local), or `local`, `deepl`, `openai-compatible`, or several in order of preference; the local models come last where they are not named",
  }),
  ttsModel: setting({
    name: "TTS_MODEL",
    aliases: ["STS_TTS_MODEL", "TTS_PROVIDER"],
    scope,
    schema: ttsModel,
    default: "kokoro",
    doc: "The voice model",
  }),
  device: setting({
    name: "DEVICE",
    scope,
    schema: device,
    default: "cpu",
    doc: "`cpu` or `cuda`",
  }),
  asrDevice: setting<Device | undefined>({
    name: "ASR_DEVICE",
    scope,
    schema: device,
    doc: "Device of recognition; must be that of synthesis",
  }),
  ttsDevice: setting<Device | undefined>({
    name: "TTS_DEVICE",
    scope,
    schema: device,
    doc: "Device of synthesis; must be that of recognition",
  }),
  modelsDir: setting<string | undefined>({
    name: "MODEL_CACHE_DIR",
    aliases: ["STS_MODEL_CACHE_DIR", "LIVEDUB_MODELS_DIR"],
    scope,
    schema: text,
    doc: "Folder of the weights; unset = the user's cache folder",
  }),
  deeplApiKey: setting<string | undefined>({
    name: "DEEPL_API_KEY",
    aliases: ["DEEPL_AUTH_KEY"],
    scope,
    schema: text,
    secret: true,
    doc: "Turns on DeepL for every pair it knows; the local models take over where it fails",
  }),
  elevenLabsApiKey: setting<string | undefined>({
    name: "ELEVENLABS_API_KEY",
    scope,
    schema: text,
    secret: true,
    doc: "Key of a cloud voice",
    ignored: noCloudVoices,
  }),
  openAiBaseUrl: setting<string | undefined>({
    name: "OPENAI_BASE_URL",
    scope,
    schema: url("http", "https").refine((address) => new URL(address).username === "", {
      message: "must hold no credentials; give the key as OPENAI_API_KEY",
    }),
    doc: "Address of an OpenAI-compatible endpoint, with its version, like `http://127.0.0.1:11434/v1`",
  }),
  openAiApiKey: setting<string | undefined>({
    name: "OPENAI_API_KEY",
    scope,
    schema: text,
    secret: true,
    doc: "Key of the OpenAI-compatible endpoint; a self-hosted one may need none",
  }),
  openAiTranslationModel: setting<string | undefined>({
    name: "OPENAI_TRANSLATION_MODEL",
    scope,
    schema: text,
    doc: "The model that translates at the OpenAI-compatible endpoint; unset = it translates nothing",
  }),
  cudaVisibleDevices: setting({
    name: "CUDA_VISIBLE_DEVICES",
    aliases: ["STS_CUDA_VISIBLE_DEVICES"],
    scope,
    schema: text,
    default: "0",
    doc: "The GPU to use, by its number or UUID, with `DEVICE=cuda`",
  }),
  asrTimeoutMs: setting({
    name: "ASR_TIMEOUT_MS",
    scope,
    schema: integer(100, 120_000, "ms"),
    default: "5000",
    doc: "Longest recognition of a fragment, ms",
  }),
  translationTimeoutMs: setting({
    name: "TRANSLATION_TIMEOUT_MS",
    scope,
    schema: integer(100, 120_000, "ms"),
    default: "5000",
    doc: "Longest translation of a fragment, ms",
  }),
  ttsTimeoutMs: setting({
    name: "TTS_TIMEOUT_MS",
    scope,
    schema: integer(100, 120_000, "ms"),
    default: "10000",
    doc: "Longest synthesis of a fragment, ms",
  }),
  gpuMaxBatchSize: setting<number | undefined>({
    name: "GPU_MAX_BATCH_SIZE",
    scope,
    schema: integer(1, 64, "fragments"),
    doc: "Fragments in one run of a model",
    ignored: "fragments are not batched",
  }),
  voiceProfilesPath: setting<string | undefined>({
    name: "VOICE_PROFILES_PATH",
    aliases: ["TTS_VOICES_CONFIG"],
    scope,
    schema: text,
    doc: "JSON file of named voices: `{name: {language, speaker}}`, with `default` among them; unset = built-in voices",
  }),
  gpuMonitoringIntervalS: setting({
    name: "GPU_MONITORING_INTERVAL",
    scope,
    schema: decimal(1, 3600),
    default: "5",
    doc: "Seconds between readings of the GPU's load and memory",
  }),
  artifactLogging: setting<boolean | undefined>({
    name: "ENABLE_ARTIFACT_LOGGING",
    scope,
    schema: bool,
    doc: "Recordings of every fragment",
    ignored: noArtefacts,
  }),
  artifactsPath: setting<string | undefined>({
    name: "ARTIFACTS_PATH",
    scope,
    schema: text,
    doc: "Folder of the recordings",
    ignored: noArtefacts,
  }),
  artifactRetentionHours: setting<string | undefined>({
    name: "ARTIFACT_RETENTION_HOURS",
    aliases: ["ARTIFACTS_RETENTION_HOURS"],
    scope,
    schema: text,
    doc: "Age at which recordings are deleted",
    ignored: noArtefacts,
  }),
  artifactMaxCount: setting<string | undefined>({
    name: "ARTIFACT_MAX_COUNT",
    aliases: ["ARTIFACTS_MAX_COUNT"],
    scope,
    schema: text,
    doc: "Recordings kept of a stream",
    ignored: noArtefacts,
  }),
};
