import { existsSync } from "node:fs";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { embeddedOnnxLibrary } from "./embedded-library.ts";
import { prepareNativeLibrary } from "./native-library.ts";
import { ModelFileError } from "./model-file.ts";

export type OnnxRuntime = typeof import("onnxruntime-node");
export type OnnxTensor = Tensor;
export type OnnxTensors = Record<string, Tensor>;

export interface SessionOptions {
  /** Threads of one operator; default 1. */
  readonly threads?: number;
  readonly executionProvider?: "cpu" | "cuda";
}

let loading: Promise<OnnxRuntime> | undefined;

/**
 * ONNX Runtime, loaded at the first call: 20 ms and a 45 MB library that most commands never need.
 *
 * @throws when the native library cannot be loaded, with the remedy
 */
export function loadOnnxRuntime(): Promise<OnnxRuntime> {
  loading ??= load();
  return loading;
}

async function load(): Promise<OnnxRuntime> {
  try {
    await prepareNativeLibrary(embeddedOnnxLibrary);
    const runtime = await import("onnxruntime-node");
    runtime.env.logLevel = "error";
    return runtime;
  } catch (cause) {
    loading = undefined;
    throw new Error(
      `ONNX Runtime cannot be loaded: ${firstLine(cause)}. ` +
        "It needs Linux x64 or arm64 with glibc 2.28 or later, and a complete installation",
      { cause },
    );
  }
}

/**
 * Opens a model file.
 *
 * @param modelPath absolute path of the `.onnx` file; weights kept beside it (external data) are found by name
 * @throws {ModelFileError} missing, truncated or unfit file; or a provider that this machine lacks
 */
export async function openSession(
  modelPath: string,
  options: SessionOptions = {},
): Promise<InferenceSession> {
  const runtime = await loadOnnxRuntime();
  if (!existsSync(modelPath)) throw new ModelFileError(modelPath, "it does not exist");
  const provider = options.executionProvider ?? "cpu";
  try {
    return await runtime.InferenceSession.create(modelPath, {
      executionProviders: [provider],
      intraOpNumThreads: options.threads ?? 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
    });
  } catch (cause) {
    if (provider === "cuda" && /CUDA|providers_shared|provider/i.test(firstLine(cause)))
      throw new Error(
        `${modelPath} cannot run on the GPU: ${firstLine(cause)}. Install ONNX Runtime's CUDA provider ` +
          "libraries beside it and a matching driver, or set DEVICE=cpu",
        { cause },
      );
    throw new ModelFileError(modelPath, firstLine(cause), cause);
  }
}

function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split("\n")[0] ?? text;
}

/** An `int64` tensor from small integers. */
export function int64Tensor(
  runtime: OnnxRuntime,
  values: readonly number[],
  dims: readonly number[],
): Tensor {
  return new runtime.Tensor("int64", BigInt64Array.from(values, BigInt), dims);
}

/** The named output of a run. @throws when the model has no such output: another export than we know */
export function outputOf(outputs: OnnxTensors, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor === undefined)
    throw new Error(`the model gave no output ${name}; it gave ${Object.keys(outputs).join(", ")}`);
  return tensor;
}

/** The shape of a session's input: numbers where fixed, names where free. @throws when there is none of that name */
export function inputShape(
  session: InferenceSession,
  modelPath: string,
  name: string,
): readonly (number | string)[] {
  const input = session.inputMetadata.find((candidate) => candidate.name === name);
  if (input === undefined || !input.isTensor)
    throw new ModelFileError(
      modelPath,
      `it has no input ${name}: not an export of the kind expected`,
    );
  return input.shape;
}
