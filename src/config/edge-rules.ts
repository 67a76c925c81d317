/** The values that the rules between settings read. */
export interface ListenerSettings {
  readonly httpAddress: HostPort;
  readonly rtmpAddress: HostPort;
  readonly hlsAddress: HostPort;
  readonly rtspAddress: HostPort | undefined;
  readonly srtAddress: HostPort | undefined;
  readonly webrtcAddress: HostPort | undefined;
  readonly mediamtxApiAddress: HostPort;
  readonly mediamtxMetricsAddress: HostPort;
  readonly workerMode: string;
  readonly publishKeys: Readonly<Record<string, string>> | undefined;
  readonly hookSecret: string | undefined;
  readonly apiToken: string | undefined;
}

interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * What no setting can say alone: a listener that others reach needs its secret, and what shows keys in
 * clear stays on loopback. `serve` refuses to start on any of these, `doctor` names them.
 *
 * @returns one line for each broken rule, with the remedy
 */
export function brokenRules(values: ListenerSettings): string[] {
  const problems: string[] = [];
  if (!isLoopback(values.httpAddress.host)) {
    const where = `ORCH_HTTP_ADDR ${show(values.httpAddress)} is reachable by others`;
    if (values.hookSecret === undefined)
      problems.push(
        `${where}: set LIVEDUB_HOOK_SECRET (openssl rand -hex 32), or listen on 127.0.0.1`,
      );
    if (values.apiToken === undefined)
      problems.push(
        `${where}: set LIVEDUB_API_TOKEN (openssl rand -hex 32), or listen on 127.0.0.1`,
      );
  }
  const media = [
    ["MEDIAMTX_RTMP_ADDRESS", values.rtmpAddress],
    ["MEDIAMTX_HLS_ADDRESS", values.hlsAddress],
    ...furtherWaysIn(values),
  ] as const;
  for (const [name, address] of media)
    if (!isLoopback(address.host) && Object.keys(values.publishKeys ?? {}).length === 0)
      problems.push(
        `${name} ${show(address)} is reachable by others: set LIVEDUB_PUBLISH_KEYS, or listen on 127.0.0.1`,
      );
  const internal = [
    ["MEDIAMTX_API_ADDRESS", values.mediamtxApiAddress],
    ["MEDIAMTX_METRICS_ADDRESS", values.mediamtxMetricsAddress],
  ] as const;
  for (const [name, address] of internal)
    if (!isLoopback(address.host))
      problems.push(`${name} ${show(address)}: it shows stream keys, listen on 127.0.0.1 only`);
  return [...problems, ...notBuilt(values), ...clashes(values)];
}

/** The listeners for publishers that are off unless they are wanted, by their settings. */
export function furtherWaysIn(
  values: Pick<ListenerSettings, "rtspAddress" | "srtAddress" | "webrtcAddress">,
): [setting: string, address: HostPort][] {
  const all = [
    ["MEDIAMTX_RTSP_ADDRESS", values.rtspAddress],
    ["MEDIAMTX_SRT_ADDRESS", values.srtAddress],
    ["MEDIAMTX_WEBRTC_ADDRESS", values.webrtcAddress],
  ] as const;
  return all.flatMap(([name, address]) => (address === undefined ? [] : [[name, address]]));
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** What the contract knows and this version does not do: refused, never ignored in silence. */
function notBuilt(values: ListenerSettings): string[] {
  const problems: string[] = [];
  if (values.workerMode === "external")
    problems.push(
      "ORCH_WORKER_MODE=external: foreign workers are not run by this version; unset it",
    );
  return problems;
}

function clashes(values: ListenerSettings): string[] {
  const listeners = [
    ["ORCH_HTTP_ADDR", values.httpAddress],
    ["MEDIAMTX_RTMP_ADDRESS", values.rtmpAddress],
    ["MEDIAMTX_HLS_ADDRESS", values.hlsAddress],
    ["MEDIAMTX_API_ADDRESS", values.mediamtxApiAddress],
    ["MEDIAMTX_METRICS_ADDRESS", values.mediamtxMetricsAddress],
    ...furtherWaysIn(values),
  ] as const;
  const seen = new Map<number, string>();
  const problems: string[] = [];
  for (const [name, { port }] of listeners) {
    if (port === 0) continue; // any free port
    const other = seen.get(port);
    if (other === undefined) seen.set(port, name);
    else problems.push(`${name} and ${other} both use port ${port}: give one of them another`);
  }
  return problems;
}

function show({ host, port }: HostPort): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
