import type { BunPlugin } from "bun";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { CacheEnvironment } from "../../src/weights/cache-paths.ts";
import { sha256OfFile } from "../../src/weights/sha256.ts";
import { compressTool, type CompressedTool } from "./compress-tool.ts";

const require = createRequire(import.meta.url);
const nativeFolder = join(
  dirname(require.resolve("onnxruntime-node/package.json")),
  "bin/napi-v6/linux/x64",
);

/**
 * Replaces the modules that stand for what an executable carries, where its code imports them: FFmpeg and
 * MediaMTX (compressed) in the edge, ONNX Runtime's shared library, and its binding, which the package
 * loads by a computed name that no bundler follows.
 */
export function embedPlugin(env: CacheEnvironment): BunPlugin {
  return {
    name: "embed",
    setup(build) {
      build.onLoad({ filter: /\/src\/media\/embedded-files\.ts$/ }, async () => {
        const tools = {
          ffmpeg: await compressTool("ffmpeg", env),
          mediamtx: await compressTool("mediamtx", env),
        };
        return { loader: "ts", contents: embeddedTools(tools) };
      });
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

function embeddedTools(tools: Readonly<Record<string, CompressedTool>>): string {
  const entries = Object.entries(tools);
  const imports = entries.map(
    ([name, { compressed }]) =>
      `import ${name} from ${JSON.stringify(compressed)} with { type: "file" };`,
  );
  const fields = entries.map(
    ([name, { sha256, bytes }]) =>
      `${name}: { path: ${name}, sha256: "${sha256}", bytes: ${bytes} }`,
  );
  return `${imports.join("\n")}\nexport const embeddedFiles = { ${fields.join(", ")} };`;
}
