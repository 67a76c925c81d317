import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BundleNames } from "./bundle-assets.ts";
import type { BundleFiles } from "./bundle-files.ts";
import {
  bundleManifest,
  type BundleManifest,
  type CaptureMode,
  type ManifestError,
  type ManifestFragment,
} from "./bundle-manifest.ts";

export interface BundleLedgerOptions extends BundleNames {
  readonly mode: CaptureMode;
  readonly playoutDelayMs: number;
  /** Where sound and pictures come from and go to; absent: the stream's paths at the media server. */
  readonly streamPaths?: { readonly in: string; readonly out: string };
  /** Fragments listed in `manifest.json`; when it is full it goes to `manifest.history/` and begins anew. */
  readonly mostListed?: number;
}

/** A manifest that was written, or not. */
export interface ManifestWrite {
  readonly event: "manifest_write";
  readonly path: string;
  readonly bytes: number;
  readonly status: "ok" | "error";
  readonly error?: string;
}

/** Each write is of the whole list, so it is kept short. */
const mostListed = 200;
const mostHistory = 200;
const mostErrors = 100;
/** The manifest is written this long after a change, with all that changed meanwhile: some 1 GB a day and stream. */
const delayMs = 5000;

/** The manifest of a run bundle (contract 8.3): what is in it, kept in memory and written soon after each change. */
export class BundleLedger {
  #manifest: BundleManifest;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writes = Promise.resolve();
  #historySeq = 0;

  constructor(
    private readonly files: BundleFiles,
    private readonly options: BundleLedgerOptions,
    private readonly now: () => Date,
    private readonly onWrite: (write: ManifestWrite) => void,
  ) {
    this.#manifest = this.#empty();
  }

  /** Goes on with what an earlier worker of this run wrote; one that cannot be read is deleted, and that is noted. */
  async resume(): Promise<void> {
    const path = this.files.pathOf("manifest.json");
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined) return;
    const parsed = bundleManifest.safeParse(parseJson(text));
    if (parsed.success) {
      const { createdAt, counters, fragments, errors } = parsed.data;
      this.#manifest = { ...this.#empty(), createdAt, counters, fragments, errors };
      return;
    }
    await rm(path, { force: true });
    const why = parsed.error.issues[0]?.message ?? "unreadable";
    this.note({ scope: "run", message: `manifest.json was corrupt and is deleted (${why})` });
  }

  counter(name: string): number {
    return this.#manifest.counters[name] ?? 0;
  }

  count(name: string): void {
    this.#manifest.counters[name] = this.counter(name) + 1;
  }

  /** Notes an error; the oldest beyond 100 goes. */
  note(error: Omit<ManifestError, "at">): void {
    this.#manifest.errors.push({ at: this.now().toISOString(), ...error });
    if (this.#manifest.errors.length > mostErrors) this.#manifest.errors.shift();
  }

  /** Lists a fragment; a full list goes to the history. */
  async list(fragment: ManifestFragment): Promise<void> {
    this.#manifest.fragments.push(fragment);
    if (this.#manifest.fragments.length < (this.options.mostListed ?? mostListed)) return;
    await this.#write(`manifest.history/${compactStamp(this.now())}-${this.#historySeq++}.json`);
    this.#manifest.fragments = [];
    await this.#boundHistory();
  }

  /** Has the manifest written within some seconds. */
  changed(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, delayMs);
    this.#timer.unref();
  }

  /** Writes the manifest now, one at a time: an older one must not take the place of a newer. Does not reject. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writes = this.#writes.then(() => this.#write("manifest.json"));
    return this.#writes;
  }

  async #write(path: string): Promise<void> {
    this.#manifest.updatedAt = this.now().toISOString();
    const content = new TextEncoder().encode(`${JSON.stringify(this.#manifest)}\n`);
    const told = { event: "manifest_write", path, bytes: content.length } as const;
    try {
      await this.files.write(path, content);
      this.onWrite({ ...told, status: "ok" });
    } catch (error) {
      this.count("manifestErrors");
      this.onWrite({ ...told, status: "error", error: (error as Error).message });
    }
  }

  async #boundHistory(): Promise<void> {
    const folder = this.files.pathOf("manifest.history");
    const names = await readdir(folder).catch(() => []);
    const oldest = names.toSorted((a, b) => (a < b ? -1 : 1));
    for (const name of oldest.slice(0, Math.max(0, names.length - mostHistory)))
      await rm(join(folder, name), { force: true }).catch(() => {}); // the retention takes it in time
  }

  #empty(): BundleManifest {
    const { streamId, runId, instanceId, mode, playoutDelayMs, streamPaths } = this.options;
    const now = this.now().toISOString();
    return {
      schemaVersion: "1.0",
      ...{ streamId, runId, instanceId, createdAt: now, updatedAt: now },
      streamPaths: streamPaths ?? { in: `live/${streamId}/in`, out: `live/${streamId}/out` },
      pipeline: {
        pcm: { sampleRateHz: 48_000, channels: 2, format: "s16le" },
        bufferingTargetSec: playoutDelayMs / 1000,
        videoMode: "copy",
      },
      capture: { mode, mediaEnabled: mode !== "metadata" },
      counters: {},
      fragments: [],
      errors: [],
    };
  }
}

/** `20260102T030405Z`. */
export function compactStamp(at: Date): string {
  return at.toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
