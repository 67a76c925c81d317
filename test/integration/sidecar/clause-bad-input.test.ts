import { describe, expect, test } from "bun:test";
import type { Translation } from "../../../gpu/pipeline/translation/clause-translation.ts";
import { ClauseSession } from "../../../gpu/session/clause-session.ts";
import {
  type Faults,
  sayScript,
  ScriptedStagesEngine,
  soundOf,
} from "../../support/scripted-stages.ts";
import { startSidecar, type TestSidecar } from "../../support/sidecar-server.ts";
import { StsClient } from "../../support/sts-client.ts";

const fragmentMs = 320;
const rateHz = 16_000;
const script = sayScript(
  "The keeper saved the first shot of the evening. Then they scored a goal from the corner.",
  640,
);
const scriptMs = 7040;
const spoken = script.map((word) => word.text).join(" ");

interface Fragment {
  readonly format?: "pcm_s16le" | "pcm_f32le";
  readonly ptsMs?: number;
  readonly deadlineMs?: number;
  readonly streamId?: string;
}

function fragmentOf(sequence: number, sound: Float32Array, options: Fragment = {}) {
  const { format = "pcm_s16le", ptsMs, deadlineMs, streamId = "match" } = options;
  const data =
    format === "pcm_f32le"
      ? Buffer.from(sound.slice().buffer)
      : Buffer.from(Int16Array.from(sound, (sample) => Math.round(sample * 32_768)).buffer);
  return {
    fragment_id: `f${sequence}`,
    stream_id: streamId,
    sequence_number: sequence,
    timestamp: 0,
    audio: {
      format,
      sample_rate_hz: rateHz,
      channels: 1,
      duration_ms: Math.max(1, Math.round((sound.length * 1000) / rateHz)),
      data,
      ...(deadlineMs !== undefined && { deadline_ms: deadlineMs }),
    },
    ...(ptsMs !== undefined && { metadata: { pts_ns: ptsMs * 1e6 } }),
  };
}

function piecesOf(sound: Float32Array, ms = fragmentMs): Float32Array[] {
  const samples = (ms * rateHz) / 1000;
  return Array.from({ length: Math.floor(sound.length / samples) }, (_, i) =>
    sound.subarray(i * samples, (i + 1) * samples),
  );
}

async function opened(url: string, config: Record<string, unknown> = {}, streamId = "match") {
  const client = await StsClient.connect(url);
  const ready = await client.init({
    stream_id: streamId,
    config: {
      source_language: "en",
      target_language: "pt",
      binary_audio: true,
      chunk_duration_ms: fragmentMs,
      pacing: "file",
      ...config,
    },
  });
  return { client, credit: ready.max_inflight as number };
}

/** Sends as a client that obeys its credit, ends the stream, and gives the answers. */
async function answersTo(
  sidecar: TestSidecar,
  fragments: readonly Record<string, unknown>[],
  config: Record<string, unknown> = {},
) {
  const { client, credit } = await opened(sidecar.url, config);
  using _ = client;
  for (const [i, fragment] of fragments.entries()) {
    if (i >= credit) await client.count("fragment:processed", i - credit + 1);
    client.send("fragment:data", fragment);
  }
  client.send("stream:end", {});
  await client.next("stream:complete", () => true, 0, 30_000);
  return client.all("fragment:processed");
}

async function dubbedBy(
  engine: ScriptedStagesEngine,
  fragments: readonly Record<string, unknown>[],
  config: Record<string, unknown> = {},
) {
  await using sidecar = await startSidecar({}, { engine });
  return await answersTo(sidecar, fragments, config);
}

const textOf = (answers: readonly { transcript?: string }[]) =>
  answers
    .map((answer) => answer.transcript)
    .filter((text) => text !== undefined && text !== "")
    .join(" ");

const inOrder = (answers: readonly { sequence_number: number }[], count: number) =>
  expect(answers.map((answer) => answer.sequence_number)).toEqual(
    Array.from({ length: count }, (_, i) => i),
  );

describe("sound that is none", () => {
  for (const [name, value, format] of [
    ["not a number", Number.NaN, "pcm_f32le"],
    ["infinite", Number.NEGATIVE_INFINITY, "pcm_f32le"],
    ["far beyond full scale", 1e30, "pcm_f32le"],
    ["full scale", 32_767 / 32_768, "pcm_s16le"],
    ["zero", 0, "pcm_s16le"],
  ] as const)
    test(`${name} is answered with silence, and what is said after it is dubbed`, async () => {
      const bad = piecesOf(new Float32Array(rateHz * 4).fill(value));
      const good = piecesOf(soundOf(script, scriptMs));
      const fragments = [...bad, ...good].map((sound, i) =>
        fragmentOf(i, sound, { format, ptsMs: i * fragmentMs }),
      );
      const answers = await dubbedBy(new ScriptedStagesEngine(script), fragments);
      inOrder(answers, fragments.length);
      expect(answers.map((answer) => answer.status)).not.toContain("failed");
      expect(textOf(answers)).toBe(spoken);
      for (const { dubbed_audio: audio } of answers.slice(0, bad.length)) {
        const floats = format === "pcm_f32le" ? new Float32Array(audio.data.slice().buffer) : [];
        expect([...floats].every((sample) => Math.abs(sample) <= 1)).toBe(true);
      }
    });
});

describe("fragments of odd lengths", () => {
  test("of a millisecond are answered like any other, though no clause fits what may be held", async () => {
    const sound = soundOf(sayScript("Then they scored a goal.", 64, 120, 30), 400);
    const fragments = piecesOf(sound, 1).map((piece, i) => fragmentOf(i, piece, { ptsMs: i }));
    const answers = await dubbedBy(new ScriptedStagesEngine(script), fragments);
    inOrder(answers, 400);
    expect(answers.map((answer) => answer.status)).not.toContain("failed");
    expect(answers.every((answer) => answer.dubbed_audio.data.length === 2 * 16)).toBe(true);
  }, 30_000);

  test("of a minute too, with every clause told", async () => {
    const sound = soundOf(script, 60_000);
    const fragments = [sound, sound].map((piece, i) => fragmentOf(i, piece, { ptsMs: i * 60_000 }));
    const answers = await dubbedBy(new ScriptedStagesEngine(script), fragments, {
      chunk_duration_ms: 6000,
    });
    inOrder(answers, 2);
    expect(answers.map((answer) => answer.transcript)).toEqual([spoken, spoken]);
    expect(answers.map((answer) => answer.dubbed_audio.duration_ms)).toEqual([60_000, 60_000]);
  }, 30_000);
});

describe("clocks and numbers", () => {
  const pieces = piecesOf(soundOf(script, scriptMs));

  for (const [name, ptsMs] of [
    [
      "jumps back to zero",
      (i: number) => (i < 11 ? 100_000 + i * fragmentMs : (i - 11) * fragmentMs),
    ],
    ["jumps a day ahead", (i: number) => (i < 11 ? 0 : 86_400_000) + i * fragmentMs],
    ["stands still", () => 5000],
    ["runs backwards", (i: number) => 1_000_000 - i * 10_000],
    ["is no clock", (i: number) => (i % 2) * 9_000_000_000],
  ] as const)
    test(`a clock that ${name} loses no answer and doubles no word`, async () => {
      const fragments = pieces.map((sound, i) => fragmentOf(i, sound, { ptsMs: ptsMs(i) }));
      const answers = await dubbedBy(new ScriptedStagesEngine(script), fragments);
      inOrder(answers, fragments.length);
      const heard = textOf(answers).split(" ");
      expect(new Set(heard).size).toBeGreaterThan(0);
      const most = new Map(script.map((word) => [word.text, 0]));
      for (const { text } of script) most.set(text, (most.get(text) ?? 0) + 1);
      for (const [text, count] of most)
        expect(heard.filter((word) => word === text).length).toBeLessThanOrEqual(count + 1);
    });

  test("holes in time are silence: the words around them stay where they were said", async () => {
    const fragments = pieces
      .map((sound, i) => ({ sound, i }))
      .filter(({ i }) => i !== 12 && i !== 13)
      .map(({ sound, i }, sequence) => fragmentOf(sequence, sound, { ptsMs: i * fragmentMs }));
    const answers = await dubbedBy(new ScriptedStagesEngine(script), fragments);
    inOrder(answers, fragments.length);
    const clauses = answers.flatMap((answer) => answer.clauses ?? []);
    const corner = clauses
      .flatMap((clause) => clause.words as { word: string; start_ms: number }[])
      .find((word) => word.word === "corner.");
    expect(corner?.start_ms).toBeWithin(script.at(-1)!.startMs - 60, script.at(-1)!.startMs + 60);
  });

  test("a fragment that is sent again has one answer", async () => {
    await using sidecar = await startSidecar({}, { engine: new ScriptedStagesEngine(script) });
    const fragments = pieces.map((sound, i) => fragmentOf(i, sound, { ptsMs: i * fragmentMs }));
    const { client } = await opened(sidecar.url);
    using _ = client;
    for (const fragment of fragments) {
      client.send("fragment:data", fragment);
      client.send("fragment:data", fragment);
    }
    client.send("stream:end", {});
    await client.next("stream:complete");
    const answers = client.all("fragment:processed");
    const once = [...new Map(answers.map((one) => [one.sequence_number, one])).values()];
    inOrder(once, fragments.length);
    expect(textOf(once)).toBe(spoken);
  });
});

describe("texts that are odd", () => {
  const pieces = piecesOf(soundOf(script, scriptMs));
  const fragments = pieces.map((sound, i) => fragmentOf(i, sound, { ptsMs: i * fragmentMs }));
  const saying = (text: string): Faults => ({
    translate: (): Promise<Translation> =>
      Promise.resolve({ text, model: "scripted-mt", fellBackFrom: [], warnings: [] }),
  });

  for (const text of [
    "<b>Golo</b> &amp; <script>alert(1)</script>",
    "⚽🥅👏🏽👨‍👩‍👧‍👦",
    "\u0000\u0007\u202E\uD800",
    "{{0}} %s ${x} \\n",
  ])
    test(`a translation like ${JSON.stringify(text)} reaches client and voice as text`, async () => {
      const engine = new ScriptedStagesEngine(script, saying(text));
      const answers = await dubbedBy(engine, fragments);
      inOrder(answers, fragments.length);
      expect(answers.map((answer) => answer.status)).not.toContain("failed");
      expect(engine.spoken.length).toBeGreaterThan(0);
      const clauses = answers.flatMap((answer) => answer.clauses ?? []);
      expect(clauses.map((clause) => clause.status)).not.toContain("late");
    });

  test("a translation of nothing drops its clauses by name and answers everything", async () => {
    const engine = new ScriptedStagesEngine(script, saying(" \n "));
    const answers = await dubbedBy(engine, fragments);
    inOrder(answers, fragments.length);
    const clauses = answers.flatMap((answer) => answer.clauses ?? []);
    expect(new Set(clauses.map((clause) => clause.reason))).toEqual(new Set(["nothing_to_say"]));
    expect(engine.spoken).toEqual([]);
  });

  for (const target of ["", "  "])
    test(`a glossary that maps to nothing (${JSON.stringify(target)}) is refused by its field, and a right one is taken after it`, async () => {
      await using sidecar = await startSidecar({}, { engine: new ScriptedStagesEngine(script) });
      using client = await StsClient.connect(sidecar.url);
      const glossary = [
        { source: "shot", target: "remate" },
        { source: "keeper", target },
      ];
      const config = { source_language: "en", target_language: "pt", playout_delay_ms: 6000 };
      client.send("stream:init", { stream_id: "match", config: { ...config, glossary } });
      const refused = await client.next("error");
      expect(refused).toMatchObject({ code: "INVALID_CONFIG", retryable: false });
      expect(refused.message).toContain("config.glossary.1.target: is empty");
      await client.init({ config });
      const from = client.received.length;
      client.send("stream:update", { stream_id: "match", glossary });
      const error = await client.next("error", () => true, from);
      expect(error).toMatchObject({ code: "MALFORMED_DATA", retryable: false });
      expect(error.message).toContain("glossary.1.target: is empty");
      client.send("stream:update", { stream_id: "match", glossary: glossary.slice(0, 1) });
      expect(await client.next("stream:updated")).toMatchObject({ glossary_entries: 1 });
    });

  test("a language that changes on the way is dubbed as far as it is believed, and nothing stops", async () => {
    const words = [
      ...sayScript("The keeper saved the first shot of the evening.", 640),
      ...sayScript("Olha só que golo fantástico, ninguém acredita no que viu.", 4000),
      ...sayScript("Then they scored again from the corner.", 8000),
    ];
    const sound = piecesOf(soundOf(words, 11_200));
    const answers = await dubbedBy(
      new ScriptedStagesEngine(words),
      sound.map((piece, i) => fragmentOf(i, piece, { ptsMs: i * fragmentMs })),
    );
    inOrder(answers, sound.length);
    expect(textOf(answers)).toStartWith("The keeper saved the first shot of the evening.");
    expect(textOf(answers)).toEndWith("Then they scored again from the corner.");
  });
});

test("twenty minutes of one word leave nothing behind but what is being said", async () => {
  const word = sayScript("goal", 0, 300);
  const piece = new Float32Array(6 * rateHz);
  for (let second = 0; second < 6; second++) piece.set(soundOf(word, 1000), second * rateHz);
  await using sidecar = await startSidecar({}, { engine: new ScriptedStagesEngine(word) });
  const { client, credit } = await opened(sidecar.url, { chunk_duration_ms: 6000 });
  using _ = client;
  const most = { clauses: 0, untold: 0, soundBytes: 0 };
  for (let i = 0; i < 200; i++) {
    if (i >= credit) await client.count("fragment:processed", i - credit + 1);
    client.send("fragment:data", fragmentOf(i, piece, { ptsMs: i * 6000 }));
    const [session] = sidecar.service.sidecar.registry.sessions();
    const processor = session?.options.processor;
    if (!(processor instanceof ClauseSession)) throw new Error("not a session by clauses");
    for (const key of ["clauses", "untold", "soundBytes"] as const)
      most[key] = Math.max(most[key], processor.holds[key]);
  }
  client.send("stream:end", {});
  await client.next("stream:complete");
  inOrder(client.all("fragment:processed"), 200);
  expect(most.clauses).toBeLessThanOrEqual(40);
  expect(most.untold).toBeLessThanOrEqual(40);
  expect(most.soundBytes).toBeLessThanOrEqual(90 * rateHz * 4 + rateHz * 4 * 2);
}, 120_000);

test("five hundred sessions that come and go leave nothing behind and harm nobody", async () => {
  const engine = new ScriptedStagesEngine(script);
  await using sidecar = await startSidecar({ MAX_CONCURRENT_STREAMS: "1000" }, { engine });
  const { registry, clauses } = sidecar.service.sidecar;
  const good = await opened(sidecar.url, {}, "good");
  using _ = good.client;
  const pieces = piecesOf(soundOf(script, scriptMs));
  const page = async () => (await fetch(`${sidecar.url}/metrics`)).text();
  const send = (client: StsClient, streamId: string, i: number) =>
    client.send(
      "fragment:data",
      fragmentOf(i, pieces[i] ?? new Float32Array(5120), { ptsMs: i * fragmentMs, streamId }),
    );
  for (let batch = 0; batch < 20; batch++) {
    const clients = await Promise.all(
      Array.from({ length: 25 }, async (_unused, n) => {
        const streamId = `drop-${batch}-${n}`;
        const { client } = await opened(
          sidecar.url,
          { playout_delay_ms: 6000, pacing: "live" },
          streamId,
        );
        for (let i = 0; i < 6; i++) send(client, streamId, i);
        return client;
      }),
    );
    if (batch < pieces.length) send(good.client, "good", batch);
    for (const client of clients) client[Symbol.dispose]();
  }
  for (let i = 20; i < pieces.length; i++) send(good.client, "good", i);
  good.client.send("stream:end", {});
  await good.client.next("stream:complete", () => true, 0, 30_000);
  const answers = good.client.all("fragment:processed");
  inOrder(answers, pieces.length);
  expect(textOf(answers)).toBe(spoken);
  await untilEmpty(registry);
  expect(clauses?.scheduler.waiting).toBe(0);
  expect(await page()).not.toContain("drop-");
  expect(await page()).toContain("sts_sessions_active 0");
}, 60_000);

/** The server learns of a dropped connection a few turns of the event loop later. */
async function untilEmpty(registry: { readonly size: number }): Promise<void> {
  if (registry.size === 0) return;
  await new Promise((resolve) => setImmediate(resolve));
  await untilEmpty(registry);
}
