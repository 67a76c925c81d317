import { loadOnnxRuntime, openSession, outputOf, type OnnxTensors } from "../onnx/runtime.ts";
import { rootHann, ShortTimeFourier } from "./spectrum.ts";
import type { SpeechNet } from "./speech-net.ts";

const size = 512;
const hop = 256;
const bins = size / 2 + 1;
const caches: Readonly<Record<string, readonly number[]>> = {
  conv_cache: [2, 1, 16, 16, 33],
  tra_cache: [2, 3, 1, 1, 16],
  inter_cache: [2, 1, 33, 16],
};

/**
 * GTCRN (Rong et al., 2024; MIT), the project's streaming export: one frame a call, its state goes round.
 *
 * @param files path of `gtcrn_simple.onnx`
 * @throws {ModelFileError}
 */
export async function openGtcrn([file = ""]: readonly string[]): Promise<SpeechNet> {
  const runtime = await loadOnnxRuntime();
  const session = await openSession(file);
  const fourier = new ShortTimeFourier(size, hop, rootHann(size));
  const silent = () =>
    Object.fromEntries(
      Object.entries(caches).map(([name, shape]) => {
        const length = shape.reduce((product, extent) => product * extent, 1);
        return [name, new runtime.Tensor("float32", new Float32Array(length), [...shape])];
      }),
    );
  return {
    name: "gtcrn",
    rateHz: 16_000,
    contextMs: { before: 500, after: 40 },
    warmUps: 2,
    async estimate(samples) {
      const spectrum = fourier.forward(samples);
      let state: OnnxTensors = silent();
      for (let frame = 0; frame < spectrum.frames; frame++) {
        const mix = new Float32Array(2 * bins);
        for (let bin = 0; bin < bins; bin++) {
          mix[2 * bin] = spectrum.re[frame * bins + bin]!;
          mix[2 * bin + 1] = spectrum.im[frame * bins + bin]!;
        }
        const heard = await session.run({
          mix: new runtime.Tensor("float32", mix, [1, bins, 1, 2]),
          ...state,
        });
        const speech = outputOf(heard, "enh").data as Float32Array;
        for (let bin = 0; bin < bins; bin++) {
          spectrum.re[frame * bins + bin] = speech[2 * bin]!;
          spectrum.im[frame * bins + bin] = speech[2 * bin + 1]!;
        }
        state = Object.fromEntries(
          Object.keys(caches).map((name) => [name, outputOf(heard, `${name}_out`)]),
        );
      }
      return fourier.inverse(spectrum, samples.length);
    },
    async close() {
      await session.release();
    },
  };
}
