import { egressExitCodes, type EgressExitCode } from "./exit-codes.ts";

/** Whose failure it was; decides about retry, counting and exit code. */
export type FailedSide = "input" | "destination-refuses" | "destination-io" | "internal";

/** Why one run of FFmpeg ended, in words that may be shown: no key, no query. */
export interface ForwardFailure {
  readonly side: FailedSide;
  /** `error.kind` of the log: a stable word such as `rtmp_publish_denied`. */
  readonly kind: string;
  readonly message: string;
}

/** The exit code that a process ends with when it gives up on such a failure. */
export const exitCodeOf: Readonly<Record<FailedSide, EgressExitCode>> = {
  input: egressExitCodes.inputNotReady,
  "destination-refuses": egressExitCodes.destinationRefuses,
  "destination-io": egressExitCodes.transient,
  internal: egressExitCodes.internal,
};

/** How far a run of FFmpeg came. */
export type ForwardStage = "opening-input" | "opening-output" | "forwarding";

/** What FFmpeg said and did, as far as it tells why it ended. */
export interface ForwardEvidence {
  readonly stage: ForwardStage;
  /** Lines of its stderr, newest last. */
  readonly lines: readonly string[];
  readonly exitCode: number | null;
  readonly inputUrl: string;
  readonly destinationUrl: string;
}

const outputFailed = /\[out#0|muxer|muxing|trailer|Error opening output/;
const noConnection =
  /Cannot open connection|Failed to resolve|Connection (?:refused|timed out)|No route to host|Network is unreachable/;
/** What an RTMP server answers when it will not have us, and what libsrt prints at a rejected handshake. */
const refusal =
  /Server error: .*|REJECT(?:ED)?\b.*|rejection HS response.*|connection rejected.*|Unauthorized|NetStream\.Publish\.(?:Denied|BadName)|Authentication (?:failed|error).*/i;

/**
 * Decides from FFmpeg's stderr and from how far it came whose failure ended it.
 *
 * An RTMP destination that closes an open connection before it accepts the publish is taken as a refusal:
 * servers that know neither path nor application close without a word, and a reset is a close too.
 */
export function classifyFailure(evidence: ForwardEvidence): ForwardFailure {
  const { stage, lines, inputUrl, destinationUrl } = evidence;
  const show = (line: string) =>
    scrub(scrub(line, destinationUrl, true), inputUrl, false).replace(/^(?:\[[^\]]*\] *)+/, "");
  const said = lines.findLast((line) => /\[(?:error|fatal)\]/.test(line)) ?? "";
  const scheme = schemeOf(stage === "opening-input" ? inputUrl : destinationUrl);
  if (stage === "opening-input")
    return { side: "input", kind: `${scheme}_connect`, message: show(said) };
  if (stage === "opening-output") {
    // What the server said counts before how the connection ended: the end may overtake the words.
    const refused = lines.find((line) => refusal.test(line));
    if (refused !== undefined)
      return { side: "destination-refuses", kind: deniedKind(scheme), message: show(refused) };
    const unreachable = lines.find((line) => noConnection.test(line));
    if (unreachable !== undefined)
      return { side: "destination-io", kind: `${scheme}_connect`, message: show(unreachable) };
    if (!lines.some((line) => outputFailed.test(line)))
      return { side: "internal", kind: "ffmpeg_exit", message: show(said) };
    return scheme === "srt"
      ? { side: "destination-io", kind: "srt_connect", message: show(said) }
      : {
          side: "destination-refuses",
          kind: deniedKind(scheme),
          message: "the destination closed the connection instead of accepting the publish",
        };
  }
  const broken = lines.find((line) => /\[error\]/.test(line) && outputFailed.test(line));
  if (broken !== undefined)
    return { side: "destination-io", kind: "io_broken", message: show(broken) };
  const inputEnded = evidence.exitCode === 0 || lines.some((line) => /\[in#0/.test(line));
  return inputEnded
    ? { side: "input", kind: "input_ended", message: "the dubbed feed ended" }
    : { side: "internal", kind: "ffmpeg_exit", message: show(said) };
}

/** A run that stood still is ended by us; whose fault it was is read from the stage. */
export function stallFailure(stage: ForwardStage, stalledMs: number): ForwardFailure {
  const what = {
    "opening-input": "the dubbed feed sent nothing that could be read",
    "opening-output": "the destination did not accept the publish",
    forwarding: "no byte went to the destination",
  }[stage];
  const side = stage === "opening-input" ? "input" : "destination-io";
  return { side, kind: "io_timeout", message: `${what} for ${Math.round(stalledMs / 1000)} s` };
}

/**
 * Takes a URL out of a line, and wherever else they are repeated its user, password and query; of a
 * destination also the last path segment, which is the stream key.
 */
export function scrub(line: string, url: string, isDestination: boolean): string {
  const { pathname, search, username, password, host, protocol } = new URL(url);
  const key = isDestination ? (pathname.split("/").at(-1) ?? "") : "";
  const inQuery = [...new URLSearchParams(search).values()];
  const secrets = [search, key, decoded(key), ...inQuery, username, password];
  let shown = line.replaceAll(url, `${protocol}//${host}/***`);
  for (const secret of secrets) if (secret.length >= 3) shown = shown.replaceAll(secret, "***");
  return shown.replaceAll(/ @ 0x[0-9a-f]+/g, "").trim();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % is part of the key itself
  }
}

function deniedKind(scheme: string): string {
  return scheme === "srt" ? "srt_rejected" : "rtmp_publish_denied";
}

function schemeOf(url: string): string {
  const scheme = new URL(url).protocol.slice(0, -1);
  return scheme === "rtmps" ? "rtmp" : scheme === "rtsps" ? "rtsp" : scheme;
}
