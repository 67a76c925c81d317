import { describe, expect, test } from "bun:test";
import { decodeAnswerAudio } from "../../../src/sts/answer-audio.ts";
import { monotonicClock } from "../../../src/sts/clock.ts";
import type { FragmentOutcome, OutgoingFragment } from "../../../src/sts/fragment.ts";
import { openClient } from "../../../src/sts/open-client.ts";
import type { StsClient } from "../../../src/sts/sts-client.ts";
import { strengthAt } from "../../support/aac-fixtures.ts";
import { ScriptedEngine } from "../../support/scripted-engine.ts";
import { startSidecar, type TestSidecar } from "../../support/sidecar-server.ts";

const key = "shared-key";

/** The edge's own client, as the worker opens it, connected to a sidecar of ours. */
async function connect(
  server: TestSidecar,
  changes: { path?: string; protocol?: "ws" | "http"; pacing?: "live" | "file"; key?: string } = {},
): Promise<{ client: StsClient; refused: Promise<string> } & Disposable> {
  const ready = Promise.withResolvers<void>();
  const refused = Promise.withResolvers<string>();
  const client = openClient({
    endpoints: [{ url: `${server.url}${changes.path ?? ""}`, key: changes.key ?? key }],
    protocol: changes.protocol ?? "ws",
    wish: {
      streamId: "match",
      workerId: "edge-1",
      sourceLanguage: "en",
      targetLanguage: "pt",
      voice: "default",
      pacing: changes.pacing ?? "live",
      chunkMs: 1000,
      maxInflight: 3,
      timeoutMs: 8000,
    },
    timeoutMs: 8000,
    maxRetries: 1,
    breakerThreshold: 5,
    breakerOpenMs: 30_000,
    clock: monotonicClock,
    onEvent: (_level, code, message) => {
      if (code === "sts-ready") ready.resolve();
      if (code === "sts-refused") refused.resolve(message);
    },
  });
  client.start();
  await Promise.race([ready.promise, refused.promise]);
  return { client, refused: refused.promise, [Symbol.dispose]: () => client.close() };
}

function fragment(index: number, live = true): OutgoingFragment {
  return {
    fragmentId: crypto.randomUUID(),
    startSample: index * 48_000,
    endSample: (index + 1) * 48_000,
    durationMs: 1000,
    pcm: (rateHz) =>
      new Uint8Array(new Int16Array(rateHz).map((_, i) => (i * (index + 3)) % 5000).buffer),
    airsAtMs: live ? performance.now() + 6000 : undefined,
  };
}

function answered(outcome: FragmentOutcome) {
  if (outcome.kind === "failed") throw new Error(`${outcome.reason}: ${outcome.message}`);
  return outcome.answer;
}

const ffmpegNotNeeded = () => Promise.reject(new Error("the answer is compressed"));

describe("the edge's client and this sidecar understand each other", () => {
  for (const [what, changes] of [
    ["Socket.IO at its usual path", {}],
    ["Socket.IO at /ws/sts", { path: "/ws/sts" }],
    ["the older HTTP contract", { protocol: "http" }],
    ["Socket.IO with pacing file", { pacing: "file" }],
  ] as [string, Parameters<typeof connect>[1]][])
    test(`${what}: fragments come back dubbed, as 24 kHz mono that needs no decoder`, async () => {
      const engine = new ScriptedEngine();
      await using server = await startSidecar({ STS_API_KEY: key }, { engine });
      using edge = await connect(server, changes);
      const live = changes?.pacing !== "file";
      const sent = [0, 1, 2, 3, 4].map((index) => edge.client.submit(fragment(index, live)));
      const answers = (await Promise.all(sent)).map(answered);
      expect(answers.map((answer) => answer.status)).toEqual(Array(5).fill("success"));
      for (const answer of answers) {
        if (answer.audio === undefined) throw new Error("an answer without audio");
        const pcm = await decodeAnswerAudio(answer.audio, 24_000, ffmpegNotNeeded);
        expect(pcm.length).toBe(24_000);
        const samples = Float32Array.from(pcm, (sample) => sample / 32_768);
        expect(strengthAt(samples, 440, 24_000)).toBeGreaterThan(0.45);
      }
      expect(engine.requests.every((one) => one.targetLanguage === "pt")).toBe(true);
      await edge.client.end(2000);
      expect(server.service.sidecar.registry.size).toBe(0);
    });

  test("an echo shows as echo, and gives the very samples back", async () => {
    await using server = await startSidecar();
    using edge = await connect(server);
    const one = fragment(0);
    const answer = answered(await edge.client.submit(one));
    if (answer.audio === undefined) throw new Error("an answer without audio");
    const pcm = await decodeAnswerAudio(answer.audio, 48_000, ffmpegNotNeeded);
    expect(Buffer.from(pcm.buffer).equals(Buffer.from(one.pcm(48_000)))).toBe(true);
    expect(edge.client.engine).toBe("echo");
  });

  test("a wrong key is a refusal that no retry mends", async () => {
    await using server = await startSidecar({ STS_API_KEY: key }, { engine: new ScriptedEngine() });
    using edge = await connect(server, { key: "another" });
    expect(await edge.refused).toContain("AUTH_FAILED");
  });

  test("a sidecar that restarts is found again, and goes on", async () => {
    const free = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const STS_PORT = String(free.port);
    await free.stop(true);
    const first = await startSidecar(
      { STS_PORT, STS_API_KEY: key },
      { engine: new ScriptedEngine() },
    );
    using edge = await connect(first);
    answered(await edge.client.submit(fragment(0)));
    await first[Symbol.asyncDispose]();
    await using second = await startSidecar(
      { STS_PORT, STS_API_KEY: key },
      { engine: new ScriptedEngine() },
    );
    while (edge.client.reconnects === 0 || edge.client.state !== "ready") await Bun.sleep(20); // the client tells no one when it is back
    answered(await edge.client.submit(fragment(1)));
    expect(edge.client.endpoint).toStartWith(second.url);
  });
});
