import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError } from "../../src/config/setting.ts";
import type { Logger } from "../../src/telemetry/log.ts";
import type { FragmentAudio } from "../session/fragment-processor.ts";
import { writeFragmentFiles } from "./fragment-files.ts";
import type { AnsweredFragment } from "./lineage.ts";
import { applyRetention, type RetentionLimits } from "./retention.ts";

/** What may wait to be written; more is dropped and counted. */
const mostWaiting = 64;
const mostWaitingBytes = 64 * 1024 * 1024;
/** An encoder that was told to stop is waited for this long. */
const abortWithinMs = 500;
/** A second sweep comes this long after the end of the first. */
const sweepEveryMs = 60_000;

export interface ArtefactStoreOptions {
  /** Made where it is missing. */
  readonly root: string;
  readonly retention: RetentionLimits;
  readonly toM4a: (audio: FragmentAudio, signal: AbortSignal) => Promise<Uint8Array>;
  readonly onSettled: (result: "written" | "dropped" | "failed") => void;
  readonly logger: Logger;
  /** Unix time; for tests. */
  readonly now?: () => number;
  readonly sweepEveryMs?: number;
}

/**
 * Keeps the files of answered fragments, one after another and behind the answers: giving it one never waits and never
 * throws. Owned by the service, which calls {@link close}.
 */
export class ArtefactStore {
  readonly #root: string;
  readonly #waiting: AnsweredFragment[] = [];
  readonly #complained = new Set<string>();
  readonly #stopped = new AbortController();
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  /** Writing and deleting take turns. */
  #turn: Promise<void> = Promise.resolve();
  #sweepTimer: ReturnType<typeof setTimeout> | undefined;

  /** @throws {ConfigError} when the folder cannot be made, or is not ours to write */
  constructor(private readonly options: ArtefactStoreOptions) {
    this.#root = resolve(options.root);
    openFolder(this.#root);
    this.#sweepAndAgain();
  }

  /** Takes a fragment that was answered; drops and counts it when too many wait. */
  keep(fragment: AnsweredFragment): void {
    if (this.#stopped.signal.aborted) return;
    const bytes = bytesOf(fragment);
    const isFull =
      this.#waiting.length >= mostWaiting ||
      (this.#waiting.length > 0 && this.#waitingBytes + bytes > mostWaitingBytes);
    if (isFull) {
      this.#complain("dropped", "fragments are dubbed faster than their files can be written", {});
      return this.options.onSettled("dropped");
    }
    this.#waiting.push(fragment);
    this.#waitingBytes += bytes;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything that was given is written, and a sweep under way is over. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#turn;
  }

  /** Deletes what the retention no longer allows. Errors are logged, not thrown. */
  sweep(): Promise<void> {
    return this.#inTurn(() => this.#sweep());
  }

  /** Writes what waits, for at most `withinMs`, then drops the rest; safe to call twice. */
  async close(withinMs: number): Promise<void> {
    clearTimeout(this.#sweepTimer);
    await this.#idleWithin(withinMs);
    this.#stopped.abort();
    for (const _ of this.#waiting.splice(0)) this.options.onSettled("dropped");
    await this.#idleWithin(abortWithinMs);
  }

  async #idleWithin(limitMs: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, limitMs);
    await Promise.race([this.idle(), late.promise]);
    clearTimeout(timer);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work);
    return this.#turn;
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const fragment = next;
      await this.#inTurn(() => this.#write(fragment));
      this.#waitingBytes -= bytesOf(fragment);
    }
    this.#waitingBytes = 0;
    this.#writing = undefined;
  }

  async #write(fragment: AnsweredFragment): Promise<void> {
    try {
      await writeFragmentFiles(fragment, {
        root: this.#root,
        toM4a: (audio) => this.options.toM4a(audio, this.#stopped.signal),
        onUnreadable: (err) =>
          this.#complain("sound", "a fragment's sound is not kept: it cannot be written as m4a", {
            err,
          }),
      });
      this.options.onSettled("written");
    } catch (err) {
      this.#complain(kindOf(err), "a fragment's files could not be written", { err });
      this.options.onSettled("failed");
    }
  }

  async #sweep(): Promise<void> {
    const { retention, logger, now = Date.now } = this.options;
    try {
      const deleted = await applyRetention(this.#root, retention, now());
      if (deleted > 0) logger.debug({ deleted }, "old artefacts deleted");
    } catch (err) {
      this.#complain(`sweep ${kindOf(err)}`, "old artefacts could not be deleted", { err });
    }
  }

  #sweepAndAgain(): void {
    void this.sweep().then(() => {
      if (this.#stopped.signal.aborted) return;
      const everyMs = this.options.sweepEveryMs ?? sweepEveryMs;
      this.#sweepTimer = setTimeout(() => this.#sweepAndAgain(), everyMs);
      this.#sweepTimer.unref();
    });
  }

  /** Each kind of trouble is told once: a full disk must not fill the log as well. */
  #complain(kind: string, message: string, fields: Record<string, unknown>): void {
    if (this.#complained.has(kind)) return;
    this.#complained.add(kind);
    const path = this.#root;
    this.options.logger.warn({ ...fields, path, kind }, `${message}; told once, counted always`);
  }
}

function kindOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? "unknown";
}

function bytesOf({ job, result }: AnsweredFragment): number {
  if (!("outcome" in result)) return job.audio.bytes.byteLength;
  const tracks = [...(result.outcome.tracks?.values() ?? [])];
  const dubbed = [result.outcome, ...tracks].map((track) => track.audio.bytes.byteLength);
  return dubbed.reduce((sum, bytes) => sum + bytes, job.audio.bytes.byteLength);
}

function openFolder(path: string): void {
  const wrong = (why: string) =>
    new ConfigError([
      `ARTIFACTS_PATH=${path}: ${why}; give a folder that this user may write, or set ENABLE_ARTIFACT_LOGGING=false`,
    ]);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  const owner = statSync(path).uid;
  const self = process.getuid?.();
  // below a folder that all may write, whoever came first could have laid links for us
  if (self !== undefined && self !== 0 && owner !== self) throw wrong("it belongs to another user");
}
