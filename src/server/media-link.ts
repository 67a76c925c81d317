import { join, resolve } from "node:path";
import type { EdgeConfig } from "../config/edge-config.ts";
import { ControlApi } from "../mediamtx/control-api.ts";
import {
  formatAddress,
  reachableFromHere,
  type ListenAddress,
} from "../mediamtx/listen-address.ts";
import { MediaServer } from "../mediamtx/media-server.ts";
import type { ChildLedger } from "../orchestrator/child-ledger.ts";
import { selfCommand } from "../process/self.ts";
import type { Logger } from "../telemetry/log.ts";
import { accessPath } from "./access-route.ts";
import type { Listeners } from "./listeners.ts";

/** The media server that streams come from and go to: our own MediaMTX, or one that is only observed. */
export interface MediaLink {
  readonly api: ControlApi;
  readonly restarts: number;
  close(): Promise<void>;
  kill(): void;
}

export interface MediaLinkOptions {
  readonly values: EdgeConfig["values"];
  readonly listeners: Listeners;
  /** Where our HTTP listener is. */
  readonly http: ListenAddress;
  readonly accessSecret: string;
  /** With which we call the control API of our own MediaMTX. */
  readonly controlSecret: string;
  /** Our own MediaMTX; undefined with an external one. */
  readonly mediaMtxPath: string | undefined;
  readonly stateDir: string;
  readonly ledger: ChildLedger;
  readonly log: Logger;
  /** The control API answers (again). */
  readonly onUp: () => void;
}

/** `rtmp://host:port` under which our own processes reach the media server. */
export function rtmpBaseOf(values: EdgeConfig["values"], listeners: Listeners): string {
  if (values.mediamtxRtmpUrl !== undefined) return values.mediamtxRtmpUrl.replace(/\/+$/, "");
  return `rtmp://${formatAddress(reachableFromHere(listeners.rtmp))}`;
}

/**
 * Starts our own MediaMTX, or links up with the external one.
 * @throws {ChildStartError} when our own does not start
 */
export async function openMediaLink(options: MediaLinkOptions): Promise<MediaLink> {
  const { mediaMtxPath } = options;
  return mediaMtxPath === undefined ? observedServer(options) : ownServer(options, mediaMtxPath);
}

async function ownServer(options: MediaLinkOptions, binaryPath: string): Promise<MediaLink> {
  const { values, listeners, ledger } = options;
  const here = `http://${formatAddress(reachableFromHere(options.http))}`;
  return MediaServer.start({
    binaryPath,
    configPath: values.mediamtxConfigPath ?? join(options.stateDir, "mediamtx.json"),
    config: {
      ...listeners,
      authUrl: `${here}${accessPath}?secret=${options.accessSecret}`,
      overridePublisher: values.overridePublisher,
      recording: values.record
        ? {
            folder: resolve(values.recordDir ?? join(options.stateDir, "recordings")),
            keepMs: values.recordKeepMs,
          }
        : undefined,
    },
    controlSecret: options.controlSecret,
    hookCommand: selfCommand("livedub", "hook"),
    hookEnvironment: {
      ORCHESTRATOR_URL: values.hookBaseUrl ?? here,
      ...(values.hookSecret ? { LIVEDUB_HOOK_SECRET: values.hookSecret } : {}),
    },
    log: options.log.child({ component: "mediamtx" }),
    parent: {
      mediaServerSpawned: (pid) => ledger.add(pid, "mediamtx"),
      mediaServerGone: (pid) => ledger.remove(pid),
      mediaServerUp: options.onUp,
    },
  });
}

/** It may come up later than we do, so nothing is asked of it here. */
function observedServer({ listeners }: MediaLinkOptions): MediaLink {
  return {
    api: new ControlApi(`http://${formatAddress(listeners.api)}`),
    restarts: 0,
    close: () => Promise.resolve(),
    kill: () => {},
  };
}
