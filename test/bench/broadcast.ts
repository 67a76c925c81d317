import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { soundFigures } from "../media/broadcast-sound.ts";
import { type KnownClip, ownClip, sharedClip } from "../media/known-clip.ts";

const folder = mkdtempSync(join(tmpdir(), "broadcast-"));
const media = process.env["LIVEDUB_MEDIA_DIR"];
const stems = process.env["LIVEDUB_STEMS_DIR"];
const clips: KnownClip[] = media===undefined ? [await ownClip(folder)] : [await sharedClip(media, stems!, "news-60s"), await sharedClip(media, stems!, "match-60s")];
for (const clip of clips) for (const [duck, ducks] of [["0", false],["-6",true]] as const) {
  const f = await soundFigures({clip, environment:{WORKER_BED_DUCK_DB: duck}, ducks});
  console.log(clip.name, duck, f);
}
rmSync(folder, { recursive: true });
