import { basename } from "node:path";
import { defineCommand } from "citty";
import { deviceOf, translationOrder, type SidecarConfig } from "../../src/config/sidecar-rules.ts";
import { loadOnnxRuntime } from "../../src/onnx/runtime.ts";
import { quickCheckWeights } from "../../src/weights/check.ts";
import { modelsFolder } from "../../src/weights/store.ts";
import { FfmpegCodec } from "../codec/ffmpeg-codec.ts";
import { findFfmpeg } from "../codec/ffmpeg-program.ts";
import { createPhonemizer } from "../models/kokoro/espeak.ts";
import { whisperFolder } from "../models/whisper/folder.ts";
import { GpuMonitor } from "../server/gpu-monitor.ts";
import { settingsOrExit } from "./settings.ts";
import { readVoiceProfiles } from "./voice-profiles.ts";

/** One prerequisite, proven by trying it. Throws with what is wrong and the remedy. */
interface Check {
  readonly name: string;
  /** @returns what was found */
  run(): Promise<string>;
}

/** `livedub-sts doctor`: tries everything that serve will need. */
export const doctorCommand = defineCommand({
  meta: {
    name: "doctor",
    description: "Try everything that serve needs, and say how to mend what fails",
  },
  async run() {
    const config = settingsOrExit(process.env);
    let failed = 0;
    for (const check of checksFor(config, process.env)) {
      try {
        process.stdout.write(`ok    ${check.name}: ${await check.run()}\n`);
      } catch (error) {
        failed++;
        process.stdout.write(`FAIL  ${check.name}: ${(error as Error).message}\n`);
      }
    }
    process.stdout.write(failed === 0 ? "all good\n" : `${failed} to mend\n`);
    process.exit(failed === 0 ? 0 : 1);
  },
});

function checksFor(config: SidecarConfig, env: NodeJS.ProcessEnv): Check[] {
  const always: Check[] = [
    { name: "port", run: () => tryPort(config) },
    { name: "FFmpeg", run: () => tryFfmpeg(env) },
  ];
  if (config.mode === "echo") return always;
  const real: Check[] = [
    { name: "weights", run: () => tryWeights(config, env) },
    { name: "espeak-ng", run: tryEspeak },
    { name: "onnxruntime", run: tryOnnxRuntime },
    { name: "voices", run: () => tryVoices(config) },
    { name: "languages", run: () => Promise.resolve(languages(config)) },
  ];
  const gpu: Check = { name: "GPU", run: tryGpu };
  return [...always, ...real, ...(deviceOf(config) === "cuda" ? [gpu] : [])];
}

function tryPort(config: SidecarConfig): Promise<string> {
  const { host, port } = config;
  try {
    const server = Bun.serve({ hostname: host, port, fetch: () => new Response() });
    void server.stop(true);
    return Promise.resolve(`${host}:${port} is free`);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    const why = code === "EADDRINUSE" ? "is taken by another program; set STS_PORT" : message;
    return Promise.reject(new Error(`${host}:${port} ${why}`));
  }
}

/** A second of silence through AAC and back. */
async function tryFfmpeg(env: NodeJS.ProcessEnv): Promise<string> {
  const path = findFfmpeg(env);
  const codec = new FfmpegCodec(() => path);
  const { signal } = new AbortController();
  const format = { sampleRateHz: 16_000, channels: 1, container: "mp4" } as const;
  const encoded = await codec.encodeAac(new Uint8Array(32_000), format, signal);
  const decoded = await codec.decode(encoded, "mov", signal);
  if (Math.abs(decoded.length - 16_000) > 1024)
    throw new Error(`${path}: a second of sound came back as ${decoded.length / 16_000} s`);
  return `${path} encodes and decodes AAC`;
}

async function tryWeights(config: SidecarConfig, env: NodeJS.ProcessEnv): Promise<string> {
  const dir = modelsFolder({ dir: config.modelsDir, env });
  const report = await quickCheckWeights(dir);
  const [first] = report.problems;
  if (first !== undefined) {
    const more = report.problems.length - 1;
    throw new Error(`${first.message}${more > 0 ? ` (and ${more} more)` : ""}`);
  }
  const recogniser = basename(whisperFolder(dir, config.asrModel));
  return `${report.checkedFiles} files are right in ${dir}; ${recogniser} recognises`;
}

async function tryEspeak(): Promise<string> {
  const phonemize = createPhonemizer();
  const [phonemes] = await phonemize(["Bom dia"], "pt-br");
  if (!phonemes) throw new Error("espeak-ng runs, but says nothing; install its voice data");
  return `"Bom dia" is ${phonemes}`;
}

async function tryOnnxRuntime(): Promise<string> {
  const runtime = await loadOnnxRuntime();
  return `version ${runtime.env.versions.common}`;
}

function tryVoices(config: SidecarConfig): Promise<string> {
  const profiles = readVoiceProfiles(config.voiceProfilesPath, config.ttsProvider);
  const names = profiles === undefined ? "built-in" : Object.keys(profiles).join(", ");
  return Promise.resolve(names);
}

function languages(config: SidecarConfig): string {
  const services = translationOrder(config).filter((name) => name !== "local");
  return services.length === 0
    ? "local pairs only; DEEPL_API_KEY or OPENAI_TRANSLATION_MODEL adds more"
    : `local pairs and ${services.join(", ")}`;
}

async function tryGpu(): Promise<string> {
  const monitor = new GpuMonitor(3600, () => {});
  try {
    if (!monitor.start())
      throw new Error("DEVICE=cuda, but there is no NVIDIA driver; start with a GPU or DEVICE=cpu");
    const load = monitor.read();
    const used =
      load === undefined ? "" : `, ${Math.round(load.memoryUsedBytes / 2 ** 20)} MiB used`;
    return await Promise.resolve(`driver answers${used}`);
  } finally {
    monitor.close();
  }
}
