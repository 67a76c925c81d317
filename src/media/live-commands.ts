import { stampedPcmOptions } from "./stamped-pcm.ts";

/**
 * Command lines of the two FFmpegs around a relay, and why each option is there. The pull gives video
 * packets on file descriptor 3 (FLV) and sound on 4 (stereo s16le at 48 kHz, with its stamps); the push takes
 * the same, its sound without stamps.
 */

/** The pull adds this to every video stamp, so that the FLV muxer never shifts video against the PCM. */
export const pullStampOffsetMs = 10_000;
/** Descriptors of the pipes, the same on both sides; further sound tracks of a push follow the first. */
export const videoPipe = 3;
export const audioPipe = 4;

/** All pipes of a push. */
export function pushPipes(soundTracks: number): number[] {
  return [videoPipe, ...Array.from({ length: soundTracks }, (_, track) => audioPipe + track)];
}

/** Codecs that plain RTMP does not know and enhanced RTMP carries. */
const enhancedCodecs = "hvc1,av01,vp09,Opus";

/**
 * The sound of every output. Of speech over a crowd or music the fast coder keeps the waveform 7 dB closer than the
 * default one does at the same rate, in half its time; but at 128k it leaves out what is quiet above 12 kHz, which
 * dulls a crowd, and at 192k hardly any of it.
 */
export const soundCoding = words("-c:a aac -aac_coder fast -b:a 192k");

const quiet = words("-hide_banner -loglevel error -nostdin");

/** Which tracks the input has; a stream without sound is pulled for its picture alone. */
export type PulledTracks = "video+audio" | "video";

/**
 * How long FFmpeg looks for the tracks. It ends at once when it has found them, but with one track missing it
 * waits to the end; a picture alone begins with its IDR, so it need not wait.
 */
const probeSeconds: Readonly<Record<PulledTracks, number>> = { "video+audio": 15, video: 1 };

/**
 * Pulls a live RTMP input. The large probe limits cost nothing (probing ends when the parameters are
 * known) and survive a first IDR that is 8 s away, as x264's default GOP makes it. No `nobuffer`: it
 * throws away what was read while probing, and with it the first IDR.
 */
export function pullCommand(ffmpeg: string, inputUrl: string, tracks: PulledTracks): string[] {
  const video = words(
    `-map 0:v:0 -c:v copy -output_ts_offset ${pullStampOffsetMs / 1000} -flush_packets 1
     -f flv -flvflags no_duration_filesize pipe:${videoPipe}`,
  );
  return [
    ffmpeg,
    ...quiet,
    ...words(`-analyzeduration ${probeSeconds[tracks]}000000 -probesize 20000000 -fpsprobesize 0`),
    ...words(`-rtmp_enhanced_codecs ${enhancedCodecs} -rtmp_live live -i`),
    inputUrl,
    ...video,
    ...(tracks === "video+audio" ? stampedPcmOptions(audioPipe) : []),
  ];
}

/**
 * Pushes delayed video packets, copied, and mixed sound as AAC. `-copyts` keeps our stamps, which begin
 * at 0; the output offset keeps the AAC priming (21 ms) from going below it, and is no more than that,
 * because a path that is always there turns a late first stamp into a hole.
 *
 * @param soundTracks several need an FFmpeg that speaks multitrack RTMP (8 and newer)
 */
export function pushCommand(ffmpeg: string, outputUrl: string, soundTracks = 1): string[] {
  const tracks = Array.from({ length: soundTracks }, (_, track) => track);
  return [
    ffmpeg,
    ...quiet,
    "-copyts",
    ...words("-thread_queue_size 512 -fflags nobuffer -analyzeduration 0 -probesize 32"),
    ...words(`-f flv -i pipe:${videoPipe}`),
    ...tracks.flatMap((track) =>
      words(
        `-thread_queue_size 512 -analyzeduration 0 -probesize 32
         -f s16le -ar 48000 -ac 2 -i pipe:${audioPipe + track}`,
      ),
    ),
    ...words("-map 0:v -c:v copy"),
    ...soundCoding,
    ...tracks.flatMap((track) => words(`-map ${track + 1}:a`)),
    ...words("-output_ts_offset 0.05 -max_interleave_delta 500000 -flush_packets 1"),
    ...words(`-rtmp_enhanced_codecs ${enhancedCodecs} -f flv -flvflags no_duration_filesize`),
    outputUrl,
  ];
}

/** How long a filler file is; the media server plays it in a loop. */
export const fillerSeconds = 2;

/** Makes a filler file of pictures in FLV on standard input and silence, in the layout that pushes have. */
export function fillerCommand(ffmpeg: string, path: string): string[] {
  return [
    ffmpeg,
    ...quiet,
    ...words("-y -f flv -i pipe:0 -f lavfi -i anullsrc=r=48000:cl=stereo"),
    ...words(`-t ${fillerSeconds} -map 0:v -map 1:a -c:v copy`),
    ...soundCoding,
    ...words("-f mp4"),
    path,
  ];
}

/** Constant options, written as on a command line; what comes from outside is never put through this. */
export function words(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== "");
}
