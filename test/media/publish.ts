import { words } from "../../src/media/live-commands.ts";
import { NativeChild } from "../../src/process/native-child.ts";
import { ffmpegPath } from "./tools.ts";

/** Publishes a clip over RTMP at its own pace, as an encoder would. The caller stops it. */
export async function publishClip(clip: string, url: string): Promise<NativeChild> {
  return NativeChild.start({
    name: "publisher",
    command: [
      await ffmpegPath(),
      ...words("-hide_banner -loglevel error -nostdin -re -i"),
      clip,
      ...words("-c copy -rtmp_enhanced_codecs hvc1,av01,vp09 -f flv"),
      ...words("-flvflags no_duration_filesize"),
      url,
    ],
    terminateWithinMs: 500,
  });
}
