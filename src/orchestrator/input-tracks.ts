/** Tracks as MediaMTX names them that pass through RTMP to the relay and out again. */
const carriedVideo = new Set(["H264", "H265", "AV1", "VP9"]);
const carriedAudio = new Set([
  ...["MPEG-4 Audio", "MPEG-4 Audio LATM", "Opus", "MPEG-1/2 Audio", "AC3", "G711", "LPCM"],
]);
const videoNames = new Set([...carriedVideo, "VP8", "MPEG-4 Video", "MPEG-1/2 Video", "M-JPEG"]);
const notMedia = new Set(["KLV"]);

/**
 * What of a publisher's tracks livedub cannot carry, with what would be right; undefined when all is well.
 * A track that is missing is for the relay to tell.
 */
export function unsupportedTracks(tracks: readonly string[]): string | undefined {
  const video = tracks.filter((track) => videoNames.has(track));
  const audio = tracks.filter((track) => !videoNames.has(track) && !notMedia.has(track));
  const problems: string[] = [];
  if (video.length > 0 && !video.some((track) => carriedVideo.has(track)))
    problems.push(`${video.join(", ")} cannot be carried: publish H.264, or H.265`);
  if (audio.length > 0 && !audio.some((track) => carriedAudio.has(track)))
    problems.push(`sound in ${audio.join(", ")} cannot be carried: publish AAC, or Opus`);
  return problems.length === 0 ? undefined : problems.join("; ");
}
