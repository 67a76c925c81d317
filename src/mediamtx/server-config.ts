import { formatAddress, type ListenAddress } from "./listen-address.ts";
import { inPathPattern, jointPathPattern, outPathPattern } from "./stream-path.ts";

export interface ServerConfigOptions {
  readonly rtmp: ListenAddress;
  readonly hls: ListenAddress;
  /** Off where there is no address. */
  readonly rtsp?: ListenAddress;
  readonly srt?: ListenAddress;
  readonly webrtc?: ListenAddress;
  /** Loopback only: it shows stream keys in clear. */
  readonly api: ListenAddress;
  readonly metrics: ListenAddress;
  /** Where MediaMTX asks us who may publish and read; carries a secret, so the file is 0600. */
  readonly authUrl: string;
  /** A second publisher takes an input over; otherwise it is refused while the first one publishes. */
  readonly overridePublisher: boolean;
  /** Where outputs are recorded and for how long that is kept; undefined: they are not. */
  readonly recording: Recording | undefined;
  /** How many words the hook's command line has; see {@link hookEnvironment}. */
  readonly hookWords: number;
}

export interface Recording {
  /** Absolute, without `%`. */
  readonly folder: string;
  readonly keepMs: number;
}

const hookWordVariable = (index: number) => `LIVEDUB_HOOK_WORD_${index}`;

/**
 * MediaMTX's configuration. JSON is YAML too, and leaves no doubt about quoting.
 *
 * Off is what is on by default and nobody asked for (MoQ with its key files, playback, and SRT, WebRTC and RTSP
 * without an address),
 * and there is no `all_others`: a path that is not ours is refused.
 */
export function serverConfig(options: ServerConfigOptions): string {
  const words = Array.from({ length: options.hookWords }, (_, i) => `\${${hookWordVariable(i)}}`);
  const hook = words.join(" ");
  return JSON.stringify(
    {
      logLevel: "info",
      logDestinations: ["stdout"],
      logStructured: true,
      readTimeout: "10s",
      writeTimeout: "10s",
      authMethod: "http",
      authHTTPAddress: options.authUrl,
      // Not the API: what it is told to run it runs, and any program of this machine can reach it.
      authHTTPExclude: [{ action: "metrics" }],
      // By default it lets the pages of every site call it from a browser on this machine.
      apiAllowOrigins: [],
      metricsAllowOrigins: [],
      api: true,
      apiAddress: formatAddress(options.api),
      metrics: true,
      metricsAddress: formatAddress(options.metrics),
      pprof: false,
      playback: false,
      ...furtherWaysIn(options),
      moq: false,
      rtmp: true,
      rtmpAddress: formatAddress(options.rtmp),
      hls: true,
      hlsAddress: formatAddress(options.hls),
      // We open a viewer's session in its name; what stands before us tells its address the same way.
      hlsTrustedProxies: ["127.0.0.1", "::1"],
      pathDefaults: { overridePublisher: false, ...recordingOf(options.recording) },
      paths: {
        [inPathPattern]: {
          record: false,
          overridePublisher: options.overridePublisher,
          runOnAvailable: `${hook} ready`,
          runOnUnavailable: `${hook} not-ready`,
        },
        // Each language is recorded already.
        [jointPathPattern]: { record: false },
        [outPathPattern]: {},
      },
    },
    null,
    2,
  );
}

/** Stands among the defaults: an output becomes a path of its own once its stream has a filler. */
function recordingOf(recording: Recording | undefined): Record<string, unknown> {
  if (recording === undefined) return { record: false };
  return {
    record: true,
    recordPath: `${recording.folder}/%path/%Y-%m-%d_%H-%M-%S-%f`,
    recordFormat: "fmp4",
    recordSegmentDuration: "1h",
    recordDeleteAfter: `${Math.round(recording.keepMs / 1000)}s`,
  };
}

function furtherWaysIn({ rtsp, srt, webrtc }: ServerConfigOptions): object {
  return {
    rtsp: rtsp !== undefined,
    // Over TCP alone: no further ports, and no losses that nobody repairs.
    ...(rtsp && { rtspAddress: formatAddress(rtsp), rtspTransports: ["tcp"] }),
    srt: srt !== undefined,
    ...(srt && { srtAddress: formatAddress(srt) }),
    webrtc: webrtc !== undefined,
    // By default it lets the pages of every site publish from a browser on this machine.
    ...(webrtc && {
      webrtcAddress: formatAddress(webrtc),
      webrtcLocalUDPAddress: formatAddress(webrtc),
      webrtcAllowOrigins: [],
    }),
  };
}

/**
 * The environment that the hook's command line is taken from. MediaMTX splits the line like a shell and
 * fills in variables afterwards, so a word from the environment may hold any character, blanks included.
 */
export function hookEnvironment(command: readonly string[]): Record<string, string> {
  return Object.fromEntries(command.map((word, index) => [hookWordVariable(index), word]));
}
