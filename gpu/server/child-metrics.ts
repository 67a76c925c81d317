import { Counter, Histogram, type Registry } from "prom-client";
import type { ChildObserver } from "../inference/child-observer.ts";
import type { InferenceTask } from "../inference/engine.ts";
import type { DropReason } from "../inference/request-queue.ts";

const waitSeconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16];
const realTimeFactors = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 4];

/** Names of the stages as the other series have them; translation has no sound to be measured by. */
const stageOf = {
  detect: "vad",
  recognise: "asr",
  voice: "tts",
  translate: "translation",
} as const;

const dropReasons = ["full", "expired", "cancelled"] as const satisfies readonly DropReason[];

/** How the inference children keep up: what waits for them, how fast they work, how often they are replaced. */
export class ChildMetrics implements ChildObserver {
  readonly #wait: Histogram<"task">;
  readonly #realTimeFactor: Histogram<"stage">;
  readonly #restarts: Counter<"task">;
  readonly #dropped: Counter<"task" | "reason">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#wait = new Histogram({
      name: "sts_child_queue_delay_seconds",
      help: "Time from a request to an inference process to the start of its run",
      labelNames: ["task"],
      buckets: waitSeconds,
      registers,
    });
    this.#realTimeFactor = new Histogram({
      name: "sts_stage_real_time_factor",
      help: "Seconds of work a second of sound, for each run: vad and asr by the sound they were given, tts by the speech it made",
      labelNames: ["stage"],
      buckets: realTimeFactors,
      registers,
    });
    this.#restarts = new Counter({
      name: "sts_child_restarts_total",
      help: "Starts of an inference process after its first",
      labelNames: ["task"],
      registers,
    });
    this.#dropped = new Counter({
      name: "sts_child_requests_dropped_total",
      help: "Requests to an inference process that never began: full (no room), expired (their deadline passed), cancelled (their caller left)",
      labelNames: ["task", "reason"],
      registers,
    });
  }

  started(task: InferenceTask): void {
    // From 0 on, so that the first one is seen as an increase.
    this.#restarts.inc({ task }, 0);
    for (const reason of dropReasons) this.#dropped.inc({ task, reason }, 0);
  }

  restarted(task: InferenceTask): void {
    this.#restarts.inc({ task });
  }

  requestDropped(task: InferenceTask, reason: DropReason): void {
    this.#dropped.inc({ task, reason });
  }

  runBegan(task: InferenceTask, waitedMs: number): void {
    this.#wait.observe({ task }, waitedMs / 1000);
  }

  soundRan(task: InferenceTask, workMs: number, audioMs: number): void {
    this.#realTimeFactor.observe({ stage: stageOf[task] }, workMs / audioMs);
  }
}
