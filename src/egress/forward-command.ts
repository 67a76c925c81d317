/**
 * FFmpeg's command line that forwards one feed untouched: no decode, no encode, the same access units.
 *
 * Probing ends as soon as the parameters are known, so its limits are generous: with small ones a reader
 * of `out` fails whenever the next IDR is further away. Each push begins near time 0, as an encoder's
 * would: some servers turn a late first stamp into a hole.
 */
export function forwardCommand(options: {
  readonly ffmpegPath: string;
  readonly inputUrl: string;
  readonly destinationUrl: string;
}): string[] {
  const { ffmpegPath, inputUrl, destinationUrl } = options;
  const container = destinationUrl.startsWith("srt:")
    ? ["-f", "mpegts"]
    : [...enhancedRtmp(destinationUrl), "-flvflags", "no_duration_filesize", "-f", "flv"];
  const quiet = ["-nostdin", "-hide_banner", "-loglevel", "level+info", "-nostats"];
  const progress = ["-stats_period", "0.5", "-progress", "pipe:1"];
  const probing = ["-fflags", "nobuffer", "-analyzeduration", "15000000", "-probesize", "20000000"];
  const transport = inputUrl.startsWith("rtsp")
    ? ["-rtsp_transport", "tcp"]
    : enhancedRtmp(inputUrl);
  const copy = ["-map", "0:v?", "-map", "0:a?", "-c", "copy"];
  const timing = ["-avoid_negative_ts", "make_zero", "-max_interleave_delta", "500000"];
  const input = [...quiet, ...progress, ...probing, ...transport, "-i", inputUrl];
  return [
    ffmpegPath,
    ...input,
    ...copy,
    ...timing,
    "-flush_packets",
    "1",
    ...container,
    destinationUrl,
  ];
}

/** Tells an RTMP peer that HEVC, AV1, VP9 and Opus may pass (enhanced RTMP). */
function enhancedRtmp(url: string): string[] {
  return url.startsWith("rtmp") ? ["-rtmp_enhanced_codecs", "hvc1,av01,vp09,Opus"] : [];
}
