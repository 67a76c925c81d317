import { selfCommand } from "../../../src/process/self.ts";
import { ffmpegPath } from "../../media/tools.ts";

/** One `livedub egress` process, run as a script would: by its environment, its log read. */
export interface EgressRun {
  readonly exitCode: number;
  readonly seconds: number;
  /** Log lines, parsed. */
  readonly events: readonly Record<string, unknown>[];
  /** All that it printed. */
  readonly output: string;
}

/** A process that runs; `stop` sends SIGTERM. */
export interface RunningEgress {
  readonly pid: number;
  stop(): void;
  /** Resolves when this event has been logged. */
  logged(event: string): Promise<void>;
  readonly done: Promise<EgressRun>;
}

const quick = {
  RETRY_BASE_DELAY_MS: "50",
  RETRY_MAX_DELAY_MS: "200",
  RETRY_JITTER_MS: "10",
  INPUT_NOT_READY_GRACE_SECONDS: "2",
  EGRESS_MAX_DESTINATION_FAILURES: "2",
};

export async function startEgress(environment: Record<string, string>): Promise<RunningEgress> {
  const startedAt = performance.now();
  const child = Bun.spawn({
    cmd: selfCommand("livedub", "egress"),
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "",
      STREAM_ID: "match",
      RUN_ID: "run1",
      INSTANCE_ID: "instance1",
      EGRESS_ENABLED: "true",
      FFMPEG_BIN: await ffmpegPath(),
      ...quick,
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const waiting: { event: string; resolve: () => void }[] = [];
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true });
      for (const { event, resolve } of waiting)
        if (output.includes(`"event":"${event}"`)) resolve();
    }
  };
  const readAll = Promise.all([read(child.stdout), read(child.stderr)]);
  const done = (async () => {
    const exitCode = await child.exited;
    const seconds = (performance.now() - startedAt) / 1000;
    await readAll;
    const lines = output.split("\n").filter((line) => line.startsWith("{"));
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    return { exitCode, seconds, events, output };
  })();
  return {
    pid: child.pid,
    stop: () => child.kill("SIGTERM"),
    logged: (event) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ event, resolve });
      const ended = done.then((run) => {
        if (!run.output.includes(`"event":"${event}"`))
          throw new Error(`ended without ${event}:\n${run.output}`);
      });
      return Promise.race([promise, ended]);
    },
    done,
  };
}

export async function runEgress(environment: Record<string, string>): Promise<EgressRun> {
  return (await startEgress(environment)).done;
}
