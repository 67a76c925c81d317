import { StampedPcmParser } from "../media/stamped-pcm.ts";
import { SoundPlacer, type PlacedSound } from "./sound-placer.ts";

/** Sound goes on in pieces of at most 100 ms. */
const pieceSamples = 4800;

/**
 * A file's sound without a hole, from its beginning on: interleaved stereo in pieces of at most 100 ms.
 *
 * @param bytes stamped PCM, as a decoder writes it
 * @param startSample the stamp of the file's beginning
 * @throws {StampedPcmError} when the bytes are something else
 */
export async function* placedSound(
  bytes: AsyncIterable<Uint8Array>,
  startSample: number,
): AsyncGenerator<Int16Array> {
  const parser = new StampedPcmParser(startSample);
  const placed: PlacedSound[] = [];
  const placer = new SoundPlacer((at, samples) => placed.push({ startSample: at, samples }));
  let end = 0;
  const pieces = function* () {
    for (const { startSample: at, samples } of placed.splice(0)) {
      for (; end < at; end += Math.min(at - end, pieceSamples))
        yield new Int16Array(2 * Math.min(at - end, pieceSamples));
      for (let from = 0; from < samples.length; from += 2 * pieceSamples)
        yield samples.slice(from, from + 2 * pieceSamples);
      end = at + samples.length / 2;
    }
  };
  for await (const chunk of bytes) {
    for (const { stampSample, samples } of parser.push(chunk))
      placer.push(stampSample - startSample, samples);
    placer.flow();
    yield* pieces();
  }
  placer.end();
  yield* pieces();
}
