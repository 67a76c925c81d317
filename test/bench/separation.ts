/**
 * How well each separation net takes the speech out of a sound whose parts are known, and what it costs.
 *
 * usage: LIVEDUB_MEDIA_DIR=DIR bun test/bench/separation.ts [NET…]
 *
 * DIR holds `clips/NAME.json` (sentences with start_ms and file, bed, snr_db, duration_ms), `speech/` and
 * `beds/`; DIR may also be that `clips` folder. Without it: the repository's own fixtures. Nets whose weights
 * are not in the models folder are left out. The gate decides where speech is, as in a stream.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { BedRing } from "../../src/relay/bed-ring.ts";
import { chooseNet, openNet, presentNets } from "../../src/separation/choose-net.ts";
import { netNames } from "../../src/separation/speech-net.ts";
import { separated } from "../media/separated.ts";
import { levelDb, mixStems, pausesOf, projectionDb, siSdrDb, type Stems } from "../media/stems.ts";

const clip = z.object({
  duration_ms: z.number(),
  bed: z.string(),
  snr_db: z.number(),
  sentences: z.array(z.object({ start_ms: z.number(), file: z.string() })),
});

async function sharedClip(media: string, name: string): Promise<Stems> {
  const { duration_ms, bed, snr_db, sentences } = clip.parse(
    await Bun.file(join(media, "clips", `${name}.json`)).json(),
  );
  return mixStems({
    sentences: sentences.map(({ start_ms, file }) => ({
      startMs: start_ms,
      file: join(media, "speech", file),
    })),
    bed: join(media, "beds", bed),
    snrDb: snr_db,
    durationMs: duration_ms,
  });
}

function ownClip(): Promise<Stems> {
  const folder = join(import.meta.dir, "..", "fixtures", "media");
  return mixStems({
    sentences: [
      { file: join(folder, "speech", "LJ001-0002.flac"), startMs: 3000 },
      { file: join(folder, "speech", "jfk.flac"), startMs: 7000 },
    ],
    bed: join(folder, "music.ogg"),
    snrDb: 10,
    durationMs: 22_000,
  });
}

async function measure(name: string, stems: Stems, wish: (typeof netNames)[number]) {
  const found = await chooseNet(wish, process.env);
  if (found === undefined) throw new Error(`${wish} is not there`);
  const net = await openNet(found);
  let workedMs = 0;
  let heardSamples = 0;
  const timed = {
    ...net,
    async estimate(samples: Float32Array) {
      const startedMs = performance.now();
      const speech = await net.estimate(samples);
      workedMs += performance.now() - startedMs;
      heardSamples += samples.length;
      return speech;
    },
  };
  const { messages, counters } = await separated(stems.mix, timed);
  const bed = new BedRing(stems.mix.length / 2);
  for (const message of messages)
    if (message.type === "bed" || message.type === "bed-stretch") bed.receive(message, 0);
  const result = bed.read(0, stems.mix.length / 2, stems.mix)?.samples ?? stems.mix;
  const pauses = pausesOf(stems, 700);
  const separatedMs = counters.get("bed_separated_ms");
  return {
    clip: name,
    net: wish,
    "speech left, dB": projectionDb(residue(result, stems.bed), stems.speech, stems.said).toFixed(
      1,
    ),
    "SI-SDR of the bed, dB": siSdrDb(result, stems.bed, stems.said).toFixed(1),
    "bed while speaking, dB": levelDb(result, stems.bed, stems.said).toFixed(2),
    "bed in pauses, dB": levelDb(result, stems.bed, pauses).toFixed(2),
    "net's real-time factor": (workedMs / ((heardSamples / net.rateHz) * 1000)).toFixed(3),
    "of a core while speaking": (workedMs / separatedMs).toFixed(3),
  };
}

/** What is in the result and not in the bed: what the net left of the speech, and what it took too much. */
function residue(result: Int16Array, bed: Float32Array): Float32Array {
  return Float32Array.from(result, (sample, n) => sample - bed[n]!);
}

const given = process.env["LIVEDUB_MEDIA_DIR"];
const media = given !== undefined && basename(given) === "clips" ? dirname(given) : given;
const names = ["news-60s", "match-60s"].filter((name) =>
  existsSync(join(media ?? "", "clips", `${name}.json`)),
);
const clips =
  media === undefined
    ? [{ name: "fixtures", stems: await ownClip() }]
    : await Promise.all(
        names.map(async (name) => ({ name, stems: await sharedClip(media, name) })),
      );
if (clips.length === 0) throw new Error(`LIVEDUB_MEDIA_DIR=${given}: has no clips/news-60s.json`);
const wishes = process.argv.slice(2);
const present = presentNets(process.env);
const wanted = wishes.length > 0 ? netNames.filter((net) => wishes.includes(net)) : present;
const rows: Record<string, string>[] = [];
for (const { name, stems } of clips)
  for (const net of wanted) rows.push(await measure(name, stems, net));
console.table(rows);
