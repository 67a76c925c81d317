import { join } from "node:path";
import { DubFolder, picturesOf, startDub } from "../../integration/dub/dub-command.ts";
import { ScriptedSidecar } from "../../integration/sts-client/scripted-sidecar.ts";
import { ebur128 } from "../../media/ebur128.ts";
import { decodeSound } from "../../media/flash-beep.ts";
import type { KnownClip } from "../../media/known-clip.ts";
import { dubOver, type KnownDub, sidecarThatSays } from "../../media/known-dub.ts";
import { inBoth, projectParts } from "../../media/leftover.ts";
import { levelDb, readSound, siSdrDb, type Stems } from "../../media/stems.ts";

type Stretches = Stems["said"];

const rateHz = 48_000;
/** With nothing ducked, a pause begins when what the gate takes for speech has ended and the crossfade is over. */
const undubbedAfterMs = 200;
/** The default hold and release of the ducker, and a little more: from then on a pause is the source's again. */
const duckedAfterMs = 1000 + 400 + 50;
/** Before a dub the background goes down within the attack. */
const duckedBeforeMs = 100;

/** What is heard at `out` of a clip that was dubbed, all in dB (loudness in LU, true peak in dBTP). */
export interface SoundFigures {
  /** Original speech at `out` against the source's, while a dub sounds. */
  readonly speechLeft: number;
  /** The same of the sentence in which most was left. */
  readonly speechLeftWorst: number;
  /** SI-SDR of what lies under the dub, with what is left of the speech, against the bed. */
  readonly bedSiSdr: number;
  /** Level of what is neither dub nor left of the speech against the source's bed, while a dub sounds. */
  readonly bedDuringDub: number;
  /** Level of what is heard in pauses, against the source. */
  readonly pauses: number;
  readonly loudness: number;
  readonly truePeak: number;
  /** The coded pictures are the clip's own, byte by byte. */
  readonly samePictures: boolean;
}

/** What `livedub dub` gave. */
interface Dubbed {
  readonly out: Int16Array;
  /** The dub as it is in the sound, interleaved stereo. */
  readonly dubStem: Float32Array;
  readonly samePictures: boolean;
}

/** `livedub dub` of a clip, with a sidecar that says `dub`. */
export async function dubbedSound(
  clip: string,
  dub: KnownDub,
  environment: Record<string, string>,
): Promise<Dubbed> {
  using folder = new DubFolder();
  await using sidecar = new ScriptedSidecar(sidecarThatSays(dub));
  const output = folder.file("out.mp4");
  const stems = folder.file("stems");
  const run = startDub(
    [clip, "-o", output, "--target", "pt", "--stems", stems, "--sts", sidecar.url],
    environment,
  );
  const { code, stderr } = await run.finished;
  if (code !== 0) throw new Error(`livedub dub ended with ${code}\n${stderr}`);
  return {
    out: await decodeSound(output),
    dubStem: await readSound(join(stems, "dub-pt.wav"), 2),
    samePictures: (await picturesOf(output)) === (await picturesOf(clip)),
  };
}

/** @param duckDb how far the bed is lowered under a dub */
export async function soundFigures({
  clip,
  duckDb,
}: {
  readonly clip: KnownClip;
  readonly duckDb: number;
}): Promise<SoundFigures> {
  const { stems } = clip;
  const dub = await dubOver(clip);
  const { out, dubStem, samePictures } = await dubbedSound(clip.path, dub, {
    WORKER_BED_DUCK_DB: String(duckDb),
  });
  const length = stems.mix.length;
  const sound = new Int16Array(length);
  sound.set(out.subarray(0, length));
  const said = new Float32Array(length);
  said.set(dubStem.subarray(0, length));
  const dubbed = dub.clauses.flatMap((one) =>
    one.dub === undefined
      ? []
      : Object.values(one.dub).map(({ start_ms, end_ms }) => ({
          startSample: Math.round(start_ms * 48),
          endSample: Math.round(end_ms * 48),
        })),
  );
  const during = inBoth(stems.said, dubbed);
  const parts = [stems.speech, stems.bed, said] as const;
  const { firstDb, withoutThird, rest } = projectParts(sound, parts, during);
  const each = during.map((one) => projectParts(sound, parts, [one]).firstDb);
  const source = await ebur128(stems.mix);
  const heard = await ebur128(out);
  return {
    speechLeft: firstDb,
    speechLeftWorst: Math.max(...each),
    bedSiSdr: siSdrDb(withoutThird, stems.bed, during),
    bedDuringDub: levelDb(rest, stems.bed, during),
    pauses: levelDb(
      sound,
      stems.mix,
      pausesAfter(stems, duckDb < 0 ? duckedAfterMs : undubbedAfterMs),
    ),
    loudness: heard.lufs - source.lufs,
    truePeak: heard.truePeak,
    samePictures,
  };
}

/** Between the sentences, from so long after the end of one; before the first only what lies before its onset. */
function pausesAfter({ said, mix }: Stems, afterMs: number): Stretches {
  const ends = [0, ...said.map(({ endSample }) => endSample + afterMs * 48)];
  const starts = [...said.map(({ startSample }) => startSample), mix.length / 2 - rateHz / 10];
  return ends.flatMap((startSample, index) => {
    const endSample = starts[index]! - duckedBeforeMs * 48;
    return endSample > startSample ? [{ startSample, endSample }] : [];
  });
}
