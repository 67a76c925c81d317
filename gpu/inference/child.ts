import type { z } from "zod";
import type { Stopped } from "../pipeline/stopped.ts";
import { ParentChannel } from "../../src/process/parent-channel.ts";
import {
  type Failure,
  type FromChild,
  type StartMessage,
  type ToChild,
  toChild,
} from "./messages.ts";

/** A loaded task: what it tells of itself, and how it answers a request. */
export interface LoadedTask<Request, Result> {
  readonly info: unknown;
  /**
   * @param stopped true once the parent has given the request up; asked between steps, as a run blocks
   * @returns undefined when it was given up
   */
  handle(request: Request, stopped: Stopped): Promise<Result | undefined>;
}

export interface TaskDefinition<Request, Result> {
  readonly request: z.ZodType<Request>;
  load(options: StartMessage): Promise<LoadedTask<Request, Result>>;
  /** What went wrong, in the contract's words. */
  explain(cause: unknown): Failure;
}

/**
 * The life of an inference child: waits for its settings, loads, then answers one request at a time until
 * the channel closes. Resolves never: the process ends with its parent.
 */
export function serveTask<Request, Result>(task: TaskDefinition<Request, Result>): Promise<never> {
  let loaded: LoadedTask<Request, Result> | undefined;
  const cancelled = new Set<number>();
  let turn: Promise<void> = Promise.resolve();

  const channel = new ParentChannel<ToChild, FromChild>({
    incoming: toChild,
    onMessage: (message) => {
      if (message.type === "start") turn = turn.then(() => start(message));
      else if (message.type === "cancel") cancelled.add(message.id);
      else turn = turn.then(() => answer(message.id, message.payload));
    },
    onOrphaned: () => process.exit(0),
  });

  async function start(options: StartMessage): Promise<void> {
    try {
      loaded = await task.load(options);
      channel.send({ type: "ready", info: loaded.info });
    } catch (cause) {
      channel.send({ type: "failed", message: messageOf(cause) });
    }
  }

  async function answer(id: number, payload: unknown): Promise<void> {
    const fail = (failure: Failure) =>
      channel.send({ type: "error", id, failure, rssBytes: process.memoryUsage.rss() });
    const request = task.request.safeParse(payload);
    if (loaded === undefined || !request.success) {
      const message = request.success ? "not loaded yet" : request.error.message;
      fail({ code: "MODEL_ERROR", message, retryable: false });
      return;
    }
    try {
      const result = await loaded.handle(request.data, async () => {
        await Bun.sleep(0); // let what the parent said meanwhile come in
        return cancelled.has(id);
      });
      if (result === undefined)
        fail({ code: "TIMEOUT", message: "given up before it was done", retryable: true });
      else
        channel.send({ type: "result", id, payload: result, rssBytes: process.memoryUsage.rss() });
    } catch (cause) {
      fail(task.explain(cause));
    } finally {
      cancelled.delete(id);
    }
  }

  return new Promise<never>(() => {});
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Failures of a model's run: out of GPU memory is told apart, since waiting helps. */
export function modelFailure(cause: unknown): Failure {
  const message = messageOf(cause);
  const outOfMemory = /out of memory|CUDA_ERROR_OUT_OF_MEMORY|Failed to allocate memory/i;
  if (outOfMemory.test(message)) return { code: "GPU_OOM", message, retryable: true };
  return { code: "MODEL_ERROR", message, retryable: true };
}
