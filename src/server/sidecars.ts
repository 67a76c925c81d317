import type { EdgeConfig } from "../config/edge-config.ts";
import { configuredEndpoints, defaultStsUrl } from "../config/worker-endpoints.ts";
import { claimAddress } from "../mediamtx/listen-address.ts";
import type { ChildLedger } from "../orchestrator/child-ledger.ts";
import { OwnSidecar } from "../orchestrator/own-sidecar.ts";
import { StsMonitor } from "../orchestrator/sts-monitor.ts";
import { executableCommand } from "../process/self.ts";
import type { WorkerSpec } from "../protocol/supervisor.ts";
import type { StsProtocol } from "../sts/endpoint.ts";
import type { Logger } from "../telemetry/log.ts";

/** The sidecars that streams are dubbed by. */
export interface Sidecars {
  readonly endpoints: WorkerSpec["sts"]["endpoints"];
  /** It is our child. */
  readonly isOwn: boolean;
  /** Everything is about to be closed: a sidecar that ends is not started again. */
  expectEnd(): void;
  close(): Promise<void>;
  kill(): void;
}

export interface SidecarOptions {
  readonly values: EdgeConfig["values"];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  readonly ledger: ChildLedger;
}

/** The configured sidecars; without any, the one beside this executable as our child, else the default address. */
export function openSidecars(options: SidecarOptions): Sidecars {
  const { values, environment, log, ledger } = options;
  const idle = {
    isOwn: false,
    expectEnd: () => {},
    close: () => Promise.resolve(),
    kill: () => {},
  };
  const configured = configuredEndpoints(values);
  if (configured.length > 0)
    return { endpoints: configured.map(({ url, key }) => withKey(url, key)), ...idle };
  const command = executableCommand("livedub-sts", "livedub");
  const atDefault = [withKey(defaultStsUrl, values.stsApiKey)];
  if (values.stsMode !== "enabled") return { endpoints: atDefault, ...idle };
  if (command === undefined) {
    log.warn(
      { event: "sidecar.absent" },
      `livedub-sts does not stand beside this executable and WORKER_STS_SERVICE_URL is not set: ${defaultStsUrl} is tried`,
    );
    return { endpoints: atDefault, ...idle };
  }
  const { port } = claimAddress("STS_PORT", { host: "127.0.0.1", port: 0 });
  const own = new OwnSidecar({
    command,
    port,
    environment,
    log,
    childSpawned: (pid, name) => ledger.add(pid, name),
    childGone: (pid) => ledger.remove(pid),
  });
  own.start();
  return {
    endpoints: [withKey(own.endpoint.url, own.endpoint.key)],
    isOwn: true,
    expectEnd: () => own.expectEnd(),
    close: () => own.close(),
    kill: () => own.kill(),
  };
}

/** A monitor of these sidecars that logs each change; it is not started yet. */
export function watchSidecars(sidecars: Sidecars, protocol: StsProtocol, log: Logger): StsMonitor {
  let wasReady = false;
  return new StsMonitor({
    endpoints: () => sidecars.endpoints,
    protocol,
    onChange: ({ shown }, reading) => {
      const detail = reading.kind === "ready" ? (reading.engine ?? "") : reading.detail;
      // Our own has only just been started: that it does not answer yet is no news.
      const isNews = !sidecars.isOwn || wasReady || reading.kind !== "unreachable";
      wasReady ||= reading.kind === "ready";
      log[isNews ? "info" : "debug"](
        { event: "sidecar.state", sidecar: shown, detail },
        `sidecar: ${reading.kind}`,
      );
    },
  });
}

function withKey(url: string, key: string | undefined) {
  return key === undefined ? { url } : { url, key };
}
