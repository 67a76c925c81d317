import { StsClient, type StsClientOptions } from "../../../src/sts/sts-client.ts";
import { type HandClock, settle } from "./hand-clock.ts";
import type { PuppetTransport } from "./puppet-transport.ts";

/** An air time that no test reaches. */
export const far = 60_000;

/** A live client of the contract's defaults on a clock and a transport that the test plays. */
export function startClient(
  clock: HandClock,
  transport: PuppetTransport,
  changes: Partial<StsClientOptions> = {},
): StsClient {
  const client = new StsClient({
    transport,
    pacing: "live",
    timeoutMs: 8000,
    maxRetries: 1,
    breakerThreshold: 5,
    breakerOpenMs: 30_000,
    clock,
    onEvent: () => {},
    ...changes,
  });
  client.start();
  return client;
}

/** What a submitted fragment has come to by now; undefined while it is open. */
export async function outcomeOf(
  pending: Promise<{ kind: string; reason?: string }>,
): Promise<string | undefined> {
  await settle();
  return Promise.race([
    pending.then((outcome) => outcome.reason ?? outcome.kind),
    settle().then(() => undefined),
  ]);
}
