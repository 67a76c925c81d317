import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { DubRequest } from "../../../gpu/inference/engine.ts";
import {
  ffmpeg,
  makeAacFixtures,
  strengthAt,
  type AacFixtures,
} from "../../support/aac-fixtures.ts";
import { ScriptedEngine } from "../../support/scripted-engine.ts";
import { startSidecar, type TestSidecar } from "../../support/sidecar-server.ts";
import { StsClient } from "../../support/sts-client.ts";

let fixtures: AacFixtures;
let server: TestSidecar;
const engine = new ScriptedEngine();

beforeAll(async () => {
  fixtures = await makeAacFixtures();
  server = await startSidecar({ MAX_CONCURRENT_STREAMS: "100" }, { engine });
});
afterAll(() => server[Symbol.asyncDispose]());

const header = { sample_rate_hz: 48_000, channels: 2, duration_ms: 2000 };

async function dub(format: string, bytes: Uint8Array, changes: object = {}) {
  using client = await StsClient.begin(server.url, { stream_id: crypto.randomUUID() });
  const stream_id = client.all("stream:ready")[0].stream_id as string;
  const data_base64 = Buffer.from(bytes).toString("base64");
  const fragment_id = crypto.randomUUID();
  client.fragment(0, {
    stream_id,
    fragment_id,
    audio: { ...header, format, data_base64, ...changes },
  });
  const answer = await client.next("fragment:processed");
  const request = engine.requests.find((one) => one.fragmentId === fragment_id);
  return { answer, request, bytes: Buffer.from(answer.dubbed_audio?.data_base64 ?? "", "base64") };
}

/** The engine heard two seconds: 440 Hz in the first, 1760 Hz in the second. */
function expectTwoTones(request: DubRequest | undefined): void {
  const heard = request?.pcm16k ?? new Float32Array();
  expect(heard.length).toBe(32_000);
  const [first, second] = [heard.subarray(1600, 14_400), heard.subarray(17_600, 30_400)];
  expect(strengthAt(first, 440, 16_000)).toBeGreaterThan(0.3);
  expect(strengthAt(first, 1760, 16_000)).toBeLessThan(0.02);
  expect(strengthAt(second, 1760, 16_000)).toBeGreaterThan(0.3);
  expect(strengthAt(second, 440, 16_000)).toBeLessThan(0.02);
}

describe("2.7 whatever the label says, the bytes decide", () => {
  const disguises: [string, string, keyof AacFixtures][] = [
    ["ADTS called m4a, as the released worker sends it", "m4a", "adts"],
    ["raw AAC frames called m4a", "m4a", "raw"],
    ["an MP4 with its index at the end", "m4a", "mp4"],
    ["an MP4 with its index in front", "m4a", "mp4IndexFirst"],
    ["a fragmented MP4", "m4a", "fragmentedMp4"],
    ["an MP4 called aac", "aac", "mp4"],
    ["an MP4 called m4a_aac", "m4a_aac", "mp4"],
    ["ADTS called aac", "aac", "adts"],
    ["raw AAC frames called aac", "aac", "raw"],
    ["a WAV file", "wav", "wav"],
    ["a WAV file of floats", "wav", "floatWav"],
    ["a WAV file called m4a", "m4a", "wav"],
    ["a WAV file called pcm_s16le", "pcm_s16le", "wav"],
    ["plain PCM", "pcm_s16le", "pcm"],
  ];
  for (const [what, label, fixture] of disguises)
    test(`${what} is heard whole`, async () => {
      const { answer, request } = await dub(label, fixtures[fixture]);
      expect(answer.error).toBeUndefined();
      expect(answer.status).toBe("success");
      expectTwoTones(request);
      expect(answer.dubbed_audio).toMatchObject({ format: label, ...header });
    });

  test("an MP4 too large for a pipe's buffer is heard whole, though its index stands at its end", async () => {
    const { longMp4 } = fixtures;
    expect(longMp4.length).toBeGreaterThan(300_000);
    const { request } = await dub("m4a", longMp4, { channels: 1, duration_ms: 40_000 });
    expect(request?.pcm16k.length).toBe(640_000);
    const tail = request?.pcm16k.subarray(630_000) ?? new Float32Array();
    expect(Math.max(...tail)).toBeGreaterThan(0.1);
  });

  test("float PCM is heard whole", async () => {
    const pcm = await ffmpeg(
      ["-f", "s16le", "-ar", "48000", "-ac", "2", "-i", "-", "-f", "f32le", "-"],
      fixtures.pcm,
    );
    const { request, bytes } = await dub("pcm_f32le", pcm);
    expectTwoTones(request);
    expect(bytes.length).toBe(48_000 * 2 * 4 * 2);
  });
});

describe("2.7 the answer comes in the fragment's own format", () => {
  /** Decodes an answer and expects the engine's tone in it. */
  async function expectTone(bytes: Uint8Array, input: string[]): Promise<void> {
    const decoded = await ffmpeg(
      [...input, "-i", "-", "-ac", "1", "-ar", "16000", "-f", "f32le", "-"],
      bytes,
    );
    const samples = new Float32Array(new Uint8Array(decoded).buffer);
    expect(samples.length).toBeGreaterThanOrEqual(32_000);
    expect(samples.length).toBeLessThanOrEqual(32_000 + 1100);
    expect(strengthAt(samples.subarray(1600, 30_400), 440, 16_000)).toBeGreaterThan(0.4);
  }

  test("m4a is a true MP4 of AAC, its index in front, as long as the fragment", async () => {
    const { bytes } = await dub("m4a", fixtures.adts);
    expect(bytes.subarray(4, 8).toString("latin1")).toBe("ftyp");
    expect(bytes.indexOf("moov")).toBeLessThan(bytes.indexOf("mdat"));
    expect(bytes.includes("mp4a")).toBe(true);
    await expectTone(bytes, ["-f", "mp4"]);
  });

  test("aac is ADTS", async () => {
    const { bytes } = await dub("aac", fixtures.adts);
    expect([bytes[0], (bytes[1] ?? 0) & 0xf6]).toEqual([0xff, 0xf0]);
    await expectTone(bytes, ["-f", "aac"]);
  });

  test("wav is a WAV file", async () => {
    const { bytes } = await dub("wav", fixtures.wav);
    await expectTone(bytes, ["-f", "wav"]);
  });

  for (const [rate, channels] of [
    [8000, 1],
    [22_050, 2],
    [44_100, 2],
    [48_000, 1],
    [96_000, 2],
  ] as const)
    test(`pcm_s16le at ${rate} Hz with ${channels} channels has exactly the fragment's samples`, async () => {
      const pcm = Buffer.alloc(rate * 2 * channels, 1);
      const { answer, bytes } = await dub("pcm_s16le", pcm, {
        sample_rate_hz: rate,
        channels,
        duration_ms: 1000,
      });
      expect(answer.status).toBe("success");
      expect(bytes.length).toBe(pcm.length);
      await expectTone(Buffer.concat([bytes, bytes]), [
        "-f",
        "s16le",
        "-ar",
        `${rate}`,
        "-ac",
        `${channels}`,
      ]);
    });

  test("an odd number of PCM samples comes back as that number", async () => {
    const { bytes } = await dub("pcm_s16le", Buffer.alloc(4 * 44_101), { sample_rate_hz: 44_100 });
    expect(bytes.length).toBe(4 * 44_101);
  });
});

describe("2.7 what cannot be heard is failed INVALID_AUDIO_FORMAT", () => {
  for (const [what, format, bytes] of [
    ["an unknown format", "opus", Buffer.alloc(100)],
    ["text called wav", "wav", Buffer.from("this is not a sound at all")],
    [
      "noise called m4a",
      "m4a",
      Buffer.from(Array.from({ length: 4000 }, (_, i) => (i * 7919) % 251)),
    ],
    [
      "an MP4 that breaks off",
      "m4a",
      Buffer.from([0, 0, 0, 24, 0x66, 0x74, 0x79, 0x70, 1, 2, 3, 4]),
    ],
    ["no bytes", "pcm_s16le", Buffer.alloc(0)],
    ["one byte", "pcm_s16le", Buffer.alloc(1)],
    ["a playlist called m4a", "m4a", Buffer.from("#EXTM3U\nfile:///etc/hostname\n")],
  ] as [string, string, Buffer][])
    test(what, async () => {
      const { answer } = await dub(format, bytes);
      expect(answer.status).toBe("failed");
      expect(answer.error).toMatchObject({ code: "INVALID_AUDIO_FORMAT", retryable: false });
      expect(answer.error.message.length).toBeGreaterThan(10);
    });

  test("an unknown format is refused in echo mode too", async () => {
    await using echo = await startSidecar();
    using client = await StsClient.begin(echo.url);
    client.fragment(0, { audio: { format: "opus" } });
    expect((await client.next("fragment:processed")).error.code).toBe("INVALID_AUDIO_FORMAT");
  });
});

describe("2.1 messages to peers stay below 4 MiB", () => {
  const seconds = 20; // 20 s of 48 kHz stereo PCM are 5.1 MB of base64
  const long = { ...header, duration_ms: seconds * 1000 };

  test("an answer that would be larger leaves as m4a", async () => {
    const { answer, bytes } = await dub("pcm_s16le", Buffer.alloc(192_000 * seconds, 1), long);
    expect(answer.dubbed_audio.format).toBe("m4a");
    expect(bytes.subarray(4, 8).toString("latin1")).toBe("ftyp");
    expect(JSON.stringify(answer).length).toBeLessThan(4_194_304);
  });

  test("an echo that would be larger leaves as m4a; a smaller one is untouched", async () => {
    await using echo = await startSidecar();
    using client = await StsClient.begin(echo.url);
    for (const [sequence, length] of [seconds, 15].entries()) {
      const data_base64 = Buffer.alloc(192_000 * length, 1).toString("base64");
      client.fragment(sequence, { audio: { ...long, duration_ms: length * 1000, data_base64 } });
    }
    const [large, small] = await client.count("fragment:processed", 2);
    expect(large.dubbed_audio.format).toBe("m4a");
    expect(JSON.stringify(large).length).toBeLessThan(4_194_304);
    expect(small.dubbed_audio.format).toBe("pcm_s16le");
    expect(small.dubbed_audio.data_base64.length).toBe(15 * 256_000);
  });

  test("our own client, which takes attachments, gets PCM of any length", async () => {
    using client = await StsClient.begin(server.url, {
      stream_id: "long",
      config: { binary_audio: true },
    });
    const data = Buffer.alloc(192_000 * seconds, 1);
    client.fragment(0, { stream_id: "long", audio: { ...long, data_base64: undefined, data } });
    const answer = await client.next("fragment:processed");
    expect(answer.dubbed_audio.format).toBe("pcm_s16le");
    expect(answer.dubbed_audio.data.byteLength).toBe(192_000 * seconds);
  });
});

test("without FFmpeg PCM is still served, and AAC is refused by name", async () => {
  await using bare = await startSidecar(
    { FFMPEG_BIN: "/nonexistent/ffmpeg" },
    { engine: new ScriptedEngine() },
  );
  using client = await StsClient.begin(bare.url);
  const data_base64 = Buffer.from(fixtures.adts).toString("base64");
  client.fragment(0, { audio: { ...header, format: "m4a", data_base64 } });
  client.fragment(1);
  const [aac, pcm] = await client.count("fragment:processed", 2);
  expect(aac.error.message).toContain("FFmpeg");
  expect(pcm.status).toBe("success");
});
