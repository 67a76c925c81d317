import type { FragmentOutcome, OutgoingFragment } from "../../../src/sts/fragment.ts";
import { monotonicClock } from "../../../src/sts/clock.ts";
import { openClient } from "../../../src/sts/open-client.ts";
import type { StsClient } from "../../../src/sts/sts-client.ts";
import { ScriptedSidecar, type SidecarScript } from "./scripted-sidecar.ts";

const open: AsyncDisposable[] = [];

/** Closes every client and server of the test that has ended; for `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const owned of open.splice(0).toReversed()) await owned[Symbol.asyncDispose]();
}

/** A sidecar that the test's end closes. */
export function sidecar(script: SidecarScript, port = 0): ScriptedSidecar {
  const made = new ScriptedSidecar(script, port);
  open.push(made);
  return made;
}

export interface Events {
  readonly codes: string[];
  until(code: string): Promise<void>;
}

/** A started client of the sidecar at `url`, and what it told. */
export function connect(
  url: string,
  changes: {
    key?: string;
    timeoutMs?: number;
    maxRetries?: number;
    firstReconnectMs?: number;
    /** Endpoints that stand before `url` in the list. */
    before?: string[];
  } = {},
): { client: StsClient; events: Events } {
  const codes: string[] = [];
  const waiting: { code: string; resolve: () => void }[] = [];
  const client = openClient({
    endpoints: [...(changes.before ?? []), url].map((one) => ({ url: one, key: changes.key })),
    protocol: "ws",
    wish: {
      streamId: "match",
      workerId: "worker-match",
      sourceLanguage: "en",
      targetLanguage: "pt",
      voice: "default",
      pacing: "live",
      chunkMs: 1000,
      maxInflight: 3,
      timeoutMs: 8000,
    },
    timeoutMs: changes.timeoutMs ?? 1000,
    maxRetries: changes.maxRetries ?? 0,
    breakerThreshold: 5,
    breakerOpenMs: 30_000,
    clock: monotonicClock,
    firstReconnectMs: changes.firstReconnectMs ?? 50,
    onEvent: (_level, code) => {
      codes.push(code);
      for (const one of waiting) if (one.code === code) one.resolve();
    },
  });
  client.start();
  open.push({ [Symbol.asyncDispose]: () => Promise.resolve(client.close()) });
  const until = (code: string) =>
    codes.includes(code)
      ? Promise.resolve()
      : new Promise<void>((resolve) => waiting.push({ code, resolve }));
  return { client, events: { codes, until } };
}

let count = 0;

/** A second of sound that airs in `airsInMs`. */
export function fragment(airsInMs = 5000): OutgoingFragment {
  const startSample = 48_000 * count++;
  return {
    fragmentId: crypto.randomUUID(),
    startSample,
    endSample: startSample + 48_000,
    durationMs: 1000,
    pcm: (rateHz) => new Uint8Array(new Int16Array(rateHz).map((_, i) => (i * 31) % 9000).buffer),
    airsAtMs: performance.now() + airsInMs,
  };
}

/** Why it fell back, or how it was answered. */
export const reasonOf = (outcome: FragmentOutcome) =>
  outcome.kind === "failed" ? outcome.reason : outcome.answer.status;
