import { EngineError } from "../../gpu/inference/engine-error.ts";
import type { DubEngine, DubRequest, DubResult, EngineHealth } from "../../gpu/inference/engine.ts";

const models = { asr: "scripted-asr", translation: "scripted-mt", tts: "scripted-tts" };
const sampleRateHz = 24_000;

/** What the engine is to do with a request. */
export type Script = (
  request: DubRequest,
  signal: AbortSignal,
) => Partial<DubResult> | Promise<Partial<DubResult>>;

/**
 * An engine without models, for what the session plane does with slow, failing and odd answers: it
 * answers with a tone as long as the fragment, unless its script says otherwise.
 */
export class ScriptedEngine implements DubEngine {
  readonly mode = "scripted";
  readonly models = models;
  readonly gpuAvailable = false;
  readonly requests: DubRequest[] = [];
  state: EngineHealth["state"] = "starting";
  closed = 0;

  constructor(
    private readonly script: Script = () => ({}),
    private readonly served: [string, string][] = [
      ["en", "pt"],
      ["pt", "en"],
    ],
  ) {}

  pairs() {
    return this.served;
  }

  voices() {
    return [{ name: "pf_dora", language: "pt" }];
  }

  hasVoice(profile: string, language: string): boolean {
    return profile === "default" || (profile === "pf_dora" && language === "pt");
  }

  start(): Promise<void> {
    this.state = "ready";
    return Promise.resolve();
  }

  async process(request: DubRequest, signal = new AbortController().signal): Promise<DubResult> {
    this.requests.push(request);
    const changes = await this.script(request, signal);
    const dubbedDurationMs = changes.dubbedDurationMs ?? request.durationMs;
    const speech = request.speech !== false;
    return {
      status: "success",
      transcript: speech ? `said ${request.fragmentId}` : "",
      translatedText: speech ? `dito ${request.fragmentId}` : "",
      audio: tone(dubbedDurationMs, speech ? 0.5 : 0),
      sampleRateHz,
      stageTimings: { asrMs: 1, translationMs: 2, ttsMs: 3 },
      originalDurationMs: request.durationMs,
      rawDurationMs: dubbedDurationMs,
      dubbedDurationMs,
      speedRatio: 1,
      speedClamped: false,
      warnings: [],
      models,
      utterances: [],
      heard: speech ? [heardOf(request)] : [],
      speechRegions: speech ? [{ startMs: 0, endMs: request.durationMs }] : [],
      ...changes,
    };
  }

  health(): EngineHealth {
    return { state: this.state, children: [] };
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Answers that leave when the test says so. */
export class Gate {
  readonly #waiting: (() => void)[] = [];
  #changed: (() => void)[] = [];

  /** A script that waits at the gate; ends early when nobody waits for the answer any more. */
  readonly script: Script = (_request, signal) =>
    new Promise((resolve, reject) => {
      this.#waiting.push(() => resolve({}));
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      for (const wake of this.#changed.splice(0)) wake();
    });

  /** Waits until so many requests stand at the gate. */
  async reached(count: number): Promise<void> {
    while (this.#waiting.length < count)
      await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  /** Lets the next one pass. */
  async pass(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.reached(1);
      this.#waiting.shift()?.();
    }
  }
}

/** A failure as the engine words it. */
export function engineFailure(
  code: ConstructorParameters<typeof EngineError>[0],
  options: Partial<ConstructorParameters<typeof EngineError>[1]> = {},
): EngineError {
  return new EngineError(code, {
    message: `scripted ${code}`,
    retryable: true,
    blame: "us",
    ...options,
  });
}

/** All of a fragment as one utterance. */
function heardOf({ fragmentId, durationMs }: DubRequest): DubResult["heard"][number] {
  return {
    ...{ startMs: 0, endMs: durationMs, text: `said ${fragmentId}` },
    sureness: { confidence: 0.9, noSpeechProbability: 0.01, languageProbability: 0.98 },
  };
}

function tone(durationMs: number, level: number): Float32Array {
  const length = Math.round((durationMs / 1000) * sampleRateHz);
  return Float32Array.from(
    { length },
    (_, i) => level * Math.sin((2 * Math.PI * 440 * i) / sampleRateHz),
  );
}
