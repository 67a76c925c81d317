import type { EdgeConfig } from "../config/edge-config.ts";
import { monotonicClock } from "../sts/clock.ts";
import { openClient } from "../sts/open-client.ts";
import type { StsClient } from "../sts/sts-client.ts";
import { clausePieceMs } from "../worker/clause-dubbing.ts";
import { DubError } from "./dub-error.ts";
import type { DubSidecar } from "./dub-sidecar.ts";

/** Waits for the first session, and turns what stands in its way into words. */
export class SessionWait {
  #settled = Promise.withResolvers<void>();

  readonly onEvent = (_level: string, code: string, message: string): void => {
    if (code === "sts-ready") this.#settled.resolve();
    if (code === "sts-refused") this.#settled.reject(new DubError("sidecar", message));
  };

  async ready(
    client: StsClient,
    sidecar: DubSidecar,
    withinMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const why = client.lastError ?? `${client.endpoint} does not answer`;
      late.reject(new DubError("sidecar", `no sidecar within ${withinMs / 1000} s: ${why}`));
    }, withinMs);
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(new DubError("interrupted", "interrupted"));
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    try {
      await Promise.race([this.#settled.promise, sidecar.failed, late.promise, aborted.promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }
}

/** A client with pacing `file`, for a session of its own. */
export function openFileClient(
  sidecar: DubSidecar,
  values: EdgeConfig["values"],
  waiting: SessionWait,
): StsClient {
  return openClient({
    endpoints: sidecar.endpoints,
    protocol: values.stsProtocol,
    wish: {
      streamId: `dub-${crypto.randomUUID().slice(0, 8)}`,
      workerId: "dub",
      sourceLanguage: values.sourceLanguage,
      targetLanguage: values.targetLanguages[0] as string,
      voice: values.voice,
      furtherLanguages: values.targetLanguages.slice(1),
      pacing: "file",
      chunkMs: clausePieceMs.file,
      maxInflight: values.stsMaxInflight,
      timeoutMs: 120_000, // the most that a server may be told; servers that know `file` need none
    },
    timeoutMs: values.stsTimeoutMs,
    maxRetries: values.stsMaxRetries,
    breakerThreshold: values.breakerThreshold,
    breakerOpenMs: values.breakerOpenSeconds * 1000,
    clock: monotonicClock,
    firstReconnectMs: 500,
    onEvent: waiting.onEvent,
  });
}
