import { loadOnnxRuntime, openSession, outputOf } from "../onnx/runtime.ts";
import { type Spectrum, ShortTimeFourier, vorbisWindow } from "./spectrum.ts";
import type { SpeechNet } from "./speech-net.ts";

const rateHz = 48_000;
const size = 960;
const hop = 480;
const erbBands = 32;
/** Bins (50 Hz each) that the deep filter works on; above them the band gains act. */
const filteredBins = 96;
const filterOrder = 5;
/** Frames that the net looks ahead, in its features and in its filter. */
const lookahead = 2;
/** Of the features' running means: time constant 1 s at 100 frames a second. */
const meanDecay = 0.99;
/** The spectrum's scale that the net was trained with. */
const spectrumScale = (2 * hop) / (size * size);

/**
 * DeepFilterNet3 (Schröter et al., 2023; MIT or Apache-2.0) as exported by its project: an encoder, a
 * decoder of 32 band gains and one of a five-tap complex filter below 4.8 kHz.
 *
 * @param files paths of `enc.onnx`, `erb_dec.onnx`, `df_dec.onnx`
 * @throws {ModelFileError}
 */
export async function openDeepFilterNet(files: readonly string[]): Promise<SpeechNet> {
  const runtime = await loadOnnxRuntime();
  const [encoder, gains, filter] = (await Promise.all(files.map((file) => openSession(file)))) as [
    Session,
    Session,
    Session,
  ];
  const fourier = new ShortTimeFourier(size, hop, vorbisWindow(size));
  return {
    name: "dfn3",
    rateHz,
    contextMs: { before: 500, after: 500 },
    warmUps: 0,
    async estimate(samples) {
      const spectrum = fourier.forward(samples);
      const { frames } = spectrum;
      const bands = new runtime.Tensor("float32", bandFeatures(spectrum), [1, 1, frames, erbBands]);
      const bins = new runtime.Tensor("float32", binFeatures(spectrum), [
        1,
        2,
        frames,
        filteredBins,
      ]);
      const heard = await encoder.run({ feat_erb: bands, feat_spec: bins });
      const of = (name: string) => outputOf(heard, name);
      const [emb, e0, e1, e2, e3, c0] = [
        of("emb"),
        of("e0"),
        of("e1"),
        of("e2"),
        of("e3"),
        of("c0"),
      ];
      const mask = outputOf(await gains.run({ emb, e3, e2, e1, e0 }), "m");
      const taps = outputOf(await filter.run({ emb, c0 }), "coefs");
      const speech = filtered(spectrum, mask.data as Float32Array, taps.data as Float32Array);
      return fourier.inverse(speech, samples.length);
    },
    async close() {
      await Promise.all([encoder.release(), gains.release(), filter.release()]);
    },
  };
}

type Session = Awaited<ReturnType<typeof openSession>>;

/** Widths in bins of the bands, equal on the ERB scale (Glasberg and Moore), at least two bins each. */
const bandWidths = erbWidths();

function erbWidths(): number[] {
  const q = 9.265;
  const toErb = (hz: number) => q * Math.log1p(hz / (24.7 * q));
  const toHz = (erb: number) => 24.7 * q * Math.expm1(erb / q);
  const step = toErb(rateHz / 2) / erbBands;
  const widths: number[] = [];
  let previous = 0;
  let over = 0;
  for (let band = 1; band <= erbBands; band++) {
    const edge = Math.round(toHz(band * step) / (rateHz / size));
    const width = edge - previous - over;
    over = Math.max(0, 2 - width);
    widths.push(Math.max(2, width));
    previous = edge;
  }
  const total = widths.reduce((sum, width) => sum + width, 0);
  widths[erbBands - 1]! += size / 2 + 1 - total;
  return widths;
}

/** Band powers in dB, their running mean taken off. Row t holds frame t + lookahead. */
function bandFeatures({ frames, bins, re, im }: Spectrum): Float32Array {
  const features = new Float32Array(frames * erbBands);
  const levels = new Float32Array(frames * erbBands);
  for (let frame = 0; frame < frames; frame++) {
    let bin = frame * bins;
    for (let band = 0; band < erbBands; band++) {
      const width = bandWidths[band]!;
      let power = 0;
      for (let n = 0; n < width; n++, bin++) power += re[bin]! * re[bin]! + im[bin]! * im[bin]!;
      const mean = (power / width) * spectrumScale * spectrumScale;
      levels[frame * erbBands + band] = 10 * Math.log10(mean + 1e-10);
    }
  }
  for (let band = 0; band < erbBands; band++) {
    let mean = -60 - (30 * band) / (erbBands - 1);
    for (let frame = 0; frame < frames; frame++) {
      const level = levels[frame * erbBands + band]!;
      mean = level * (1 - meanDecay) + mean * meanDecay;
      if (frame >= lookahead) features[(frame - lookahead) * erbBands + band] = (level - mean) / 40;
    }
  }
  return features;
}

/** The lowest bins, divided by the root of their running mean magnitude: real parts, then imaginary ones. */
function binFeatures({ frames, bins, re, im }: Spectrum): Float32Array {
  const features = new Float32Array(2 * frames * filteredBins);
  for (let bin = 0; bin < filteredBins; bin++) {
    let mean = 0.001 - (0.0009 * bin) / (filteredBins - 1);
    for (let frame = 0; frame < frames; frame++) {
      const real = re[frame * bins + bin]! * spectrumScale;
      const imaginary = im[frame * bins + bin]! * spectrumScale;
      mean = Math.hypot(real, imaginary) * (1 - meanDecay) + mean * meanDecay;
      if (frame < lookahead) continue;
      const row = (frame - lookahead) * filteredBins + bin;
      features[row] = real / Math.sqrt(mean);
      features[frames * filteredBins + row] = imaginary / Math.sqrt(mean);
    }
  }
  return features;
}

/** The spectrum under the band gains, and below {@link filteredBins} under the complex filter instead. */
function filtered(
  { frames, bins, re, im }: Spectrum,
  mask: Float32Array,
  taps: Float32Array,
): Spectrum {
  const outRe = new Float32Array(re.length);
  const outIm = new Float32Array(im.length);
  for (let frame = 0; frame < frames; frame++) {
    let bin = 0;
    for (let band = 0; band < erbBands; band++) {
      const gain = mask[frame * erbBands + band]!;
      for (let n = 0; n < bandWidths[band]!; n++, bin++) {
        if (bin < filteredBins) continue;
        outRe[frame * bins + bin] = re[frame * bins + bin]! * gain;
        outIm[frame * bins + bin] = im[frame * bins + bin]! * gain;
      }
    }
    for (let low = 0; low < filteredBins; low++) {
      let real = 0;
      let imaginary = 0;
      for (let tap = 0; tap < filterOrder; tap++) {
        const source = frame + tap - (filterOrder - 1 - lookahead);
        if (source < 0 || source >= frames) continue;
        const at = ((frame * filteredBins + low) * filterOrder + tap) * 2;
        const [cr, ci] = [taps[at]!, taps[at + 1]!];
        const [xr, xi] = [re[source * bins + low]!, im[source * bins + low]!];
        real += cr * xr - ci * xi;
        imaginary += cr * xi + ci * xr;
      }
      outRe[frame * bins + low] = real;
      outIm[frame * bins + low] = imaginary;
    }
  }
  return { frames, bins, re: outRe, im: outIm };
}
