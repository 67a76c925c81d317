import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import bergamotLicence from "../../scripts/models/carried/bergamot-license.txt" with { type: "file" };
import kokoroLicence from "../../scripts/models/carried/kokoro-license.txt" with { type: "file" };
import kokoroNotice from "../../scripts/models/carried/kokoro-notice.txt" with { type: "file" };
import kokoroVocabulary from "../../scripts/models/carried/kokoro-vocab.json.txt" with { type: "file" };
import whisperLicence from "../../scripts/models/carried/whisper-license.txt" with { type: "file" };
import whisperGeneration from "../../scripts/models/carried/whisper-generation_config.json.txt" with { type: "file" };
import whisperPreprocessor from "../../scripts/models/carried/whisper-preprocessor_config.json.txt" with { type: "file" };
import ctranslate2File from "../../scripts/models/ctranslate2_file.py" with { type: "file" };
import kokoroRanges from "../../scripts/models/kokoro_ranges.npz" with { type: "file" };
import kokoroVocoder from "../../scripts/models/kokoro_vocoder.py" with { type: "file" };
import kokoroWeightOnly from "../../scripts/models/kokoro_weight_only.py" with { type: "file" };
import marianFile from "../../scripts/models/marian_file.py" with { type: "file" };
import marianOnnx from "../../scripts/models/marian_onnx.py" with { type: "file" };
import matrixProducts from "../../scripts/models/matrix_products.py" with { type: "file" };
import onnxGraph from "../../scripts/models/onnx_graph.py" with { type: "file" };
import whisperOnnx from "../../scripts/models/whisper_onnx.py" with { type: "file" };
import whisperTokenizer from "../../scripts/models/whisper_tokenizer.py" with { type: "file" };

// Imported as files, so that a compiled executable carries them too.
const converters: Readonly<Record<string, string>> = {
  "ctranslate2_file.py": ctranslate2File,
  "kokoro_ranges.npz": kokoroRanges,
  "kokoro_vocoder.py": kokoroVocoder,
  "kokoro_weight_only.py": kokoroWeightOnly,
  "marian_file.py": marianFile,
  "marian_onnx.py": marianOnnx,
  "matrix_products.py": matrixProducts,
  "onnx_graph.py": onnxGraph,
  "whisper_onnx.py": whisperOnnx,
  "whisper_tokenizer.py": whisperTokenizer,
};

/** Small files that no package contains, by their path in the models folder. */
const carried: Readonly<Record<string, string>> = {
  "asr/whisper-base-onnx/LICENSE": whisperLicence,
  "asr/whisper-tokenizer/LICENSE": whisperLicence,
  "asr/whisper-tokenizer/generation_config.json": whisperGeneration,
  "asr/whisper-tokenizer/preprocessor_config.json": whisperPreprocessor,
  "mt/bergamot-en-pt/LICENSE": bergamotLicence,
  "mt/bergamot-pt-en/LICENSE": bergamotLicence,
  "tts/kokoro/LICENSE": kokoroLicence,
  "tts/kokoro/NOTICE": kokoroNotice,
  "tts/kokoro/vocab.json": kokoroVocabulary,
};

/** Writes the converter scripts into `folder`, where Python can run them. */
export async function writeConverters(folder: string): Promise<void> {
  await writeAll(converters, folder);
}

/** Writes the carried files into a models folder. */
export async function writeCarriedFiles(folder: string): Promise<void> {
  await writeAll(carried, folder);
}

async function writeAll(files: Readonly<Record<string, string>>, folder: string): Promise<void> {
  for (const [path, source] of Object.entries(files)) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await Bun.write(target, Bun.file(source));
  }
}
