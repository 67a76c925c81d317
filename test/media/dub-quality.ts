import { join } from "node:path";
import { LocalTranslator } from "../../gpu/pipeline/local-translator.ts";
import { Whisper } from "../../gpu/models/whisper/whisper.ts";
import { Recogniser } from "../../gpu/pipeline/recognise.ts";
import { resolveFfmpeg } from "../../src/media/ffmpeg-binary.ts";
import { createVad } from "../../src/vad/silero.ts";
import { modelsFolder } from "../../src/weights/store.ts";
import { characterErrorRate, spokenForm } from "../integration/engine/text-distance.ts";

/** A sentence of a clip's timeline. */
export interface SpokenSentence {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
}

/** What was sent to synthesis, and where its dub sounds. */
export interface DubbedPiece {
  readonly translatedText: string;
  readonly dubStartMs: number;
  readonly dubEndMs: number;
}

export interface DubQuality {
  /** Of each sentence, its translation by our own model, and the share of its words heard in its window. */
  readonly sentences: readonly {
    readonly translation: string;
    readonly heard: string;
    readonly recall: number;
  }[];
  /** Edits between what is heard and what was to be said, over the length of what was to be said. */
  readonly characterErrorRate: number;
  /** The same for each piece, with what was heard. */
  readonly pieces: readonly { readonly heard: string; readonly rate: number }[];
}

const rateHz = 16_000;
/** A dub may end this much after its sentence. */
const graceMs = 1500;
/** Kept around a piece, so that its first and last sounds are heard. */
const marginMs = 150;

/**
 * Judges a dub by listening to it: our own recogniser on the dub stem alone.
 *
 * @param stem mono, 16 kHz, on the clip's timeline
 */
export async function judgeDub(options: {
  readonly stem: Float32Array;
  readonly source: string;
  readonly target: string;
  readonly sentences: readonly SpokenSentence[];
  readonly pieces: readonly DubbedPiece[];
}): Promise<DubQuality> {
  const folder = modelsFolder({ dir: process.env["LIVEDUB_MODELS_DIR"], env: process.env });
  const whisper = await Whisper.load(join(folder, "asr", "whisper-base-onnx"), { threads: 2 });
  const vad = await createVad(join(folder, "vad", "silero-v6", "silero_vad_v6.onnx"));
  const recogniser = new Recogniser(vad, whisper);
  const translator = await LocalTranslator.load(join(folder, "mt"));
  const hear = async (fromMs: number, toMs: number) => {
    const samples = options.stem.subarray(at(fromMs), at(toMs));
    const { utterances } = await recogniser.recognise(samples, options.target);
    return utterances.map(({ text }) => text).join(" ");
  };
  try {
    const sentences: { translation: string; heard: string; recall: number }[] = [];
    for (const { startMs, endMs, text } of options.sentences) {
      const translation = await translator.translate(text, options.source, options.target);
      const heard = await hear(startMs, endMs + graceMs);
      sentences.push({ translation, heard, recall: wordRecall(heard, translation) });
    }
    const pieces: { heard: string; rate: number }[] = [];
    let edits = 0;
    let characters = 0;
    for (const { translatedText, dubStartMs, dubEndMs } of options.pieces) {
      const heard = await hear(dubStartMs - marginMs, dubEndMs + marginMs);
      const rate = characterErrorRate(heard, translatedText);
      const length = Array.from(spokenForm(translatedText)).length;
      pieces.push({ heard, rate });
      edits += rate * length;
      characters += length;
    }
    return { sentences, characterErrorRate: edits / Math.max(1, characters), pieces };
  } finally {
    await vad.close();
    await whisper.close();
  }
}

/** The share of `said`'s words that occur in `heard`, each as often as it is said. */
function wordRecall(heard: string, said: string): number {
  const left = spokenForm(heard).split(" ");
  const words = spokenForm(said).split(" ");
  let found = 0;
  for (const word of words) {
    const index = left.indexOf(word);
    if (index < 0) continue;
    left.splice(index, 1);
    found += 1;
  }
  return found / words.length;
}

/** Any media file's sound as mono, 16 kHz, -1..1. */
export async function soundOf(path: string): Promise<Float32Array> {
  const ffmpeg = await resolveFfmpeg(process.env);
  const child = Bun.spawn(
    [
      ...[ffmpeg.path, "-v", "error", "-i", path, "-map", "0:a:0"],
      ...["-ac", "1", "-ar", String(rateHz), "-f", "f32le", "-"],
    ],
    { stdout: "pipe", stderr: "pipe" },
  );
  const [bytes, complaint] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`${path}: ${complaint}`);
  return new Float32Array(bytes.slice().buffer);
}

function at(ms: number): number {
  return Math.max(0, Math.round((ms * rateHz) / 1000));
}
