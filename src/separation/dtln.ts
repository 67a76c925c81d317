import { Fft } from "../audio/fft.ts";
import { loadOnnxRuntime, type OnnxTensor, openSession, outputOf } from "../onnx/runtime.ts";
import type { SpeechNet } from "./speech-net.ts";

const size = 512;
const hop = 128;
const bins = size / 2 + 1;
const stateShape = [1, 2, 128, 2] as const;

/**
 * DTLN (Westhausen and Meyer, 2020; MIT): a net that masks magnitudes, then one that works on the
 * waveform; both recurrent, one block of 32 ms each 8 ms, summed where they overlap.
 *
 * @param files paths of `model_1.onnx`, `model_2.onnx`
 * @throws {ModelFileError}
 */
export async function openDtln([first = "", second = ""]: readonly string[]): Promise<SpeechNet> {
  const runtime = await loadOnnxRuntime();
  const masking = await openSession(first);
  const shaping = await openSession(second);
  const fft = new Fft(size);
  const silent = () => new runtime.Tensor("float32", new Float32Array(512), [...stateShape]);
  return {
    name: "dtln",
    rateHz: 16_000,
    contextMs: { before: 500, after: 40 },
    warmUps: 0,
    async estimate(samples) {
      const output = new Float32Array(samples.length);
      const re = new Float64Array(size);
      const im = new Float64Array(size);
      let maskState: OnnxTensor = silent();
      let shapeState: OnnxTensor = silent();
      for (let first = hop - size; first < samples.length; first += hop) {
        for (let n = 0; n < size; n++) re[n] = samples[first + n] ?? 0;
        im.fill(0);
        fft.forward(re, im);
        const magnitude = new Float32Array(bins);
        for (let bin = 0; bin < bins; bin++) magnitude[bin] = Math.hypot(re[bin]!, im[bin]!);
        const masked = await masking.run({
          input_2: new runtime.Tensor("float32", magnitude, [1, 1, bins]),
          input_3: maskState,
        });
        maskState = outputOf(masked, "tf_op_layer_stack_2");
        const mask = outputOf(masked, "activation_2").data as Float32Array;
        for (let bin = 0; bin < size; bin++) {
          const gain = mask[bin < bins ? bin : size - bin]! / size;
          re[bin]! *= gain;
          im[bin]! *= gain;
        }
        fft.inverse(re, im);
        const shaped = await shaping.run({
          input_4: new runtime.Tensor("float32", Float32Array.from(re), [1, 1, size]),
          input_5: shapeState,
        });
        shapeState = outputOf(shaped, "tf_op_layer_stack_5");
        const speech = outputOf(shaped, "conv1d_3").data as Float32Array;
        const from = Math.max(0, -first);
        const to = Math.min(size, output.length - first);
        for (let n = from; n < to; n++) output[first + n]! += speech[n]!;
      }
      return output;
    },
    async close() {
      await Promise.all([masking.release(), shaping.release()]);
    },
  };
}
