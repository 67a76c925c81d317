import type { z } from "zod";
import type { Logger } from "../../src/telemetry/log.ts";
import { Backoff } from "../../src/process/backoff.ts";
import { BunChild } from "../../src/process/bun-child.ts";
import { describeExit, type ExitInfo } from "../../src/process/exit.ts";
import { raceReady } from "../../src/process/race-ready.ts";
import type { ChildObserver } from "./child-observer.ts";
import type { ChildHealth, InferenceTask } from "./engine.ts";
import { EngineError, type EngineStage } from "./engine-error.ts";
import { type FromChild, type StartMessage, type ToChild, fromChild } from "./messages.ts";
import { PendingRequest, RequestQueue, type RequestLimits, timeoutError } from "./request-queue.ts";

export interface InferenceChildOptions<Request, Info, Result> {
  readonly task: InferenceTask;
  readonly stage: EngineStage;
  readonly command: readonly string[];
  readonly env: Record<string, string | undefined>;
  readonly start: Omit<StartMessage, "type">;
  readonly info: z.ZodType<Info>;
  readonly result: z.ZodType<Result>;
  readonly logger: Logger;
  readonly queueMaxDepth: number;
  /** Loading takes 1–3 s; a cold disk or a busy machine much longer. Default 60 s. */
  readonly startTimeoutMs?: number;
  /** A run that goes on this long after it was given up is hung. Default 10 s. */
  readonly hungAfterMs?: number;
  /** Grown beyond this, the child is replaced between two requests. */
  readonly recycleAboveBytes: number;
  readonly observer?: ChildObserver | undefined;
  /** Length of the sound that a run was about; absent, undefined or 0: none. */
  readonly audioMs?: (request: Request, result: Result) => number | undefined;
}

type State = ChildHealth["state"];

/** A run without a limit of its own (file pacing) is held to be hung after this. */
const longestUnlimitedRunMs = 180_000;
/** Waiting longer than this for a restart is worse than an error. */
const longestRestartWaitMs = 3000;
const niceness = 5;

/**
 * One inference process and its queue: sends one request at a time, limits its run, restarts the process
 * when it dies or hangs, replaces it when it has grown. Everything pending at a death is answered with
 * `MODEL_ERROR`, retryable.
 */
export class InferenceChild<Request, Info, Result> implements AsyncDisposable {
  #state: State = "stopped";
  #child: BunChild<FromChild, ToChild> | undefined;
  #info: Info | undefined;
  #queue: RequestQueue;
  #running: PendingRequest | undefined;
  #runTimers: ReturnType<typeof setTimeout>[] = [];
  #backoff = new Backoff({ firstMs: 100, capMs: 30_000 });
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  #restartAtMs = 0;
  #restarts = 0;
  #rssBytes: number | undefined;
  #ids = 0;
  #closing = false;
  /** Between spawn and ready: whoever spawned it deals with its end. */
  #loading = false;
  #lastProblem: string | undefined;

  constructor(private readonly options: InferenceChildOptions<Request, Info, Result>) {
    const { task, stage, queueMaxDepth, observer } = options;
    this.#queue = new RequestQueue(stage, queueMaxDepth, (reason) =>
      observer?.requestDropped(task, reason),
    );
  }

  /** What the child told of itself when it was ready. @throws before that */
  get info(): Info {
    if (this.#info === undefined) throw new Error(`${this.options.task} has not been ready yet`);
    return this.#info;
  }

  get health(): ChildHealth {
    return {
      task: this.options.task,
      state: this.#state,
      pid: this.#child?.exit === undefined ? this.#child?.pid : undefined,
      restarts: this.#restarts,
      queued: this.#queue.length + (this.#running ? 1 : 0),
      rssBytes: this.#rssBytes,
    };
  }

  /** Why it is not ready, in words. */
  get problem(): string | undefined {
    return this.#lastProblem;
  }

  /** Starts the process and waits until its models are loaded. @throws what the child said, with the remedy */
  async start(): Promise<void> {
    this.#state = "starting";
    try {
      await this.#spawn();
    } catch (cause) {
      this.#state = "stopped";
      this.#lastProblem = cause instanceof Error ? cause.message : String(cause);
      throw cause;
    }
    this.options.observer?.started(this.options.task);
  }

  /** @throws {EngineError} */
  async request(payload: Request, limits: RequestLimits = {}): Promise<Result> {
    this.#refuseIfDown();
    const request = new PendingRequest(++this.#ids, payload, limits);
    const leave = () => this.#giveUp(request, "its caller gave it up");
    this.#queue.push(request);
    limits.signal?.addEventListener("abort", leave, { once: true });
    this.#pump();
    try {
      const answer = this.options.result.safeParse(await request.answered);
      if (answer.success) {
        this.#observeSound(request.ranMs, this.options.audioMs?.(payload, answer.data));
        return answer.data;
      }
      throw this.#modelError(`an answer of the wrong shape: ${answer.error.message}`);
    } finally {
      limits.signal?.removeEventListener("abort", leave);
    }
  }

  /** Ends the process; everything pending is answered. Safe to call twice. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#restartTimer);
    this.#rejectPending(this.#modelError("the engine is closing"));
    const child = this.#child;
    this.#state = "stopped";
    await child?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #observeSound(workMs: number, audioMs = 0): void {
    if (audioMs > 0) this.options.observer?.soundRan(this.options.task, workMs, audioMs);
  }

  #refuseIfDown(): void {
    const waitMs = this.#restartAtMs - performance.now();
    const down = this.#state === "restarting" && waitMs > longestRestartWaitMs;
    if (this.#state !== "stopped" && !down) return;
    throw this.#modelError(this.#lastProblem ?? "it is not running");
  }

  async #spawn(): Promise<void> {
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    ready.catch(() => {}); // it may fail after the race is over
    const child = new BunChild<FromChild, ToChild>({
      name: `livedub-sts ${this.options.task}`,
      command: this.options.command,
      env: this.options.env,
      incoming: fromChild,
      niceness,
      onMessage: (message) => {
        if (message.type === "failed") reject(new Error(message.message));
        else if (message.type === "ready") {
          this.#info = this.options.info.parse(message.info);
          resolve();
        } else if (child === this.#child) this.#onAnswer(message);
      },
      onBadMessage: (problem) => this.options.logger.warn({ problem }, "a child spoke out of turn"),
    });
    this.#child = child;
    this.#loading = true;
    void child.exited.then((exit) => this.#onExit(child, exit));
    child.send({ type: "start", ...this.options.start });
    try {
      await raceReady({
        name: `livedub-sts ${this.options.task}`,
        ready,
        exited: child.exited,
        timeoutMs: this.options.startTimeoutMs ?? 60_000,
      });
    } catch (cause) {
      await child.stop();
      throw cause;
    } finally {
      this.#loading = false;
    }
    this.#state = "ready";
    this.#lastProblem = undefined;
    this.#pump();
  }

  #pump(): void {
    if (this.#running !== undefined || this.#state !== "ready" || this.#closing) return;
    const request = this.#queue.next();
    if (request === undefined) return;
    this.#running = request;
    this.options.observer?.runBegan(this.options.task, request.begin());
    const limitMs = request.limits.timeoutMs;
    const giveUpMs = limitMs ?? longestUnlimitedRunMs;
    const hungMs = giveUpMs + (this.options.hungAfterMs ?? 10_000);
    this.#runTimers = [
      setTimeout(() => this.#giveUp(request, `it took longer than ${giveUpMs} ms`), giveUpMs),
      setTimeout(() => this.#kill(`a run did not end within ${hungMs} ms`), hungMs),
    ];
    this.#child?.send({ type: "request", id: request.id, payload: request.payload });
  }

  /** The caller is answered at once; the child goes on to the end of its step. */
  #giveUp(request: PendingRequest, why: string): void {
    request.reject(timeoutError(this.options.stage, why));
    if (this.#running === request) this.#child?.send({ type: "cancel", id: request.id });
    else this.#queue.drop(request);
  }

  #onAnswer(message: Extract<FromChild, { type: "result" | "error" }>): void {
    this.#rssBytes = message.rssBytes;
    const request = this.#running;
    if (request === undefined || request.id !== message.id) return;
    this.#endRun();
    this.#backoff.reset();
    if (message.type === "result") request.resolve(message.payload);
    else {
      const { code, message: text, retryable } = message.failure;
      const { stage } = this.options;
      request.reject(new EngineError(code, { message: text, retryable, blame: "us", stage }));
    }
    if (message.rssBytes > this.options.recycleAboveBytes) this.#recycle(message.rssBytes);
    else this.#pump();
  }

  #endRun(): void {
    for (const timer of this.#runTimers.splice(0)) clearTimeout(timer);
    this.#running = undefined;
  }

  #recycle(rssBytes: number): void {
    const { logger, task } = this.options;
    logger.info({ task, rssBytes }, "an inference process has grown and is replaced");
    this.#state = "restarting";
    void this.#child?.stop();
  }

  #kill(why: string): void {
    this.#lastProblem = why;
    this.#child?.signal("SIGKILL");
  }

  #onExit(child: BunChild<FromChild, ToChild>, exit: ExitInfo): void {
    if (child !== this.#child || this.#closing || this.#loading) return;
    const why = `the ${this.options.task} process ended (${describeExit(exit)})`;
    if (!exit.byUs) {
      this.#lastProblem = why;
      this.options.logger.warn({ task: this.options.task, exit: describeExit(exit) }, why);
      this.#rejectPending(this.#modelError(why));
    }
    this.#restartLater(exit.byUs ? 0 : this.#backoff.next());
  }

  #restartLater(delayMs: number): void {
    this.#state = "restarting";
    this.#restartAtMs = performance.now() + delayMs;
    clearTimeout(this.#restartTimer);
    this.#restartTimer = setTimeout(() => void this.#restart(), delayMs);
  }

  async #restart(): Promise<void> {
    this.#restarts += 1;
    this.options.observer?.restarted(this.options.task);
    try {
      await this.#spawn();
      this.options.logger.info({ task: this.options.task }, "an inference process is back");
    } catch (cause) {
      if (this.#closing) return;
      this.#lastProblem = cause instanceof Error ? cause.message : String(cause);
      this.#rejectPending(this.#modelError(this.#lastProblem));
      this.#restartLater(this.#backoff.next());
    }
  }

  #rejectPending(error: EngineError): void {
    const running = this.#running;
    this.#endRun();
    running?.reject(error);
    this.#queue.rejectAll(error);
  }

  #modelError(message: string): EngineError {
    const { stage } = this.options;
    return new EngineError("MODEL_ERROR", { message, retryable: true, blame: "us", stage });
  }
}
