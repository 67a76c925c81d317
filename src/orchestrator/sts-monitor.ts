import {
  parseEndpoint,
  type EndpointSetting,
  type StsEndpoint,
  type StsProtocol,
} from "../sts/endpoint.ts";
import { readHealth, unsupportedPair, type HealthReading } from "../sts/health.ts";

export interface StsMonitorOptions {
  /** Asked anew at each look: our own sidecar may move. */
  readonly endpoints: () => readonly EndpointSetting[];
  readonly protocol: StsProtocol;
  /** The state of an endpoint has changed. */
  readonly onChange: (endpoint: StsEndpoint, reading: HealthReading) => void;
}

const everyMs = 3000;
/** While one is not ready, its coming up is worth knowing sooner. */
const everyMsUntilReady = 1000;
const timeoutMs = 2500;

/** What one sidecar said last. */
export interface StsEndpointHealth {
  readonly endpoint: StsEndpoint;
  readonly reading: HealthReading;
}

/**
 * Knows at any moment what the sidecars can do, so that a publish can be judged without asking anyone:
 * MediaMTX stands still while it waits for our verdict.
 */
export class StsMonitor {
  #latest: readonly StsEndpointHealth[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closing = new AbortController();

  constructor(readonly options: StsMonitorOptions) {}

  start(): void {
    void this.#look();
  }

  close(): void {
    this.#closing.abort();
    clearTimeout(this.#timer);
  }

  get latest(): readonly StsEndpointHealth[] {
    return this.#latest;
  }

  /**
   * Why no sidecar in reach can dub this pair, with the remedy; undefined when one can, or none is in
   * reach (the stream then starts in its fallback).
   */
  unsupported(source: string, target: string): string | undefined {
    const ready = this.#latest.flatMap(({ reading }) =>
      reading.kind === "ready" ? [reading] : [],
    );
    if (ready.length === 0 || ready.length < this.#latest.length) return undefined;
    const problems = ready.map(({ health }) => unsupportedPair(health, source, target));
    return problems.includes(undefined) ? undefined : problems[0];
  }

  async #look(): Promise<void> {
    const endpoints = this.options
      .endpoints()
      .map((one) => parseEndpoint(one, this.options.protocol));
    const latest = await Promise.all(
      endpoints.map(async (endpoint) => ({
        endpoint,
        reading: await readHealth(endpoint, timeoutMs, this.#closing.signal),
      })),
    );
    if (this.#closing.signal.aborted) return;
    const before = new Map(this.#latest.map((one) => [one.endpoint.base, one.reading.kind]));
    this.#latest = latest;
    for (const { endpoint, reading } of latest)
      if (before.get(endpoint.base) !== reading.kind) this.options.onChange(endpoint, reading);
    const allReady = latest.every(({ reading }) => reading.kind === "ready");
    const delayMs = allReady ? everyMs : everyMsUntilReady;
    this.#timer = setTimeout(() => void this.#look(), delayMs);
  }
}
