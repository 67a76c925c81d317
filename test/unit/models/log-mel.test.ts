import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LogMel, hzToMel, melToHz } from "../../../gpu/models/whisper/log-mel.ts";
import { PowerSpectrum } from "../../../gpu/models/whisper/power-spectrum.ts";

/** Two tones, 0.1 s: 440 Hz at 0.5 and 3 kHz at 0.25. */
const tones = Float32Array.from(
  { length: 1600 },
  (_, n) =>
    0.5 * Math.sin((2 * Math.PI * 440 * n) / 16_000) +
    0.25 * Math.sin((2 * Math.PI * 3000 * n) / 16_000 + 1),
);

describe("the log-mel spectrogram", () => {
  // Computed apart from our code, in double precision, by the definition: an explicit discrete Fourier
  // sum of each reflected, windowed frame, and librosa's triangular filters.
  const known: [bands: number, frames: number, band: number, frame: number, value: number][] = [
    [80, 10, 0, 0, 0.990632],
    [80, 10, 11, 5, 1.438204],
    [80, 10, 12, 5, 1.293523],
    [80, 10, 40, 4, -0.561796],
    [80, 10, 50, 9, 0.14714],
    [80, 10, 79, 9, -0.24134],
    [80, 14, 50, 9, 0.009886],
    [80, 14, 79, 0, 0.16314],
    [80, 14, 30, 13, -0.561796],
    [128, 10, 0, 0, 0.914872],
    [128, 10, 18, 2, 1.485354],
    [128, 10, 80, 9, 0.140023],
    [128, 10, 30, 9, 0.401186],
  ];
  test.each(known)(
    "of %d bands and %d frames: band %d of frame %d",
    (bands, frames, band, t, value) => {
      const features = new LogMel(bands).compute(tones, frames);
      expect(features.length).toBe(bands * frames);
      expect(features[band * frames + t]).toBeCloseTo(value, 4);
    },
  );

  test("has the mean that the definition gives, over all cells", () => {
    const features = new LogMel(80).compute(tones, 14);
    expect(features.reduce((sum, value) => sum + value, 0) / features.length).toBeCloseTo(
      -0.213178,
      4,
    );
  });

  test("of silence is flat", () => {
    expect(new Set(new LogMel(80).compute(new Float32Array(1600), 10)).size).toBe(1);
  });

  test("does not change when silence is spelt out instead of padded", () => {
    const spelt = new Float32Array(4800);
    spelt.set(tones);
    const mel = new LogMel(80);
    expect(mel.compute(tones, 30)).toEqual(mel.compute(spelt, 30));
  });
});

describe("the Slaney mel scale", () => {
  test("is linear to 1 kHz, which is mel 15", () => {
    expect(hzToMel(1000)).toBe(15);
    expect(hzToMel(500)).toBeCloseTo(7.5, 12);
    expect(hzToMel(6400)).toBeCloseTo(42, 10); // 27 steps from 1 to 6.4 kHz
  });
  test("is undone by its inverse", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 8000, noNaN: true }), (hz) => {
        expect(melToHz(hzToMel(hz))).toBeCloseTo(hz, 6);
      }),
    );
  });
});

test("the power spectrum is the squared discrete Fourier transform, for lengths 2^a·odd", () => {
  const lengths = fc.constantFrom(2, 6, 20, 48, 100);
  fc.assert(
    fc.property(
      lengths.chain((length) =>
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
          minLength: length,
          maxLength: length,
        }),
      ),
      (frame) => {
        const spectrum = new PowerSpectrum(frame.length);
        const power = new Float64Array(spectrum.bins);
        spectrum.compute(Float64Array.from(frame), power);
        for (let k = 0; k <= frame.length / 2; k++) {
          let re = 0;
          let im = 0;
          for (const [n, sample] of frame.entries()) {
            re += sample * Math.cos((2 * Math.PI * k * n) / frame.length);
            im -= sample * Math.sin((2 * Math.PI * k * n) / frame.length);
          }
          expect(power[k]).toBeCloseTo(re * re + im * im, 8);
        }
      },
    ),
    { numRuns: 40 },
  );
});
