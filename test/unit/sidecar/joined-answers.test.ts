import { describe, expect, test } from "bun:test";
import { FfmpegCodec } from "../../../gpu/codec/ffmpeg-codec.ts";
import { FragmentCodec } from "../../../gpu/codec/fragment-codec.ts";
import { AnswerLine } from "../../../gpu/session/clauses/answer-line.ts";
import { pcm16ToFloat } from "../../../src/audio/pcm.ts";
import { say } from "../clauses/speech.arbitrary.ts";

const dubRateHz = 24_000;
const toneHz = 1000;
const level = 0.5;
/** The clause and its answers reach beyond the joins that are looked at. */
const clauseMs = 8000;
const answers = 20;
/** Two steps of 16 bits, and the ripple of the conversion. */
const mostError = 1e-3;

const codec = new FragmentCodec(
  new FfmpegCodec(() => {
    throw new Error("PCM needs no FFmpeg");
  }),
);

const sine = (atS: number): number => level * Math.sin(2 * Math.PI * toneHz * atS);

/** The dub of a clause that is one tone, as PCM at another rate, one buffer for each fragment. */
async function dubInAnswers(rateHz: number, fragmentMs: number): Promise<Float32Array[]> {
  const line = new AnswerLine({ languages: ["pt"], dubRateHz, holeTimeoutMs: 8000 });
  for (let sequence = 0; sequence < answers; sequence++)
    line.accept({
      fragmentId: `f${sequence}`,
      sequence,
      // As a session has it: its track counts samples of 16 kHz.
      startMs: Math.round(sequence * fragmentMs * 16) / 16,
      endMs: Math.round(sequence * fragmentMs * 16) / 16 + fragmentMs,
      receivedAtMs: 0,
      answerByMs: 60_000,
    });
  const { words } = say("The match", 0, clauseMs / 2);
  const id = line.open({
    words,
    text: "The match",
    startMs: 0,
    endMs: clauseMs,
    reason: "sentence",
    forced: false,
    poorEnd: false,
  });
  const samples = Float32Array.from({ length: (clauseMs * dubRateHz) / 1000 }, (_, i) =>
    sine(i / dubRateHz),
  );
  line.place(id, "pt", { samples, tempo: 1 }, { silences: [] }, (sound) => sound);
  const parts = line
    .advance(1, Number.POSITIVE_INFINITY)
    .flatMap(({ dub }) => dub?.get("pt") ?? []);
  return Promise.all(
    parts.map(async (part) => {
      const target = { format: "pcm_s16le", sampleRateHz: rateHz, channels: 1, maxBytes: 1e9 };
      const { bytes } = await codec.encodePart(
        part,
        dubRateHz,
        target,
        new AbortController().signal,
      );
      return pcm16ToFloat(bytes);
    }),
  );
}

describe("a tone through twenty answers", () => {
  for (const rateHz of [8000, 16_000, 22_050, 24_000, 44_100, 48_000])
    for (const fragmentMs of [320, (1000 * 14_113) / 44_100])
      test(`of ${fragmentMs.toFixed(2)} ms at ${rateHz} Hz is the same tone without a seam, and no longer`, async () => {
        const parts = await dubInAnswers(rateHz, fragmentMs);
        expect(parts).toHaveLength(answers);
        const joined = parts.flatMap((part) => [...part]);
        expect(joined).toHaveLength(Math.round((answers * fragmentMs * rateHz) / 1000));
        for (const part of parts)
          expect(Math.abs(part.length - (fragmentMs * rateHz) / 1000)).toBeLessThanOrEqual(1);
        // The tone's own beginning is an edge.
        const from = Math.round(0.01 * rateHz);
        const errors = joined.map((sample, i) => Math.abs(sample - sine(i / rateHz))).slice(from);
        expect(Math.max(...errors)).toBeLessThan(mostError);
      });
});
