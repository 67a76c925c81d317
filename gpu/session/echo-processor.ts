import type { ErrorSimulation, SimulationRule } from "../../src/protocol/sts-events.ts";
import { meaningOf } from "../../src/protocol/sts-errors.ts";
import type { FragmentCodec } from "../codec/fragment-codec.ts";
import {
  FragmentFailure,
  type FragmentJob,
  type FragmentOutcome,
  type FragmentProcessor,
} from "./fragment-processor.ts";

const echoModel = "echo-mock";

/** One stream's rules and the count that `nth_fragment` goes by. */
interface Simulation {
  rules: readonly SimulationRule[];
  arrived: number;
}

/**
 * Gives every fragment back as it came, without models: all fragments at once, each after the same
 * delay. Errors can be asked for, to test clients.
 */
export class EchoProcessor implements FragmentProcessor {
  readonly #simulations = new Map<string, Simulation>();

  constructor(
    private readonly delayMs: number,
    private readonly codec: FragmentCodec,
  ) {}

  /** Sets the errors of one queue; a new configuration replaces the old. */
  simulate(queue: string, simulation: ErrorSimulation): void {
    const rules = simulation.enabled ? simulation.rules : [];
    const known = this.#simulations.get(queue);
    if (known !== undefined) known.rules = rules;
    else this.#simulations.set(queue, { rules, arrived: 0 });
  }

  /** A queue begins; its fragments are counted from now on. */
  open(queue: string): void {
    this.#simulations.set(queue, { rules: [], arrived: 0 });
  }

  close(queue: string): void {
    this.#simulations.delete(queue);
  }

  waiting(): number {
    return 0; // nothing waits: fragments are handled at the same time
  }

  async process(job: FragmentJob): Promise<FragmentOutcome> {
    const startedAtMs = performance.now();
    const failure = this.#simulatedFailure(job); // fixed at arrival, before the delay
    if (this.delayMs > 0) await delay(this.delayMs, job.signal);
    if (failure !== undefined) throw failure;
    const audio = await this.codec.echo(job);
    const thirdMs = Math.floor((performance.now() - startedAtMs) / 3);
    return {
      status: "success",
      audio,
      transcript: `[ECHO] Original audio (seq=${job.sequenceNumber})`,
      translatedText: `[ECHO] Audio original (seq=${job.sequenceNumber})`,
      stageTimings: { asrMs: thirdMs, translationMs: thirdMs, ttsMs: thirdMs },
      models: { asr: echoModel, translation: echoModel, tts: echoModel },
      originalDurationMs: audio.durationMs,
      dubbedDurationMs: audio.durationMs,
      speedRatio: 1,
      warnings: [],
      speechRegions: job.speech ? [{ startMs: 0, endMs: audio.durationMs }] : [],
    };
  }

  #simulatedFailure(job: FragmentJob): FragmentFailure | undefined {
    const simulation = this.#simulations.get(job.queue);
    if (simulation === undefined) return undefined;
    simulation.arrived++;
    const rule = simulation.rules.find((one) => matches(one, job, simulation.arrived));
    if (rule === undefined) return undefined;
    return new FragmentFailure(rule.error_code, rule.error_message, {
      stage: rule.stage ?? meaningOf(rule.error_code)?.stage ?? "asr",
      retryable: rule.retryable,
    });
  }
}

function matches(rule: SimulationRule, job: FragmentJob, arrived: number): boolean {
  if (rule.trigger === "sequence_number") return rule.value === job.sequenceNumber;
  if (rule.trigger === "fragment_id") return rule.value === job.fragmentId;
  return arrived % Number(rule.value) === 0;
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
