import { join } from "node:path";
import { DubFolder, startDub } from "../integration/dub/dub-command.ts";
import { ScriptedSidecar } from "../integration/sts-client/scripted-sidecar.ts";
import { ebur128 } from "./ebur128.ts";
import { decodeSound } from "./flash-beep.ts";
import type { KnownClip } from "./known-clip.ts";
import { dubOver, type KnownDub, sidecarThatSays } from "./known-dub.ts";
import { inBoth, projectParts } from "./leftover.ts";
import { levelDb, readSound, siSdrDb, type Stems } from "./stems.ts";

type Stretches = Stems["said"];

const rateHz = 48_000;
const filePieceMs = 500;
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
  /** SI-SDR of the bed at `out`, the dub taken off. */
  readonly bedSiSdr: number;
  /** Level of the bed at `out` against the source's, while a dub sounds. */
  readonly bedDuringDub: number;
  /** Level of what is heard in pauses, against the source. */
  readonly pauses: number;
  readonly loudness: number;
  readonly truePeak: number;
}

export interface SoundRun {
  readonly clip: KnownClip;
  readonly environment: Record<string, string>;
  /** How long after a dub the background is still down. */
  readonly ducks: boolean;
}

/** `livedub dub` of a clip, with a sidecar that says `dub`. @returns its sound, and the dub as it is in it, stereo */
export async function dubbedSound(
  clip: string,
  dub: KnownDub,
  environment: Record<string, string>,
): Promise<{ readonly out: Int16Array; readonly dubStem: Float32Array }> {
  using folder = new DubFolder();
  await using sidecar = new ScriptedSidecar(sidecarThatSays(dub, filePieceMs));
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
  };
}

export async function soundFigures({ clip, environment, ducks }: SoundRun): Promise<SoundFigures> {
  const { stems } = clip;
  const dub = await dubOver(clip);
  const { out, dubStem } = await dubbedSound(clip.path, dub, environment);
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
  const { firstDb, withoutThird } = projectParts(sound, parts, during);
  const each = during.map((one) => projectParts(sound, parts, [one]).firstDb);
  const source = await ebur128(stems.mix);
  const heard = await ebur128(out);
  return {
    speechLeft: firstDb,
    speechLeftWorst: Math.max(...each),
    bedSiSdr: siSdrDb(withoutThird, stems.bed, during),
    bedDuringDub: levelDb(withoutThird, stems.bed, during),
    pauses: levelDb(sound, stems.mix, pausesAfter(stems, ducks ? duckedAfterMs : 200)),
    loudness: heard.lufs - source.lufs,
    truePeak: heard.truePeak,
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
