import { type OnnxTensor, loadOnnxRuntime, openSession, outputOf } from "../onnx/runtime.ts";

/** The net's rate; other rates must be resampled before. */
export const vadSampleRateHz = 16_000;
/** New samples per call: 32 ms. */
export const vadFrameSamples = 512;
/** Samples of the previous frame that the net wants in front of the new ones. */
const contextSamples = 64;
const stateShape = [2, 1, 128] as const;

/** A voice activity detector for one continuous sound. */
export interface Vad extends AsyncDisposable {
  /**
   * The probability, 0..1, that the next 32 ms hold speech.
   * @param samples exactly {@link vadFrameSamples} samples, mono, 16 kHz, -1..1, following the last call's
   */
  process(samples: Float32Array): Promise<number>;
  /** Forgets all that was heard: the next frame starts another sound. */
  reset(): void;
  close(): Promise<void>;
}

/**
 * Silero VAD v6 (github.com/snakers4/silero-vad, MIT): 576 samples in, of which the first 64 are the end
 * of the previous frame; a recurrent state of 2×1×128 goes round. About 0.3 ms a frame on one core.
 *
 * @param modelPath the `silero_vad_v6.onnx` file
 * @throws {ModelFileError}
 */
export async function createVad(modelPath: string): Promise<Vad> {
  const runtime = await loadOnnxRuntime();
  const session = await openSession(modelPath, { threads: 1 });
  const rate = new runtime.Tensor("int64", BigInt64Array.of(BigInt(vadSampleRateHz)), []);
  const input = new Float32Array(contextSamples + vadFrameSamples);
  const silentState = () =>
    new runtime.Tensor("float32", new Float32Array(2 * 128), [...stateShape]);
  let state: OnnxTensor = silentState();

  return {
    async process(samples) {
      if (samples.length !== vadFrameSamples)
        throw new RangeError(`a VAD frame is ${vadFrameSamples} samples, not ${samples.length}`);
      input.copyWithin(0, vadFrameSamples);
      input.set(samples, contextSamples);
      const outputs = await session.run({
        input: new runtime.Tensor("float32", input, [1, input.length]),
        state,
        sr: rate,
      });
      state = outputOf(outputs, "stateN");
      return Number(outputOf(outputs, "output").data[0]);
    },
    reset() {
      input.fill(0);
      state = silentState();
    },
    async close() {
      await session.release();
    },
    async [Symbol.asyncDispose]() {
      await session.release();
    },
  };
}
