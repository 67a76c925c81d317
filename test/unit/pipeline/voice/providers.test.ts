import { afterEach, describe, expect, test } from "bun:test";
import { writeWav } from "../../../../gpu/codec/wav.ts";
import { EngineError } from "../../../../gpu/inference/engine-error.ts";
import { ElevenLabsVoice } from "../../../../gpu/pipeline/voice/elevenlabs-voice.ts";
import { OpenAiVoice } from "../../../../gpu/pipeline/voice/openai-voice.ts";

const key = "sk-never-shown";
const pcm = new Uint8Array(Int16Array.from({ length: 4800 }, (_, n) => (n % 100) * 100).buffer);
const servers: Bun.Server<undefined>[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

function service(answer: (request: Request) => Response | Promise<Response>): string {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  servers.push(server);
  return `http://127.0.0.1:${server.port}`;
}

function sound(bytes: Uint8Array, type: string): Response {
  return new Response(new Uint8Array(bytes).buffer, { headers: { "content-type": type } });
}

function openAi(url: string, timeoutMs = 5000): OpenAiVoice {
  return new OpenAiVoice({ baseUrl: `${url}/v1/`, apiKey: key, model: "tts-1", timeoutMs });
}

async function failureOf(answer: (request: Request) => Response | Promise<Response>, ms?: number) {
  const run = openAi(service(answer), ms).speak({ text: "Hello.", voiceId: "alloy" });
  const error = await run.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof EngineError)) throw new Error(`not an engine error: ${String(error)}`);
  expect(error).toMatchObject({ stage: "tts", blame: "upstream" });
  expect(`${error.message} ${String(error.cause)}`).not.toContain(key);
  return error;
}

describe("a voice service", () => {
  test("with OpenAI's interface is asked for WAV, and its samples come back", async () => {
    const seen: unknown[] = [];
    const url = service(async (request) => {
      const { pathname } = new URL(request.url);
      seen.push(pathname, request.headers.get("authorization"), await request.json());
      return sound(writeWav(pcm, 24_000, 1), "audio/wav");
    });
    const audio = await openAi(url).speak({ text: "Hello.", voiceId: "alloy" });
    expect(audio).toHaveLength(4800);
    expect(audio[99]).toBeCloseTo(9900 / 32_768, 6);
    expect(seen).toEqual([
      "/v1/audio/speech",
      `Bearer ${key}`,
      { model: "tts-1", input: "Hello.", voice: "alloy", response_format: "wav" },
    ]);
  });

  test("of ElevenLabs is asked for PCM at 24 kHz, by the voice's escaped name", async () => {
    const seen: unknown[] = [];
    const baseUrl = service(async (request) => {
      const { pathname, search } = new URL(request.url);
      seen.push(pathname + search, request.headers.get("xi-api-key"), await request.json());
      return sound(pcm, "audio/pcm");
    });
    const voice = new ElevenLabsVoice({ apiKey: key, model: "m2", timeoutMs: 5000, baseUrl });
    const audio = await voice.speak({ text: "Hello.", voiceId: "a/b" });
    expect(audio).toHaveLength(4800);
    expect(seen).toEqual([
      "/v1/text-to-speech/a%2Fb?output_format=pcm_24000",
      key,
      { text: "Hello.", model_id: "m2" },
    ]);
  });

  test.each([
    ["a page", () => new Response("<html>", { headers: { "content-type": "text/html" } }), /html/],
    ["nothing", () => sound(new Uint8Array(0), "audio/pcm"), /an empty answer/],
    ["sound of another rate", () => sound(writeWav(pcm, 22_050, 1), "audio/wav"), /22050 Hz/],
    ["a told other rate", () => sound(pcm, "audio/L16;rate=16000"), /16000 Hz/],
    ["stereo", () => sound(writeWav(pcm, 24_000, 2), "audio/wav"), /16-bit mono/],
    ["MP3", () => sound(pcm, "audio/mpeg"), /audio\/mpeg/],
    ["a torn header", () => sound(writeWav(pcm, 24_000, 1).subarray(0, 20), "audio/wav"), /WAV/],
    ["its refusal of the key", () => new Response("", { status: 401 }), /OPENAI_API_KEY/],
    ["a failure", () => new Response("", { status: 503 }), /answered 503/],
    ["that it is asked too much", () => new Response("", { status: 429 }), /quota/],
  ])("that answers with %s is told in words", async (_, answer, said) => {
    expect((await failureOf(answer)).message).toMatch(said);
  });

  test("that redirects is not followed, so that the key goes nowhere else", async () => {
    let followed = 0;
    const elsewhere = service(() => {
      followed += 1;
      return sound(pcm, "audio/pcm");
    });
    const error = await failureOf(() => Response.redirect(elsewhere, 307));
    expect(error.message).toContain("redirect (307)");
    expect(followed).toBe(0);
  });

  test("that sends 100 MB is left after 6", async () => {
    let sent = 0;
    const chunk = new Uint8Array(2 ** 20);
    const error = await failureOf(() => {
      const body = new ReadableStream({
        pull(controller) {
          sent += 1;
          if (sent > 100) controller.close();
          else controller.enqueue(chunk);
        },
      });
      return new Response(body, { headers: { "content-type": "audio/pcm" } });
    });
    expect(error.message).toContain("more than 6291456 bytes");
    expect(sent).toBeLessThan(100);
  });

  test("that does not answer, or stops within its answer, costs its time limit", async () => {
    const silent = await failureOf(() => new Promise<Response>(() => {}), 50);
    expect(silent).toMatchObject({ code: "TIMEOUT", retryable: true });
    const stuck = new ReadableStream({ start: (controller) => controller.enqueue(pcm) });
    const half = await failureOf(
      () => new Response(stuck, { headers: { "content-type": "audio/pcm" } }),
      50,
    );
    expect(half.code).toBe("TIMEOUT");
  });

  test("is never sent a text without end", async () => {
    const voice = openAi(service(() => sound(pcm, "audio/pcm")));
    expect(voice.speak({ text: "a".repeat(2001), voiceId: "alloy" })).rejects.toMatchObject({
      code: "INVALID_TEXT",
      blame: "caller",
    });
  });
});
