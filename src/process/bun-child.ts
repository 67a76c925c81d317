import { setPriority } from "node:os";
import type { z } from "zod";
import type { ExitInfo } from "./exit.ts";
import { endWithin } from "./stop-ladder.ts";

export interface BunChildOptions<Incoming> {
  readonly name: string;
  /** From {@link executableCommand} or {@link selfCommand}. */
  readonly command: readonly string[];
  readonly env?: Record<string, string | undefined>;
  /** What the child may say; anything else is reported to `onBadMessage` and dropped. */
  readonly incoming: z.ZodType<Incoming>;
  readonly onMessage: (message: Incoming) => void;
  readonly onBadMessage?: (problem: string) => void;
  readonly stderr?: "inherit" | "ignore";
  /** A lower priority than ours (0..19), so that inference never starves the session plane. */
  readonly niceness?: number;
}

/**
 * One of our own executables as a child, spoken to over Bun's IPC (structured clone: typed arrays pass).
 * Secrets and settings go through the channel, never through argv. The child ends when the channel
 * closes, and `BUN_OPTIONS=--no-orphans` ends it even when both are gone at once.
 */
export class BunChild<Incoming, Outgoing> implements AsyncDisposable {
  readonly exited: Promise<ExitInfo>;
  readonly pid: number;
  #process: Bun.Subprocess;
  #stopping = false;
  #exit: ExitInfo | undefined;

  constructor(readonly options: BunChildOptions<Incoming>) {
    this.#process = Bun.spawn({
      cmd: [...options.command],
      env: { ...(options.env ?? process.env), BUN_OPTIONS: "--no-orphans" },
      stdio: ["ignore", "inherit", options.stderr ?? "inherit"],
      serialization: "advanced",
      ipc: (message) => {
        const parsed = options.incoming.safeParse(message);
        if (parsed.success) options.onMessage(parsed.data);
        else options.onBadMessage?.(parsed.error.message);
      },
    });
    this.pid = this.#process.pid;
    this.exited = this.#process.exited.then(() => {
      const signal = this.#process.signalCode as NodeJS.Signals | null;
      const code = signal === null ? this.#process.exitCode : null;
      const exit: ExitInfo = { code, signal, byUs: this.#stopping };
      this.#exit = exit;
      return exit;
    });
    if (options.niceness !== undefined) lowerPriority(this.pid, options.niceness);
  }

  get exit(): ExitInfo | undefined {
    return this.#exit;
  }

  /** Sends a message; false when the child is gone. */
  send(message: Outgoing): boolean {
    if (this.#exit !== undefined) return false;
    try {
      this.#process.send(message);
      return true;
    } catch {
      return false; // the channel closed between its exit and our knowing of it
    }
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#process.kill(signal);
  }

  /** Stops the child: `ask` (when given) first, then SIGTERM, then SIGKILL; waits no longer than that. Safe to call twice. */
  async stop(ask?: { message: Outgoing; withinMs: number }): Promise<ExitInfo> {
    this.#stopping = true;
    return endWithin(this.exited, [
      ...(ask ? [{ act: () => void this.send(ask.message), withinMs: ask.withinMs }] : []),
      { act: () => this.signal("SIGTERM"), withinMs: 3000 },
      { act: () => this.signal("SIGKILL"), withinMs: 2000 },
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function lowerPriority(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // the child may be gone already, or the system forbids it; priority is a courtesy, not a need
  }
}
