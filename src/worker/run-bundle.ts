import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type FragmentAsset, fragmentAssets, milliseconds } from "./bundle-assets.ts";
import { BundleFiles, type DiskCalls } from "./bundle-files.ts";
import {
  BundleLedger,
  type BundleLedgerOptions,
  compactStamp,
  type ManifestWrite,
} from "./bundle-ledger.ts";
import type { AssetKind, CaptureMode, ManifestFragment } from "./bundle-manifest.ts";
import type { FragmentMedia, SettledFragment } from "./settled-fragment.ts";

/** A file that was written, or not. */
interface FileWrite extends Omit<ManifestWrite, "event"> {
  readonly event: "asset_write";
  readonly fragmentId?: string;
  readonly assetKind: AssetKind;
  readonly sha256?: string;
}

/** One write, as the log tells of it (contract 8.3). */
export type BundleWrite = (ManifestWrite | FileWrite) & {
  readonly streamId: string;
  readonly runId: string;
  readonly instanceId: string;
};

export interface RunBundleOptions extends BundleLedgerOptions {
  /** `<root>/streams/<streamId>/runs/<runId>/` is ours. */
  readonly root: string;
  /** @param isNews the first failure of its kind */
  readonly onWrite: (write: BundleWrite, isNews: boolean) => void;
  /** Nothing can be written at all: told once, and the bundle stays empty. */
  readonly onUnusable: (error: Error) => void;
  readonly now?: () => Date;
  readonly calls?: DiskCalls;
  /** Jobs that may wait for the disk; more are dropped and counted. */
  readonly mostWaiting?: number;
  /** Fragments of a run that stay on disk; the oldest beyond these are removed. */
  readonly mostFragments?: number;
}

/** Something that happened to the worker; `code` is stable. */
export interface BundleEvent {
  readonly level: "info" | "warn" | "error";
  readonly code: string;
  readonly message: string;
}

type Job =
  | {
      readonly type: "fragment";
      readonly fragment: SettledFragment;
      readonly media: FragmentMedia | undefined;
    }
  | { readonly type: "event"; readonly event: BundleEvent; readonly at: Date };

/** What waits to be written; live, more is dropped and counted: the disk never holds up the dub. */
const mostWaiting = 64;
/** Some hours of fragments of 320 ms; with media they are a thousand times larger. */
const mostKept: Record<CaptureMode, number> = { metadata: 40_000, media: 2000, debug: 1000 };
/** Alerts of a run; a worker that complains without end fills no disk. */
const mostAlerts = 200;
const mostLogBytes = 1024 * 1024;
/** A name that is safe as a part of a path. */
const safeName = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * What one run leaves on disk: texts, times and, where wished, sound of each fragment, with a manifest. What is given to
 * it is only queued; writing never fails the caller and never holds it up. The next worker of a run goes on where the
 * last one stopped.
 */
export class RunBundle {
  #files: BundleFiles;
  #ledger: BundleLedger;
  #opened: Promise<boolean>;
  #queue: Job[] = [];
  #working: Promise<void> | undefined;
  #seq = 0;
  #folders: string[] = [];
  #told = new Set<string>();
  #roomAgain: (() => void)[] = [];
  #closed = false;

  /** @throws {RangeError} for ids that are no plain names */
  constructor(private readonly options: RunBundleOptions) {
    this.#files = new BundleFiles(bundlePath(options), options.calls);
    this.#ledger = new BundleLedger(
      this.#files,
      options,
      () => this.#now(),
      (write) => this.#tell(write),
    );
    this.#opened = this.#open();
  }

  /** Takes one fragment; it is written as soon as the disk is free. */
  record(fragment: SettledFragment, media?: FragmentMedia): void {
    this.#take({ type: "fragment", fragment, media });
  }

  /** Takes an event for `logs/worker.log`; a warning or an error becomes an alert too. */
  event(event: BundleEvent): void {
    this.#take({ type: "event", event, at: this.#now() });
  }

  /** Resolves when little waits for the disk: for whoever has the time to wait for it. */
  room(): Promise<void> {
    if (this.#queue.length < mostWaiting) return Promise.resolve();
    return new Promise((resolve) => this.#roomAgain.push(resolve));
  }

  /** Writes what waits, and the manifest; does not reject. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
    if (await this.#opened) await this.#ledger.flush();
  }

  async #open(): Promise<boolean> {
    try {
      await this.#files.prepare();
      const folders = await readdir(this.#files.pathOf("assets/fragments")).catch(() => []);
      this.#folders = folders.toSorted((a, b) => seqOf(a) - seqOf(b));
      this.#seq = this.#folders.reduce((most, name) => Math.max(most, seqOf(name) + 1), 0);
      await this.#ledger.resume();
      await this.#ledger.flush();
      return true;
    } catch (error) {
      this.options.onUnusable(error as Error);
      return false;
    }
  }

  #take(job: Job): void {
    if (this.#closed) return;
    if (this.#queue.length >= (this.options.mostWaiting ?? mostWaiting)) {
      this.#ledger.count("dropped");
      return;
    }
    this.#queue.push(job);
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
  }

  async #work(): Promise<void> {
    const isOpen = await this.#opened;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      if (this.#queue.length < mostWaiting)
        for (const resolve of this.#roomAgain.splice(0)) resolve();
      if (!isOpen) continue;
      if (job.type === "fragment") await this.#writeFragment(job.fragment, job.media);
      else await this.#writeEvent(job.event, job.at);
    }
    if (isOpen) this.#ledger.changed();
  }

  async #writeFragment(fragment: SettledFragment, media: FragmentMedia | undefined): Promise<void> {
    const seq = this.#seq++;
    const entry = entryOf(fragment, seq);
    const { fragmentId } = entry;
    this.#ledger.count("fragments");
    this.#ledger.count(fragment.outcome);
    if (fragment.outcome === "fallback") {
      const message = fragment.detail ?? fragment.reason ?? "fallback";
      this.#ledger.note({ scope: "fragment", fragmentId, message });
    }
    const { mode } = this.options;
    for (const asset of fragmentAssets(fragment, media, mode, this.options, this.#now()))
      await this.#writeAsset(entry, asset);
    await this.#ledger.list(entry);
    this.#folders.push(fragmentId);
    await this.#bound();
  }

  async #writeAsset(entry: ManifestFragment, asset: FragmentAsset): Promise<void> {
    const { kind, name, content } = asset;
    const { fragmentId } = entry;
    const path = `assets/fragments/${fragmentId}/${name}`;
    const sha256 = await this.#writeFile(path, kind, content, fragmentId);
    if (sha256 === undefined) return;
    const writtenAt = this.#now().toISOString();
    entry.assets.push({ kind, path, bytes: content.length, sha256, writtenAt });
  }

  async #writeEvent(event: BundleEvent, at: Date): Promise<void> {
    const line = `${JSON.stringify({ ts: at.toISOString(), ...event })}\n`;
    await this.#files
      .append("logs/worker.log", line, mostLogBytes)
      .catch(() => this.#ledger.count("logErrors"));
    if (event.level === "info" || this.#ledger.counter("alerts") >= mostAlerts) return;
    this.#ledger.count("alerts");
    const kind = event.code.replaceAll(/[^a-z0-9-]/gi, "-").slice(0, 40);
    const path = `assets/alerts/${compactStamp(at)}-${kind}.json`;
    await this.#writeFile(path, "alert-json", new TextEncoder().encode(line));
  }

  /** @returns the content's SHA-256; undefined when it could not be written, which is noted */
  async #writeFile(
    path: string,
    assetKind: AssetKind,
    content: Uint8Array,
    fragmentId?: string,
  ): Promise<string | undefined> {
    const told = {
      event: "asset_write",
      ...{ assetKind, path, bytes: content.length },
      ...(fragmentId === undefined ? {} : { fragmentId }),
    } as const satisfies Partial<FileWrite>;
    try {
      await this.#files.write(path, content);
    } catch (caught) {
      const error = (caught as Error).message;
      this.#ledger.count("assetErrors");
      const where = fragmentId === undefined ? {} : { fragmentId };
      this.#ledger.note({ scope: "asset", ...where, assetPath: path, message: error });
      this.#tell({ ...told, status: "error", error });
      return undefined;
    }
    const sha256 = createHash("sha256").update(content).digest("hex");
    this.#tell({ ...told, status: "ok", sha256 });
    return sha256;
  }

  /** The oldest fragments make room. */
  async #bound(): Promise<void> {
    const most = this.options.mostFragments ?? mostKept[this.options.mode];
    while (this.#folders.length > most) {
      const path = this.#files.pathOf(`assets/fragments/${this.#folders.shift()}`);
      await rm(path, { recursive: true, force: true }).catch(() => {}); // the retention takes it in time
      this.#ledger.count("removed");
    }
  }

  #tell(write: ManifestWrite | FileWrite): void {
    const { streamId, runId, instanceId, onWrite } = this.options;
    const what = write.event === "asset_write" ? write.assetKind : "manifest";
    // The system's code stands first: `ENOSPC: no space left on device`.
    const kind = `${what} ${write.error?.split(":")[0] ?? ""}`;
    const isNews = write.status === "error" && !this.#told.has(kind);
    if (isNews) this.#told.add(kind);
    onWrite({ ...write, streamId, runId, instanceId }, isNews);
  }

  #now(): Date {
    return this.options.now?.() ?? new Date();
  }
}

/** Where a run's bundle is. @throws {RangeError} for ids that are no plain names */
function bundlePath({ root, streamId, runId }: RunBundleOptions): string {
  for (const name of [streamId, runId])
    if (!safeName.test(name))
      throw new RangeError(
        `${JSON.stringify(name.slice(0, 80))} names no bundle: ids are 1..64 of A-Z a-z 0-9 _ -`,
      );
  return join(root, "streams", streamId, "runs", runId);
}

function entryOf(fragment: SettledFragment, seq: number): ManifestFragment {
  const [startMs, endMs] = [milliseconds(fragment.startSample), milliseconds(fragment.endSample)];
  const { stageTimings, roundTripMs } = fragment;
  const latency = {
    ...(stageTimings === null
      ? {}
      : {
          sttMs: stageTimings.asr_ms,
          translateMs: stageTimings.translation_ms,
          ttsMs: stageTimings.tts_ms,
        }),
    ...(roundTripMs === null ? {} : { totalMs: roundTripMs }),
  };
  return {
    fragmentId: `${seq}-${startMs}-${endMs}`,
    seq,
    time: { startMs, endMs },
    status: fragment.outcome === "fallback" ? "failed" : "processed",
    ...(Object.keys(latency).length === 0 ? {} : { latency }),
    assets: [],
  };
}

function seqOf(folder: string): number {
  return Number(/^\d+/.exec(folder) ?? 0);
}
