import type { EdgeConfig } from "../config/edge-config.ts";
import { isLoopback } from "../config/edge-rules.ts";
import { claimAddresses, type ListenAddress } from "../mediamtx/listen-address.ts";

/** True when MediaMTX is somebody else's: it is neither started nor configured, and judges by itself. */
export function isExternal(values: Pick<EdgeConfig["values"], "mediamtxHost">): boolean {
  return !isLoopback(values.mediamtxHost);
}

/** Where MediaMTX listens; our own with the ports that it really gets. */
export interface Listeners {
  readonly rtmp: ListenAddress;
  readonly hls: ListenAddress;
  readonly api: ListenAddress;
  readonly metrics: ListenAddress;
}

/**
 * Makes sure that MediaMTX will get its ports before it is started: its own message would name no setting.
 * @throws {PortTakenError}
 */
export function claimListeners(values: EdgeConfig["values"]): Listeners {
  if (isExternal(values)) return listenersOfOther(values);
  const [rtmp, hls, api, metrics] = claimAddresses([
    { setting: "MEDIAMTX_RTMP_ADDRESS", address: values.rtmpAddress },
    { setting: "MEDIAMTX_HLS_ADDRESS", address: values.hlsAddress },
    { setting: "MEDIAMTX_API_ADDRESS", address: values.mediamtxApiAddress },
    { setting: "MEDIAMTX_METRICS_ADDRESS", address: values.mediamtxMetricsAddress },
  ]) as [ListenAddress, ListenAddress, ListenAddress, ListenAddress];
  return { rtmp, hls, api, metrics };
}

/** An external MediaMTX has its listeners on its own host, at the configured ports. */
function listenersOfOther(values: EdgeConfig["values"]): Listeners {
  const there = ({ port }: ListenAddress) => ({ host: values.mediamtxHost, port });
  return {
    rtmp: there(values.rtmpAddress),
    hls: there(values.hlsAddress),
    api: there(values.mediamtxApiAddress),
    metrics: there(values.mediamtxMetricsAddress),
  };
}
