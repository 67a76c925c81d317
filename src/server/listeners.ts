import type { EdgeConfig } from "../config/edge-config.ts";
import { claimAddresses, type ListenAddress } from "../mediamtx/listen-address.ts";

/** The addresses of our own MediaMTX, each with the port that it really gets. */
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
  const [rtmp, hls, api, metrics] = claimAddresses([
    { setting: "MEDIAMTX_RTMP_ADDRESS", address: values.rtmpAddress },
    { setting: "MEDIAMTX_HLS_ADDRESS", address: values.hlsAddress },
    { setting: "MEDIAMTX_API_ADDRESS", address: values.mediamtxApiAddress },
    { setting: "MEDIAMTX_METRICS_ADDRESS", address: values.mediamtxMetricsAddress },
  ]) as [ListenAddress, ListenAddress, ListenAddress, ListenAddress];
  return { rtmp, hls, api, metrics };
}
