import { claimAddress } from "../mediamtx/listen-address.ts";
import { OwnSidecar } from "../orchestrator/own-sidecar.ts";
import { executableCommand } from "../process/self.ts";
import type { EndpointSetting } from "../sts/endpoint.ts";
import type { Logger } from "../telemetry/log.ts";
import { DubError } from "./dub-error.ts";

/** The sidecars that a file dub may use. */
export interface DubSidecar {
  readonly endpoints: readonly EndpointSetting[];
  /** Rejects when a sidecar of our own cannot be kept alive; never resolves. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/** A sidecar that ends this often within one run has something wrong that starting it again does not cure. */
const mostDeaths = 4;

/**
 * The configured sidecars, or else one of our own, started for this run and ended with it.
 *
 * @throws {DubError} when there is none to start
 */
export function openDubSidecar(
  configured: readonly EndpointSetting[],
  environment: Readonly<Record<string, string | undefined>>,
  log: Logger,
): DubSidecar {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {}); // it may fail when nobody waits any more
  if (configured.length > 0)
    return { endpoints: configured, failed: failed.promise, close: () => Promise.resolve() };
  const command = executableCommand("livedub-sts", "livedub");
  if (command === undefined)
    throw new DubError(
      "sidecar",
      "there is no sidecar: put livedub-sts beside livedub, or name one with --sts URL",
    );
  let deaths = 0;
  const own = new OwnSidecar({
    command,
    port: claimAddress("STS_PORT", { host: "127.0.0.1", port: 0 }).port,
    // Its log would run through the progress bar; what is wrong still shows.
    environment: { LOG_FORMAT: "text", ...environment, LOG_LEVEL: "error" },
    log,
    childSpawned: () => {},
    childGone: () => {
      deaths += 1;
      if (deaths < mostDeaths) return;
      const remedy = "run `livedub-sts doctor` to see what is wrong with it";
      failed.reject(new DubError("sidecar", `the sidecar ended ${deaths} times: ${remedy}`));
    },
  });
  own.start();
  return { endpoints: [own.endpoint], failed: failed.promise, close: () => own.close() };
}
