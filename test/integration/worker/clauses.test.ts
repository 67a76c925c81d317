import { afterEach, describe, expect, test } from "bun:test";
import { asInt16 } from "../../../src/audio/pcm.ts";
import { workerToSupervisor } from "../../../src/protocol/supervisor.ts";
import type { RecordingLink } from "../../unit/worker/recording-link.ts";
import { clause, clauseSidecar, type ClausePlay } from "./clause-sidecar.ts";
import { closeAll, expectWhole, startWorker } from "./running-worker.ts";
import { buzz } from "./sound-of-speech.ts";

afterEach(closeAll);

const pieceSamples = 320 * 48;
/** Ten pieces of speech between two of silence. */
const spoken = buzz([
  { seconds: 0.64, speaks: false },
  { seconds: 3.2, speaks: true },
  { seconds: 0.64, speaks: false },
]);

/** A sine of 440 Hz from one moment to another, in milliseconds. */
const sine = (fromMs: number, toMs: number) => (_: string, seconds: number) =>
  seconds * 1000 >= fromMs && seconds * 1000 < toMs
    ? 0.4 * Math.sin(2 * Math.PI * 440 * seconds)
    : 0;

async function dubbed(play: ClausePlay, options: Parameters<typeof startWorker>[1] = {}) {
  const running = await startWorker(clauseSidecar(play), options);
  const end = running.hear(spoken);
  await running.finish(end);
  return { ...running, end };
}

/** How a language is played, neighbours of one kind joined, in milliseconds. */
function played(link: RecordingLink, language = "pt") {
  const runs: { from: number; to: number; kind: string }[] = [];
  for (const region of link.regions.filter((one) => one.language === language)) {
    const last = runs.at(-1);
    const from = region.startSample / 48;
    const to = region.endSample / 48;
    if (last?.kind === region.kind && last.to === from) last.to = to;
    else runs.push({ from, to, kind: region.kind });
  }
  return runs;
}

/** What the relay was given to play, laid out on stream time. */
function soundOf(link: RecordingLink, samples: number, language = "pt"): Int16Array {
  const sound = new Int16Array(samples);
  for (const { startSample, pcm } of link.audio.filter((one) => one.language === language))
    sound.set(asInt16(pcm).subarray(0, samples - startSample), startSample);
  return sound;
}

describe("fragments of a session by clauses", () => {
  test("cover all of stream time in pieces of 320 ms with their place and deadline", async () => {
    const { server, link, end } = await dubbed({});
    expect(server.inits[0]?.init["config"]).toMatchObject({
      playout_delay_ms: 6000,
      chunk_duration_ms: 320,
      pacing: "live",
    });
    expect(server.fragments.map(({ metadata }) => metadata.pts_ns / 1e6)).toEqual(
      Array.from({ length: 14 }, (_, index) => index * 320),
    );
    for (const { audio, metadata } of server.fragments) {
      expect(audio.duration_ms).toBe(320);
      const airsInMs = 6000 + metadata.pts_ns / 1e6;
      expect(audio.deadline_ms).toBeLessThanOrEqual(airsInMs);
      expect(audio.deadline_ms).toBeGreaterThan(airsInMs - 2000);
    }
    expectWhole(link, end);
  });

  test("carry bytes wherever speech, or a soft onset of it, may be, and none in silence", async () => {
    const { server } = await dubbed({});
    const silent = server.fragments.filter(({ audio }) => audio.speech === false);
    expect(silent.map(({ sequence_number: number }) => number)).toEqual([0]);
    expect(silent[0]?.audio.data).toBeUndefined();
    for (const { audio } of server.fragments.slice(1)) expect(audio.data?.length).toBe(2 * 5120);
  });

  test("may all be at the sidecar at once when it grants that much", async () => {
    const { server, client } = await dubbed({ holdUntil: 14 });
    expect(server.fragments).toHaveLength(14);
    expect(client?.counters.get("fallbacks")).toBe(0);
  });
});

describe("what is played", () => {
  test("a dub that goes on over ten fragments is given to the relay as one sound without a step", async () => {
    const { link, end } = await dubbed({
      dub: sine(640, 3840),
      clauses: { 2: [clause("dubbed", [640, 3840], [640, 3840])] },
    });
    const sound = soundOf(link, end);
    for (let at = 700 * 48; at < 3780 * 48; at++) {
      const wanted = 0.4 * 32_768 * Math.sin((2 * Math.PI * 440 * at) / 48_000);
      if (Math.abs((sound[at] as number) - wanted) > 40)
        throw new Error(`${sound[at]} instead of ${wanted} at ${at / 48} ms`);
    }
    const [before, dub, after] = played(link);
    expect(before).toMatchObject({ from: 0, kind: "original" });
    expect(dub?.kind).toBe("dub");
    expect(dub?.from).toBeGreaterThan(600);
    expect(dub?.from).toBeLessThanOrEqual(640);
    expect(after).toMatchObject({ to: 4480, kind: "original" });
  });

  test("of a late clause neither the original nor a second time its words", async () => {
    const { link } = await dubbed({
      dub: sine(1600, 2560),
      clauses: {
        2: [clause("late", [700, 1500])],
        5: [clause("dubbed", [700, 1500], [1600, 2560])],
      },
    });
    const [before, dub, after] = played(link);
    expect(before).toMatchObject({ from: 0, to: 700, kind: "original" });
    expect(dub).toMatchObject({ from: 700, kind: "dub" });
    expect(dub?.to).toBeGreaterThanOrEqual(2560);
    expect(dub?.to).toBeLessThan(2600);
    expect(after?.kind).toBe("original");
  });

  test("the fallback over the words of a dropped clause, and it is told why", async () => {
    const { link, worker, clauses, fragments } = await dubbed({
      clauses: { 3: [clause("dropped", [960, 1600], undefined, { reason: "overload" })] },
    });
    expect(played(link)).toEqual([
      { from: 0, to: 960, kind: "original" },
      { from: 960, to: 1600, kind: "fallback" },
      { from: 1600, to: 4480, kind: "original" },
    ]);
    expect(worker.status().counters).toMatchObject({
      clauses_dropped: 1,
      clause_dropped_overload: 1,
    });
    expect(fragments.find(({ outcome }) => outcome === "fallback")?.reason).toBe("clause_overload");
    expect(clauses).toHaveLength(1);
  });

  test("the fallback where a fragment with speech failed, the original where a silent one did", async () => {
    const { link, client } = await dubbed({ failed: [0, 3, 4, 5, 6, 7, 8, 9] });
    expect(played(link)).toEqual([
      { from: 0, to: 960, kind: "original" },
      { from: 960, to: 3200, kind: "fallback" },
      { from: 3200, to: 4480, kind: "original" },
    ]);
    expect(client?.breaker).toBe("closed");
  });
});

test("a clause is told once, with its texts and places in stream time", async () => {
  const { clauses } = await dubbed({
    dub: sine(1600, 2560),
    clauses: {
      2: [clause("late", [700, 1500])],
      5: [clause("dubbed", [700, 1500], [1600, 2560])],
    },
  });
  expect(clauses).toEqual([
    {
      type: "clause",
      clauseId: "clause-0",
      startSample: 700 * 48,
      endSample: 1500 * 48,
      sourceText: "Good evening.",
      targets: [
        {
          language: "pt",
          text: "Boa noite.",
          startSample: 1600 * 48,
          endSample: 2560 * 48,
          dubbed: true,
        },
      ],
    },
  ]);
});

test("what is being said beyond the clauses is told to the supervisor, the newest of it", async () => {
  const script = clauseSidecar({});
  const { worker, hear, finish } = await startWorker({
    ...script,
    onFragment: (socket, fragment, echo) => {
      const text = `Good evening ${fragment.sequence_number}`;
      socket.emit("transcript:partial", { start_ms: 640, text, stable_chars: 4 });
      socket.emit("transcript:partial", { start_ms: 640, text: 7 }); // none that anybody could show
      script.onFragment?.(socket, fragment, echo);
    },
  });
  expect(worker.status().partial).toBeNull();
  await finish(hear(spoken));
  const told = workerToSupervisor.parse(worker.status());
  expect(told).toMatchObject({ partial: { text: "Good evening 13", stableChars: 4 } });
});

test("each language has its own dub, from one uplink", async () => {
  const dub = (language: string, seconds: number) =>
    language === "pt" ? sine(640, 1280)("", seconds) : sine(1920, 2560)("", seconds);
  const { link, server, end } = await dubbed(
    {
      dub,
      furtherLanguages: ["es"],
      clauses: {
        2: [clause("dubbed", [640, 1280], [640, 1280], { languages: ["pt"] })],
        6: [
          clause("dropped", [640, 1280], undefined, { languages: ["es"], reason: "late" }),
          clause("dubbed", [1920, 2560], undefined, {
            clause_id: "clause-1",
            languages: ["es"],
            dub: { es: { start_ms: 1920, end_ms: 2560, tempo: 1, voice: undefined } },
          }),
        ],
      },
    },
    { languages: ["pt", "es"] },
  );
  expect(server.inits[0]?.init["config"]).toMatchObject({
    target_language: "pt",
    target_languages: ["es"],
  });
  expect(server.fragments).toHaveLength(end / pieceSamples);
  const energy = (language: string, fromMs: number) =>
    soundOf(link, end, language)
      .subarray(fromMs * 48, (fromMs + 640) * 48)
      .reduce((sum, sample) => sum + Math.abs(sample), 0);
  expect(energy("pt", 640)).toBeGreaterThan(1e6);
  expect(energy("pt", 1920)).toBe(0);
  expect(energy("es", 640)).toBe(0);
  expect(energy("es", 1920)).toBeGreaterThan(1e6);
  expect(played(link, "es").find(({ kind }) => kind === "dub")?.to).toBeGreaterThanOrEqual(2560);
});

test("after a reconnect numbers begin anew, session time goes on, and clauses of before are over", async () => {
  let notices: NonNullable<ClausePlay["clauses"]> = { 3: [clause("late", [960, 1600])] };
  const { link, server, worker, clauses, hear, finish } = await startWorker(
    clauseSidecar({
      dub: sine(2560, 3200),
      get clauses() {
        return notices;
      },
    }),
  );
  const droppedAt = 7 * pieceSamples + 2000; // the gate judges a little after what it hears
  hear(spoken.subarray(0, droppedAt));
  await link.until(() => link.regions.at(-1)?.endSample === 7 * pieceSamples);
  // The new session knows another clause by the same name.
  notices = { 1: [clause("dubbed", [2560, 3200], [2560, 3200], { source_text: "Welcome." })] };
  server.drop();
  await server.until(() => server.inits.length === 2);
  // More than one piece could be too much to wait for a session that is not open yet.
  const openedAt = droppedAt + pieceSamples;
  hear(spoken.subarray(droppedAt, openedAt), droppedAt);
  await server.until(() => server.fragments.length === 8);
  const end = hear(spoken.subarray(openedAt), openedAt);
  await finish(end);
  expectWhole(link, end);

  expect(server.fragments.map(({ sequence_number: number }) => number)).toEqual([
    ...[0, 1, 2, 3, 4, 5, 6],
    ...[0, 1, 2, 3, 4, 5, 6],
  ]);
  expect(server.fragments.map(({ metadata }) => metadata.pts_ns / 1e6)).toEqual(
    Array.from({ length: 14 }, (_, index) => index * 320),
  );
  expect(clauses.map(({ sourceText, startSample }) => [sourceText, startSample / 48])).toEqual([
    ["Good evening.", 960],
    ["Welcome.", 2560],
  ]);
  expect(worker.status().counters).toMatchObject({
    clauses_late: 1,
    clauses_dropped: 1,
    clause_dropped_lost: 1,
    clauses_dubbed: 1,
  });
  const [before, late, between, dub, after] = played(link);
  expect(before).toEqual({ from: 0, to: 960, kind: "original" });
  // Announced by the session that is gone: nothing waits for its dub any more.
  expect(late).toEqual({ from: 960, to: 2240, kind: "dub" });
  expect(between?.kind).toBe("original");
  expect(dub?.kind).toBe("dub");
  expect(dub?.from).toBeGreaterThan(2520);
  expect(dub?.from).toBeLessThanOrEqual(2560);
  expect(after).toMatchObject({ to: 4480, kind: "original" });
});

test("time that is missing from the sound is not sent, plays as the fallback, and the dub goes on behind it", async () => {
  const { link, server, worker, hear, finish } = await startWorker(
    clauseSidecar({
      dub: sine(640, 3840),
      clauses: { 2: [clause("dubbed", [640, 3840], [640, 3840])] },
    }),
  );
  const hole = { from: 2100 * 48, to: 3000 * 48 };
  hear(spoken.subarray(0, hole.from));
  const end = hear(spoken.subarray(hole.to), hole.to);
  await finish(end);
  expectWhole(link, end);

  const sent = server.fragments.map(({ sequence_number: number, metadata, audio }) => ({
    number,
    fromMs: metadata.pts_ns / 1e6,
    ms: audio.duration_ms,
  }));
  const whole = (number: number, fromMs: number) => ({ number, fromMs, ms: 320 });
  expect(sent).toEqual([
    ...[0, 1, 2, 3, 4, 5].map((number) => whole(number, number * 320)),
    { number: 6, fromMs: 1920, ms: 180 },
    { number: 7, fromMs: 3000, ms: 200 }, // back to the grid
    ...[8, 9, 10, 11].map((number) => whole(number, (number + 2) * 320)),
  ]);
  expect(server.inits).toHaveLength(1);
  expect(worker.status().counters["pcm_holes"]).toBe(1);
  const kinds = played(link).map(({ kind }) => kind);
  expect(kinds).toEqual(["original", "dub", "fallback", "dub", "original"]);
  expect(played(link)[2]).toEqual({ from: 2100, to: 3000, kind: "fallback" });
  const sound = soundOf(link, end);
  const wanted = (at: number) => 0.4 * 32_768 * Math.sin((2 * Math.PI * 440 * at) / 48_000);
  // Sound for sound what was answered: before the hole, in it, and behind it at its own place.
  for (const [fromMs, toMs, share] of [
    [700, 2090, 1],
    [2110, 2990, 0],
    [3010, 3780, 1],
  ] as const)
    for (let at = fromMs * 48; at < toMs * 48; at++)
      if (Math.abs((sound[at] as number) - share * wanted(at)) > 40)
        throw new Error(`${sound[at]} instead of ${share * wanted(at)} at ${at / 48} ms`);
});

test("a worker that begins in the midst of a stream begins at a whole millisecond: no answer is a sample short", async () => {
  const beginsAt = 1000 * 48 + 26; // as a new worker does: wherever the relay stands
  const { link, server, hear, finish } = await startWorker(
    clauseSidecar({
      dub: sine(640, 3840),
      clauses: { 0: [clause("dubbed", [640, 3840], [640, 3840])] },
    }),
  );
  const end = hear(spoken.subarray(beginsAt), beginsAt);
  await finish(end);
  expectWhole(link, end);
  const [first, second] = server.fragments;
  expect(first?.metadata.pts_ns).toBe(1001e6);
  expect(first?.audio.data?.length).toBe(2 * 16 * (first?.audio.duration_ms ?? 0));
  expect(second?.metadata.pts_ns).toBe(1280e6);
  const sound = soundOf(link, end);
  for (let at = 1020 * 48; at < 3780 * 48; at++) {
    const wanted = 0.4 * 32_768 * Math.sin((2 * Math.PI * 440 * at) / 48_000);
    if (Math.abs((sound[at] as number) - wanted) > 40)
      throw new Error(`${sound[at]} instead of ${wanted} at ${at / 48} ms`);
  }
});

test("a file is flushed at its end, and its last words may sound after it", async () => {
  const { link, server, end } = await dubbed(
    {
      holdUntil: 1000,
      dub: sine(3000, 4900),
      clauses: { 6: [clause("dubbed", [3000, 3800], [3000, 4900])] },
    },
    { pacing: "file" },
  );
  expect(server.inits[0]?.init["config"]).toMatchObject({ pacing: "file", chunk_duration_ms: 500 });
  expect(server.fragments.slice(0, 8).every(({ audio }) => audio.duration_ms === 500)).toBe(true);
  const last = link.audio.at(-1);
  expect((last?.startSample ?? 0) + (last?.pcm.length ?? 0) / 2).toBeGreaterThanOrEqual(4900 * 48);
  expect(link.regions.filter(({ endSample }) => endSample === end)).toHaveLength(1);
});
