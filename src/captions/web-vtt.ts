import type { Cue } from "./cue-layout.ts";

/** Media time that stands at a caption time, as HLS maps them (RFC 8216, section 3.5). */
export interface TimestampMap {
  /** Media time in milliseconds. */
  readonly mediaMs: number;
  /** The captions' own time at that moment. */
  readonly localMs: number;
}

/** MPEG-2 timestamps count 90 kHz in 33 bits. */
const mpegTicksPerMs = 90;
const mpegWrap = 2 ** 33;

/** A WebVTT file with the given cues; with a map, a segment of an HLS rendition. */
export function webVtt(cues: readonly Cue[], map?: TimestampMap): string {
  const header = map === undefined ? "WEBVTT" : `WEBVTT\n${timestampMap(map)}`;
  const blocks = cues.map(
    ({ startMs, endMs, lines }) =>
      `${webVttTime(startMs)} --> ${webVttTime(endMs)}\n${lines.map(escapeWebVtt).join("\n")}`,
  );
  return `${[header, ...blocks].join("\n\n")}\n`;
}

/** Text of a cue with what WebVTT would read as markup, or as a cue's timing line, taken literally. */
function escapeWebVtt(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** `hh:mm:ss.ttt`; hours may have more digits. */
function webVttTime(ms: number): string {
  return clockTime(ms, ".");
}

/** Hours, minutes, seconds and milliseconds. @param ms 0 or more; fractions are rounded */
export function clockTime(ms: number, separator: "." | ","): string {
  const whole = Math.max(0, Math.round(ms));
  const pad = (value: number, digits: number) => String(value).padStart(digits, "0");
  const [hours, minutes, seconds] = [
    Math.floor(whole / 3_600_000),
    Math.floor(whole / 60_000) % 60,
    Math.floor(whole / 1000) % 60,
  ];
  return `${pad(hours, 2)}:${pad(minutes, 2)}:${pad(seconds, 2)}${separator}${pad(whole % 1000, 3)}`;
}

function timestampMap({ mediaMs, localMs }: TimestampMap): string {
  const ticks = Math.round(mediaMs * mpegTicksPerMs) % mpegWrap;
  const mpegTs = ticks < 0 ? ticks + mpegWrap : ticks;
  return `X-TIMESTAMP-MAP=MPEGTS:${mpegTs},LOCAL:${webVttTime(localMs)}`;
}
