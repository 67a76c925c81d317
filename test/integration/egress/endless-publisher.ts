import { words } from "../../../src/media/live-commands.ts";
import { NativeChild } from "../../../src/process/native-child.ts";
import { ffmpegPath } from "../../media/tools.ts";

/** Publishes a clip over and over at its own pace, until stopped. */
export async function publishForever(clip: string, url: string): Promise<NativeChild> {
  return NativeChild.start({
    name: "publisher",
    command: [
      await ffmpegPath(),
      ...words("-hide_banner -loglevel error -nostdin -re -stream_loop -1 -i"),
      clip,
      ...words("-c copy -f flv -flvflags no_duration_filesize"),
      url,
    ],
    terminateWithinMs: 500,
  });
}
