import { readFile } from "node:fs/promises";
import type { SpeechNet } from "./speech-net.ts";

const frameSamples = 256;
/** The module's own analysis and synthesis windows of 512 samples delay its output by one hop. */
const delaySamples = 256;
/** So many frames are worked at a stretch (0.5 s of sound) before others get their turn. */
const framesAtOnce = 32;

/** What the module exports; its build shortens every name, and the package is pinned. */
interface GtcrnExports {
  readonly c: WebAssembly.Memory;
  /** Runs its constructors; first of all. */
  readonly d: () => void;
  /** Creates a state. */
  readonly e: () => number;
  /** Destroys a state. */
  readonly g: (state: number) => void;
  /** Works one frame: state, input, output. */
  readonly i: (state: number, input: number, output: number) => void;
  /** Allocates bytes. */
  readonly k: (bytes: number) => number;
}

/**
 * GTCRN compiled to WebAssembly with its weights inside (MIT, from `@sapphi-red/web-noise-suppressor`):
 * the net that needs no weights from elsewhere.
 *
 * @param files path of `gtcrn.wasm`
 * @throws when the file is missing or is another build than we know
 */
export async function openGtcrnWasm([path = ""]: readonly string[]): Promise<SpeechNet> {
  const module = await instantiate(path);
  const input = module.k(frameSamples * 4);
  const output = module.k(frameSamples * 4);
  return {
    name: "gtcrn-wasm",
    rateHz: 16_000,
    contextMs: { before: 500, after: 40 },
    warmUps: 2,
    async estimate(samples) {
      const speech = new Float32Array(samples.length);
      const state = module.e();
      if (state === 0) throw new Error("GTCRN has no memory for another state");
      try {
        const frames = Math.ceil((samples.length + delaySamples) / frameSamples);
        for (let frame = 0; frame < frames; frame++) {
          const at = frame * frameSamples;
          const memory = new Float32Array(module.c.buffer); // may have grown, which replaces it
          const piece = samples.subarray(at, at + frameSamples);
          memory.fill(0, input / 4, input / 4 + frameSamples);
          memory.set(piece, input / 4);
          module.i(state, input, output);
          const heard = new Float32Array(module.c.buffer, output, frameSamples);
          const place = at - delaySamples;
          const from = Math.max(0, -place);
          const to = Math.min(frameSamples, speech.length - place);
          if (to > from) speech.set(heard.subarray(from, to), place + from);
          if (frame % framesAtOnce === framesAtOnce - 1) await new Promise(setImmediate);
        }
      } finally {
        module.g(state);
      }
      return speech;
    },
    close: () => Promise.resolve(),
  };
}

async function instantiate(path: string): Promise<GtcrnExports> {
  const bytes = await readFile(path);
  const grown: { memory?: WebAssembly.Memory } = {};
  const pageBytes = 65_536;
  const imports = {
    a: {
      /** A failed assertion. */
      a: () => {
        throw new Error("GTCRN failed an assertion of its own");
      },
      /** Asks for at least so many bytes of memory. */
      b: (bytesWanted: number) => {
        const { memory } = grown;
        if (memory === undefined) return 0;
        const missing = (bytesWanted >>> 0) - memory.buffer.byteLength;
        memory.grow(Math.max(0, Math.ceil(missing / pageBytes)));
        return 1;
      },
    },
  };
  const { instance } = await WebAssembly.instantiate(bytes, imports);
  const found = instance.exports as unknown as GtcrnExports;
  for (const name of ["c", "d", "e", "g", "i", "k"] as const)
    if (found[name] === undefined)
      throw new Error(`${path} is another build of GTCRN than livedub knows: no export ${name}`);
  grown.memory = found.c;
  found.d();
  return found;
}
