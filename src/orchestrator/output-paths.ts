import { existsSync, rmSync } from "node:fs";
import type { ControlApi } from "../mediamtx/control-api.ts";
import type { Logger } from "../telemetry/log.ts";

export interface OutputPathsOptions {
  readonly api: () => Pick<ControlApi, "addAlwaysAvailable" | "deletePath"> | undefined;
  readonly log: Logger;
}

/** What one stream's outputs are made of. */
interface Made {
  /** Which file each path plays now. */
  readonly paths: Map<string, string>;
  /** Every file that one of them ever played. */
  readonly files: Set<string>;
}

/**
 * The outputs that outlive their pushes: before the first push each `out` is made a path of its own that
 * plays the stream's filler whenever no push is there, so that viewers and forwarders stay connected. It
 * ends with its stream, and the filler's file after it.
 */
export class OutputPaths {
  #made = new Map<string, Made>();

  constructor(readonly options: OutputPathsOptions) {}

  /**
   * Makes the path; asked before each push, because a media server that was started again has forgotten
   * it. Another file means another codec: the path begins anew and readers with it. When it cannot be
   * made the stream goes on, and readers end with their push.
   */
  async ensure(streamId: string, path: string, file: string): Promise<void> {
    const api = this.options.api();
    if (api === undefined || !existsSync(file)) return;
    const made: Made = this.#made.get(streamId) ?? { paths: new Map(), files: new Set() };
    this.#made.set(streamId, made);
    made.files.add(file);
    try {
      const before = made.paths.get(path);
      if (before !== undefined && before !== file) await api.deletePath(path);
      made.paths.set(path, file);
      await api.addAlwaysAvailable(path, file);
    } catch (error) {
      const message = `${path} ends with its push: ${(error as Error).message}`;
      this.options.log.warn({ streamId, event: "output.not-kept" }, message);
    }
  }

  /** The stream is over: ends its paths, then removes what they played. */
  async release(streamId: string): Promise<void> {
    const made = this.#made.get(streamId);
    this.#made.delete(streamId);
    if (made === undefined) return;
    try {
      for (const path of made.paths.keys()) await this.options.api()?.deletePath(path);
      for (const file of made.files) rmSync(file, { force: true });
    } catch (error) {
      // The files stay: a path that is still there must find its own.
      const message = (error as Error).message;
      this.options.log.warn({ streamId, event: "output.not-ended" }, message);
    }
  }
}
