import { NativeChild } from "../process/native-child.ts";

/** Publishes a clip over RTMP as an encoder would: in real time, again and again, untouched. */
export function publishClip(ffmpeg: string, clip: string, url: string): Promise<NativeChild> {
  const input = ["-re", "-stream_loop", "-1", "-i", clip];
  const output = ["-map", "0:v:0", "-map", "0:a:0", "-c", "copy", "-f", "flv"];
  return startQuiet("encoder", ffmpeg, [
    ...input,
    ...output,
    ...["-flvflags", "no_duration_filesize", url],
  ]);
}

/** Records what viewers get, untouched; SIGTERM ends the file properly. */
export function recordOutput(ffmpeg: string, url: string, file: string): Promise<NativeChild> {
  // The first IDR may be seconds away: FFmpeg's own probe limits are too short for that.
  const input = ["-analyzeduration", "15000000", "-probesize", "20000000", "-i", url];
  return startQuiet("recorder", ffmpeg, [...input, "-c", "copy", "-y", file]);
}

function startQuiet(name: string, ffmpeg: string, args: string[]): Promise<NativeChild> {
  return NativeChild.start({
    name,
    command: [ffmpeg, "-hide_banner", "-nostdin", "-loglevel", "error", ...args],
  });
}
