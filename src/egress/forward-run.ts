import { accessSync, constants } from "node:fs";
import { ChildStartError } from "../process/exit.ts";
import { NativeChild } from "../process/native-child.ts";
import {
  classifyFailure,
  stallFailure,
  type ForwardFailure,
  type ForwardStage,
} from "./failure.ts";
import { forwardCommand } from "./forward-command.ts";

/** One step forward of a run, as it happens. */
export type ForwardProgress =
  | { readonly type: "input-connected"; readonly latencyMs: number }
  | { readonly type: "output-connected"; readonly latencyMs: number }
  | { readonly type: "forwarding" }
  /** Bytes that went to the destination in this run so far. */
  | { readonly type: "bytes"; readonly bytesOut: number };

export interface ForwardRunOptions {
  readonly ffmpegPath: string;
  readonly inputUrl: string;
  readonly destinationUrl: string;
  /** Ends the run: FFmpeg is asked, then killed. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ForwardProgress) => void;
  /** How long each stage may stand still. */
  readonly stallMs?: Readonly<Record<ForwardStage, number>>;
}

/** How a run ended: `stopped` by us, or failed. */
export interface ForwardResult {
  readonly failure: ForwardFailure | "stopped";
  readonly bytesOut: number;
  /** How long bytes went to the destination. */
  readonly forwardedMs: number;
}

/** Opening may need a whole GOP and MediaMTX's analysis; a destination that takes nothing is given up sooner. */
const defaultStallMs = { "opening-input": 30_000, "opening-output": 20_000, forwarding: 10_000 };
const keptLines = 40;

/** Runs FFmpeg once from the feed to the destination; settles when it ended, never throws. */
export async function forwardOnce(options: ForwardRunOptions): Promise<ForwardResult> {
  const run = new ForwardRun(options);
  try {
    return await run.start();
  } catch (error) {
    if (!(error instanceof ChildStartError)) throw error;
    const failure = { side: "internal", kind: "ffmpeg_start", message: error.message } as const;
    return { failure, bytesOut: 0, forwardedMs: 0 };
  }
}

/** Owns one FFmpeg: its stderr tells the stage, its progress the bytes, a watchdog that it moves. */
class ForwardRun {
  #stage: ForwardStage = "opening-input";
  #stageSince = performance.now();
  #lines: string[] = [];
  #bytesOut = 0;
  #firstByteAt: number | undefined;
  #movedAt = performance.now();
  #stalled: ForwardFailure | undefined;

  constructor(readonly options: ForwardRunOptions) {}

  async start(): Promise<ForwardResult> {
    const { signal } = this.options;
    if (signal.aborted) return this.#result("stopped");
    assertExecutable(this.options.ffmpegPath);
    const ffmpeg = await NativeChild.start({
      name: "ffmpeg egress",
      command: forwardCommand(this.options),
      stdout: "pipe",
      onStderrLine: (line) => this.#readLine(line),
      terminateWithinMs: 2000,
    });
    const stop = () => void ffmpeg.stop();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    this.#readProgress(ffmpeg);
    const watchdog = setInterval(() => this.#watch(stop), 250);
    try {
      const exit = await ffmpeg.drained;
      if (signal.aborted) return this.#result("stopped");
      if (this.#stalled !== undefined) return this.#result(this.#stalled);
      return this.#result(
        classifyFailure({
          ...this.options,
          stage: this.#stage,
          lines: this.#lines,
          exitCode: exit.code,
        }),
      );
    } finally {
      clearInterval(watchdog);
      signal.removeEventListener("abort", stop);
    }
  }

  #readLine(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > keptLines) this.#lines.shift();
    if (line.includes("Input #0")) this.#enter("opening-output", "input-connected");
    else if (line.includes("Output #0")) this.#enter("forwarding", "output-connected");
  }

  #enter(stage: ForwardStage, event: "input-connected" | "output-connected"): void {
    const now = performance.now();
    const latencyMs = Math.round(now - this.#stageSince);
    this.#stage = stage;
    this.#stageSince = now;
    this.#movedAt = now;
    this.options.onProgress({ type: event, latencyMs });
  }

  /** `-progress` prints `key=value` lines; `total_size` is what the muxer handed to the network. */
  #readProgress(ffmpeg: NativeChild): void {
    let rest = "";
    ffmpeg.stdout?.setEncoding("utf8");
    ffmpeg.stdout?.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = (lines.pop() ?? "").slice(-200);
      for (const line of lines) {
        const bytes = Number(/^total_size=(\d+)/.exec(line)?.[1]);
        if (bytes > this.#bytesOut) this.#moved(bytes);
      }
    });
  }

  #moved(bytes: number): void {
    this.#bytesOut = bytes;
    this.#movedAt = performance.now();
    if (this.#firstByteAt === undefined) {
      this.#firstByteAt = this.#movedAt;
      this.options.onProgress({ type: "forwarding" });
    }
    this.options.onProgress({ type: "bytes", bytesOut: bytes });
  }

  #watch(stop: () => void): void {
    const limitMs = (this.options.stallMs ?? defaultStallMs)[this.#stage];
    const stoodMs = performance.now() - this.#movedAt;
    if (stoodMs < limitMs || this.#stalled !== undefined) return;
    this.#stalled = stallFailure(this.#stage, stoodMs);
    stop();
  }

  #result(failure: ForwardFailure | "stopped"): ForwardResult {
    const since = this.#firstByteAt;
    const forwardedMs = since === undefined ? 0 : Math.round(performance.now() - since);
    return { failure, bytesOut: this.#bytesOut, forwardedMs };
  }
}

/** A launcher in front of FFmpeg would hide that it is missing behind an exit code of its own. */
function assertExecutable(path: string): void {
  try {
    accessSync(path.includes("/") ? path : (Bun.which(path) ?? path), constants.X_OK);
  } catch {
    throw new ChildStartError("ffmpeg egress", "not-found", `${path} cannot be executed`);
  }
}
