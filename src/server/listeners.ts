import type { EdgeConfig } from "../config/edge-config.ts";
import { claimAddress, type ListenAddress } from "../mediamtx/listen-address.ts";

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
  return {
    rtmp: claimAddress("MEDIAMTX_RTMP_ADDRESS", values.rtmpAddress),
    hls: claimAddress("MEDIAMTX_HLS_ADDRESS", values.hlsAddress),
    api: claimAddress("MEDIAMTX_API_ADDRESS", values.mediamtxApiAddress),
    metrics: claimAddress("MEDIAMTX_METRICS_ADDRESS", values.mediamtxMetricsAddress),
  };
}
