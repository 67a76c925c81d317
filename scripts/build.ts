/**
 * Builds the two executables: dist/livedub (with FFmpeg and MediaMTX inside) and dist/livedub-sts.
 * usage: bun run build [livedub|livedub-sts]...      needs what scripts/bootstrap sets up
 */
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { embedPlugin } from "./build/embed-plugin.ts";

const root = join(import.meta.dir, "..");
const entries = { livedub: "src/main.ts", "livedub-sts": "gpu/main.ts" } as const;
type Name = keyof typeof entries;

function isName(name: string): name is Name {
  return name in entries;
}

async function build(name: Name): Promise<void> {
  const startMs = performance.now();
  const outfile = join(root, "dist", name);
  // Built in a folder of its own: the source map beside it also stands inside the executable.
  const unfinished = join(root, "dist", ".build", name);
  const result = await Bun.build({
    entrypoints: [join(root, entries[name])],
    target: "bun",
    format: "esm",
    minify: true,
    sourcemap: "linked",
    bytecode: true,
    // Read by src/process/self.ts: a compiled executable runs itself as a child, source runs Bun.
    define: { LIVEDUB_COMPILED: "true" },
    plugins: [embedPlugin(process.env)],
    compile: { outfile: unfinished, autoloadDotenv: false, autoloadBunfig: false },
  });
  if (!result.success) throw new AggregateError(result.logs, `${name} does not build`);
  await rename(unfinished, outfile);
  const { size } = await stat(outfile);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`dist/${name}: ${(size / 1e6).toFixed(0)} MB (${seconds} s)`);
}

const wanted = process.argv.slice(2);
const names = wanted.length > 0 ? wanted : Object.keys(entries);
await mkdir(join(root, "dist", ".build"), { recursive: true });
for (const name of names) {
  if (!isName(name)) throw new Error(`There is no executable ${name}: livedub or livedub-sts`);
  await build(name);
}
await rm(join(root, "dist", ".build"), { recursive: true, force: true });
