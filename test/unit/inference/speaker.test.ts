import { describe, expect, test } from "bun:test";
import { EngineError } from "../../../gpu/inference/engine-error.ts";
import type { VoiceRequest, VoiceResult } from "../../../gpu/inference/messages.ts";
import { Speaker } from "../../../gpu/inference/speaker.ts";
import type { VoiceProvider } from "../../../gpu/pipeline/voice/provider.ts";
import { createLogger } from "../../../src/telemetry/log.ts";

const logger = createLogger({ level: "silent", format: "json" });
const hosted = { local: "pf_dora", voiceId: "v1" };

/** A voice child that says what it was asked, and a service that does as its script says. */
function speaker(script: VoiceProvider["speak"]) {
  const asked: VoiceRequest[] = [];
  let calls = 0;
  const child = {
    info: { model: "local-model" },
    request: (request: VoiceRequest): Promise<VoiceResult> => {
      asked.push(request);
      return Promise.resolve({
        audio: new Float32Array(9),
        tempo: 1,
        naturalMs: 1,
        clamped: false,
      });
    },
  };
  const provider: VoiceProvider = {
    name: "service",
    model: "m1",
    speak: (order, limits) => {
      calls += 1;
      return script(order, limits);
    },
  };
  return { speaker: new Speaker({ child, provider, logger }), asked, calls: () => calls };
}

const down = () =>
  Promise.reject(
    new EngineError("NETWORK_ERROR", { message: "down", retryable: true, blame: "upstream" }),
  );

describe("speaking by a service", () => {
  test("its sound is brought to the wished tempo", async () => {
    const audio = new Float32Array([1, 2, 3]);
    const { speaker: one, asked } = speaker(() => Promise.resolve(audio));
    expect((await one.speak("olá", hosted, { tempo: 1.2 })).model).toBe("service/m1");
    expect(asked).toEqual([{ audio, tempo: 1.2 }]);
  });

  test("the local voice takes over where it fails, and the answer tells", async () => {
    const { speaker: one, asked } = speaker(down);
    expect((await one.speak("olá", hosted, { tempo: 1 })).model).toBe("local-model");
    expect(asked).toEqual([{ text: "olá", voice: "pf_dora", tempo: 1 }]);
  });

  test("without a local voice its failure is told", async () => {
    const { speaker: one } = speaker(down);
    expect(one.speak("hallo", { voiceId: "v1" }, {})).rejects.toMatchObject({
      code: "NETWORK_ERROR",
    });
  });

  test("after five failures in a row it is left alone", async () => {
    const { speaker: one, calls } = speaker(down);
    for (let i = 0; i < 8; i++) await one.speak("olá", hosted, {});
    expect(calls()).toBe(5);
    expect(one.speak("hallo", { voiceId: "v1" }, {})).rejects.toMatchObject({ retryable: true });
  });

  test("it leaves the local voice its time", async () => {
    let timeoutMs: number | undefined;
    const { speaker: one } = speaker((_, limits) => {
      timeoutMs = limits?.timeoutMs;
      return down();
    });
    await one.speak("olá", hosted, {}, { timeoutMs: 1000 });
    expect(timeoutMs).toBe(600);
  });

  test("a text without a letter, or a voice of the package, is no matter for it", async () => {
    const { speaker: one, calls } = speaker(down);
    await one.speak("…", hosted, {});
    await one.speak("olá", { local: "pf_dora" }, {});
    expect(calls()).toBe(0);
  });
});
