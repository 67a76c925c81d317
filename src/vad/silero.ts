import {
  type OnnxRuntime,
  type OnnxTensor,
  loadOnnxRuntime,
  openSession,
  outputOf,
} from "../onnx/runtime.ts";

/** The net's rate; other rates must be resampled before. */
export const vadSampleRateHz = 16_000;
/** New samples per call: 32 ms. */
export const vadFrameSamples = 512;
/** Samples of the previous frame that the net wants in front of the new ones. */
export const vadContextSamples = 64;
/** Values of the recurrent state, `[2, 1, 128]`. */
export const vadHiddenValues = 2 * 128;
const hiddenShape = [2, 1, 128] as const;

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

/** All that a detector remembers of a sound; whoever holds it can go on with any detector. */
export interface VadState {
  /** {@link vadHiddenValues} values. */
  readonly hidden: Float32Array;
  /** The last {@link vadContextSamples} samples. */
  readonly context: Float32Array;
}

/** A voice activity detector that remembers nothing itself: one serves any number of sounds. */
export interface StatelessVad extends AsyncDisposable {
  /**
   * The probabilities of speech, 0..1, of each 32 ms.
   * @param samples a multiple of {@link vadFrameSamples}, mono, 16 kHz, -1..1; what is no number counts as 0,
   *   as it would stay in the state for ever
   * @param state what the call before returned; absent at the start of a sound
   * @throws {RangeError} for another count of samples, or a state of another size
   */
  detect(
    samples: Float32Array,
    state?: VadState,
  ): Promise<{ readonly probabilities: Float32Array; readonly state: VadState }>;
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
  const net = await createStatelessVad(modelPath);
  let state: VadState | undefined;
  return {
    async process(samples) {
      if (samples.length !== vadFrameSamples)
        throw new RangeError(`a VAD frame is ${vadFrameSamples} samples, not ${samples.length}`);
      const detected = await net.detect(samples, state);
      state = detected.state;
      return detected.probabilities[0] ?? 0;
    },
    reset() {
      state = undefined;
    },
    close: () => net.close(),
    [Symbol.asyncDispose]: () => net.close(),
  };
}

/** The same net without a memory of its own. @throws {ModelFileError} */
export async function createStatelessVad(modelPath: string): Promise<StatelessVad> {
  const runtime = await loadOnnxRuntime();
  const session = await openSession(modelPath, { threads: 1 });
  const rate = new runtime.Tensor("int64", BigInt64Array.of(BigInt(vadSampleRateHz)), []);
  return {
    async detect(samples, state = silentState()) {
      const frames = samples.length / vadFrameSamples;
      if (!Number.isInteger(frames))
        throw new RangeError(
          `${samples.length} samples are no multiple of the VAD's ${vadFrameSamples}`,
        );
      checkState(state);
      const input = new Float32Array(vadContextSamples + vadFrameSamples);
      input.set(state.context, vadFrameSamples); // where a frame's end lies
      let hidden = hiddenTensor(runtime, state.hidden);
      const probabilities = new Float32Array(frames);
      for (let frame = 0; frame < frames; frame++) {
        input.copyWithin(0, vadFrameSamples);
        for (let i = 0; i < vadFrameSamples; i++) {
          const sample = samples[frame * vadFrameSamples + i]!;
          input[vadContextSamples + i] = Number.isFinite(sample) ? sample : 0;
        }
        const outputs = await session.run({
          input: new runtime.Tensor("float32", input, [1, input.length]),
          state: hidden,
          sr: rate,
        });
        hidden = outputOf(outputs, "stateN");
        probabilities[frame] = Number(outputOf(outputs, "output").data[0]);
      }
      const after = Float32Array.from(hidden.data as Float32Array);
      return { probabilities, state: { hidden: after, context: input.slice(vadFrameSamples) } };
    },
    close: () => session.release(),
    [Symbol.asyncDispose]: () => session.release(),
  };
}

function silentState(): VadState {
  return {
    hidden: new Float32Array(vadHiddenValues),
    context: new Float32Array(vadContextSamples),
  };
}

function checkState({ hidden, context }: VadState): void {
  if (hidden.length === vadHiddenValues && context.length === vadContextSamples) return;
  throw new RangeError(
    `a VAD state is ${vadHiddenValues} values and ${vadContextSamples} samples, ` +
      `not ${hidden.length} and ${context.length}`,
  );
}

function hiddenTensor(runtime: OnnxRuntime, values: Float32Array): OnnxTensor {
  return new runtime.Tensor("float32", Float32Array.from(values), [...hiddenShape]);
}
