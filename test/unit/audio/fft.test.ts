import { expect, test } from "bun:test";
import { Fft } from "../../../src/audio/fft.ts";

test("agrees with the transform's definition, and comes back times the length", () => {
  for (const length of [1, 2, 8, 15, 30, 60, 512, 960]) {
    const re = Float64Array.from({ length }, (_, n) => Math.sin(n * n) + 0.3);
    const im = Float64Array.from({ length }, (_, n) => Math.cos(3 * n + 1));
    const [outRe, outIm] = [re.slice(), im.slice()];
    const fft = new Fft(length);
    fft.forward(outRe, outIm);
    for (let bin = 0; bin < length; bin += length > 64 ? 37 : 1) {
      let real = 0;
      let imaginary = 0;
      for (let n = 0; n < length; n++) {
        const turn = (-2 * Math.PI * bin * n) / length;
        real += re[n]! * Math.cos(turn) - im[n]! * Math.sin(turn);
        imaginary += re[n]! * Math.sin(turn) + im[n]! * Math.cos(turn);
      }
      expect(outRe[bin]!).toBeCloseTo(real, 6);
      expect(outIm[bin]!).toBeCloseTo(imaginary, 6);
    }
    fft.inverse(outRe, outIm);
    for (let n = 0; n < length; n++) expect(outRe[n]! / length).toBeCloseTo(re[n]!, 9);
  }
});

test("refuses lengths with other prime factors", () => {
  expect(() => new Fft(7)).toThrow(RangeError);
});
