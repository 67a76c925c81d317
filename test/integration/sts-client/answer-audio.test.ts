import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveFfmpeg } from "../../../src/media/ffmpeg-binary.ts";
import type { StsAudio } from "../../../src/protocol/sts-audio.ts";
import { decodeAnswerAudio } from "../../../src/sts/answer-audio.ts";

const rateHz = 48_000;
const { path: ffmpeg } = await resolveFfmpeg(process.env);
const ffmpegPath = () => Promise.resolve(ffmpeg);

/** A second of a 440 Hz tone as FFmpeg writes it, with the format's options. */
async function tone(extension: string, ...options: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const folder = mkdtempSync(join(tmpdir(), "livedub-answer-"));
  try {
    const file = join(folder, `tone.${extension}`);
    const child = Bun.spawn([
      ...[ffmpeg, "-v", "error", "-f", "lavfi", "-i", "sine=440:duration=1:sample_rate=48000"],
      ...[...options, file],
    ]);
    expect(await child.exited).toBe(0);
    return await Bun.file(file).bytes();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function audio(
  format: string,
  data: Uint8Array<ArrayBuffer>,
  changes: Partial<StsAudio> = {},
): StsAudio {
  return {
    format,
    sample_rate_hz: rateHz,
    channels: 1,
    duration_ms: 1000,
    data_base64: undefined,
    data,
    speech: undefined,
    ...changes,
  };
}

/** Zero crossings upwards a second: the pitch of a pure tone. */
function pitchOf(samples: Int16Array): number {
  let crossings = 0;
  for (let i = 1; i < samples.length; i++) if (samples[i - 1]! < 0 && samples[i]! >= 0) crossings++;
  return crossings / (samples.length / rateHz);
}

test.each([
  ["m4a", "m4a", ["-c:a", "aac", "-ac", "2"]],
  ["m4a", "aac", ["-c:a", "aac"]], // ADTS under a wrong label, as released workers send it
  ["wav", "wav", ["-ar", "22050"]],
] as const)(
  "an answer labelled %s made as %s is decoded to the stream's rate",
  async (format, extension, options) => {
    const samples = await decodeAnswerAudio(
      audio(format, await tone(extension, ...options)),
      rateHz,
      ffmpegPath,
    );
    expect(Math.abs(samples.length - rateHz)).toBeLessThan(0.1 * rateHz);
    expect(Math.abs(pitchOf(samples) - 440)).toBeLessThan(45);
  },
);

test("PCM is resampled and mixed down without FFmpeg", async () => {
  const stereo = Int16Array.from({ length: 2 * 24_000 }, (_, i) =>
    Math.round(9000 * Math.sin((2 * Math.PI * 440 * (i >> 1)) / 24_000)),
  );
  const samples = await decodeAnswerAudio(
    audio("pcm_s16le", new Uint8Array(stereo.buffer), { sample_rate_hz: 24_000, channels: 2 }),
    rateHz,
    () => Promise.reject(new Error("not needed")),
  );
  expect(samples.length).toBe(rateHz);
  expect(Math.abs(pitchOf(samples) - 440)).toBeLessThan(3);
});

test.each([
  ["no bytes", audio("pcm_s16le", new Uint8Array(0))],
  ["half a sample", audio("pcm_s16le", new Uint8Array(7))],
  [
    "base64 that is none",
    { ...audio("pcm_s16le", new Uint8Array(2)), data: undefined, data_base64: "@@@@" },
  ],
  ["rubbish as m4a", audio("m4a", new Uint8Array(4096).fill(7))],
])("%s is refused", async (_name, bad) => {
  const decoding = decodeAnswerAudio(bad, rateHz, ffmpegPath);
  await expect(decoding).rejects.toMatchObject({ name: "AnswerAudioError" });
});
