import { join } from "node:path";
import { expect, test } from "bun:test";
import { asBytes } from "../../../src/audio/pcm.ts";
import { BedRing } from "../../../src/relay/bed-ring.ts";
import { blockSamples } from "../../../src/relay/block-mixer.ts";
import { LanguageChannel } from "../../../src/relay/language-channel.ts";
import { defaultMixTuning } from "../../../src/relay/mix-tuning.ts";
import { ebur128 } from "../../media/ebur128.ts";
import { mixStems } from "../../media/stems.ts";

const media = join(import.meta.dir, "..", "..", "fixtures", "media");

test("the programme keeps the source's loudness and its true peak stays under −1 dB, by ebur128", async () => {
  const file = (name: string) => join(media, "speech", `${name}.flac`);
  const parts = { bed: join(media, "music.ogg"), snrDb: 15, durationMs: 20_000 };
  const source = await mixStems({
    ...parts,
    sentences: [
      { file: file("LJ001-0001"), startMs: 0 },
      { file: file("jfk"), startMs: 9800 },
    ],
  });
  const spoken = await mixStems({
    ...parts,
    sentences: [
      { file: file("LJ001-0003"), startMs: 0 },
      { file: file("LJ001-0005"), startMs: 9800 },
    ],
  });
  for (const dubDb of [-9, 9]) {
    const channel = new LanguageChannel({
      language: "pt",
      settings: {
        ...{ fallback: "original", withoutBed: "duck", bgGain: 1, dubGain: 1 },
        tuning: defaultMixTuning,
      },
      maxAheadSamples: 1e9,
      onApplied: () => {},
    });
    const end = 20 * 48_000;
    const dub = Int16Array.from({ length: end }, (_, n) =>
      Math.max(-32_768, Math.min(32_767, spoken.speech[2 * n]! * 10 ** (dubDb / 20))),
    );
    channel.receive({ type: "audio", language: "pt", startSample: 0, pcm: asBytes(dub) });
    channel.receive({
      type: "region",
      language: "pt",
      startSample: 0,
      endSample: end,
      kind: "dub",
    });
    const ring = new BedRing(end);
    ring.receive({ type: "bed", startSample: 0, pcm: asBytes(Int16Array.from(source.bed)) }, 0);
    const output = new Int16Array(2 * end);
    for (let at = 0; at < end; at += blockSamples) {
      const original = source.mix.slice(2 * at, 2 * (at + blockSamples));
      const out = channel.nextOutput(at, original, ring.read(at, blockSamples, original));
      if (out !== undefined) output.set(out.pcm, 2 * out.startSample);
    }
    const wanted = await ebur128(source.mix);
    const heard = await ebur128(output);
    expect(Math.abs(heard.lufs - wanted.lufs)).toBeLessThan(1);
    expect(heard.truePeak).toBeLessThanOrEqual(-1);
  }
}, 60_000);
