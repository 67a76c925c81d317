import type { EdgeConfig } from "../config/edge-config.ts";
import { furtherWaysIn, isLoopback } from "../config/edge-rules.ts";
import { claimAddresses, type ListenAddress } from "../mediamtx/listen-address.ts";

/** True when MediaMTX is somebody else's: it is neither started nor configured, and judges by itself. */
export function isExternal(values: Pick<EdgeConfig["values"], "mediamtxHost">): boolean {
  return !isLoopback(values.mediamtxHost);
}

/** Where MediaMTX listens; our own with the ports that it really gets. */
export interface Listeners {
  readonly rtmp: ListenAddress;
  readonly hls: ListenAddress;
  /** Further ways in, where they are wanted. */
  readonly rtsp?: ListenAddress;
  readonly srt?: ListenAddress;
  readonly webrtc?: ListenAddress;
  readonly api: ListenAddress;
  readonly metrics: ListenAddress;
}

/**
 * Makes sure that MediaMTX will get its ports before it is started: its own message would name no setting.
 * @throws {PortTakenError}
 */
export function claimListeners(values: EdgeConfig["values"]): Listeners {
  if (isExternal(values)) return listenersOfOther(values);
  const further = furtherWaysIn(values);
  const [rtmp, hls, api, metrics, ...claimed] = claimAddresses([
    { setting: "MEDIAMTX_RTMP_ADDRESS", address: values.rtmpAddress },
    { setting: "MEDIAMTX_HLS_ADDRESS", address: values.hlsAddress },
    { setting: "MEDIAMTX_API_ADDRESS", address: values.mediamtxApiAddress },
    { setting: "MEDIAMTX_METRICS_ADDRESS", address: values.mediamtxMetricsAddress },
    ...further.map(([setting, address]) => ({ setting, address })),
  ]) as [ListenAddress, ListenAddress, ListenAddress, ListenAddress, ...ListenAddress[]];
  const at = (setting: string) => claimed[further.findIndex(([name]) => name === setting)];
  const rtsp = at("MEDIAMTX_RTSP_ADDRESS");
  const srt = at("MEDIAMTX_SRT_ADDRESS");
  const webrtc = at("MEDIAMTX_WEBRTC_ADDRESS");
  return {
    ...{ rtmp, hls, api, metrics },
    ...(rtsp && { rtsp }),
    ...(srt && { srt }),
    ...(webrtc && { webrtc }),
  };
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
