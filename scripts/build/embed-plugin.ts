import type { BunPlugin } from "bun";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { toolPath, type CacheEnvironment } from "../../src/weights/cache-paths.ts";
import { sha256OfFile } from "../../src/weights/sha256.ts";
import { modelPath, modelsFolder } from "../../src/weights/store.ts";
import { compressForEmbedding, type CompressedFile } from "./compress.ts";

const require = createRequire(import.meta.url);
const nativeFolder = join(
  dirname(require.resolve("onnxruntime-node/package.json")),
  "bin/napi-v6/linux/x64",
);

/**
 * Replaces the modules that stand for what an executable carries, where its code imports them: FFmpeg,
 * MediaMTX and the VAD's weights (compressed) in the edge, ONNX Runtime's shared library, and its binding, which the package
 * loads by a computed name that no bundler follows.
 */
export function embedPlugin(env: CacheEnvironment): BunPlugin {
  return {
    name: "embed",
    setup(build) {
      build.onLoad({ filter: /\/src\/media\/embedded-files\.ts$/ }, async () => ({
        loader: "ts",
        contents: embeddedFiles({
          ffmpeg: await compressForEmbedding("ffmpeg", toolToEmbed("ffmpeg", env), env),
          mediamtx: await compressForEmbedding("mediamtx", toolToEmbed("mediamtx", env), env),
          "silero_vad_v6.onnx": await compressForEmbedding("vad", vadModelToEmbed(env), env),
          ...(await separationNets(env)),
        }),
      }));
      build.onLoad({ filter: /\/src\/onnx\/embedded-library\.ts$/ }, async () => {
        const library = join(nativeFolder, "libonnxruntime.so.1");
        const sha256 = await sha256OfFile(library);
        return {
          loader: "ts",
          contents: `import path from ${JSON.stringify(library)} with { type: "file" };
            export const embeddedOnnxLibrary = { path, sha256: "${sha256}" };`,
        };
      });
      build.onLoad({ filter: /\/onnxruntime-node\/dist\/binding\.js$/ }, async ({ path }) => {
        const source = await Bun.file(path).text();
        const computed = /require\(`\.\.\/bin\/napi-v6\/[^`]*`\)/;
        if (!computed.test(source)) throw new Error(`${path} loads its binding in another way now`);
        const binding = join(nativeFolder, "onnxruntime_binding.node");
        return {
          loader: "js",
          contents: source.replace(computed, `require(${JSON.stringify(binding)})`),
        };
      });
    },
  };
}

/** `FFMPEG_BIN` or `MEDIAMTX_BIN`, else the cache's program, else (MediaMTX, as the bootstrap takes it) PATH's. */
function toolToEmbed(name: "ffmpeg" | "mediamtx", env: CacheEnvironment): string {
  const cached = toolPath(env, name);
  const inPath = name === "mediamtx" && !existsSync(cached) ? Bun.which(name) : null;
  return env[`${name.toUpperCase()}_BIN`] || (inPath ?? cached);
}

function vadModelToEmbed(env: CacheEnvironment): string {
  const dir = modelsFolder({ dir: env["LIVEDUB_MODELS_DIR"], env });
  return modelPath(dir, "vad/silero-v6/silero_vad_v6.onnx");
}

/** The separation nets that are here: the package's always, others where their weights are. */
async function separationNets(env: CacheEnvironment): Promise<Record<string, CompressedFile>> {
  const dir = modelsFolder({ dir: env["LIVEDUB_MODELS_DIR"], env });
  const weights = {
    "gtcrn_simple.onnx": "gtcrn/gtcrn_simple.onnx",
    "dtln-model_1.onnx": "dtln/model_1.onnx",
    "dtln-model_2.onnx": "dtln/model_2.onnx",
    "dfn3-enc.onnx": "deepfilternet3/enc.onnx",
    "dfn3-erb_dec.onnx": "deepfilternet3/erb_dec.onnx",
    "dfn3-df_dec.onnx": "deepfilternet3/df_dec.onnx",
  };
  const wasm = require.resolve("@sapphi-red/web-noise-suppressor/gtcrn.wasm");
  const found: Record<string, CompressedFile> = {
    "gtcrn.wasm": await compressForEmbedding("gtcrn.wasm", wasm, env),
  };
  for (const [name, path] of Object.entries(weights)) {
    const file = modelPath(dir, join("separation", path));
    if (existsSync(file)) found[name] = await compressForEmbedding(name, file, env);
  }
  return found;
}

function embeddedFiles(files: Readonly<Record<string, CompressedFile>>): string {
  const entries = Object.entries(files);
  const imports = entries.map(
    ([, { compressed }], n) =>
      `import file${n} from ${JSON.stringify(compressed)} with { type: "file" };`,
  );
  const fields = entries.map(
    ([name, { sha256, bytes }], n) =>
      `${JSON.stringify(name)}: { path: file${n}, sha256: "${sha256}", bytes: ${bytes} }`,
  );
  return `${imports.join("\n")}\nexport const embeddedFiles = { ${fields.join(", ")} };`;
}
