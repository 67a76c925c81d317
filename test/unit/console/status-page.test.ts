import { expect, test } from "bun:test";
import { streamAlerts } from "../../../src/console/alerts.ts";
import { statusPage } from "../../../src/console/status-page.ts";
import {
  applianceView,
  destination,
  relayStatus,
  streamRow,
  workerStatus,
} from "./appliance-view.fixture.ts";

const now = new Date("2026-11-22T01:14:05.000Z");

/** What a browser would make of the page: its elements and their texts. */
async function parsed(page: string) {
  const tags: { tag: string; attributes: Record<string, string> }[] = [];
  let text = "";
  await new HTMLRewriter()
    .on("*", {
      element: (element) =>
        void tags.push({
          tag: element.tagName,
          attributes: Object.fromEntries([...element.attributes] as [string, string][]),
        }),
      text: (chunk) => void (text += chunk.text),
    })
    .transform(new Response(page))
    .text();
  return { tags, text: text.replaceAll(/\s+/g, " ") };
}

test("no name, text or error can put an element or an attribute into the page", async () => {
  const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>" onmouseover="alert(3)' x='`;
  const hostile = streamRow({
    streamId: evil,
    sourceLanguage: evil,
    targetLanguage: evil,
    publisher: { id: evil, type: evil, tracks: [evil], inboundBytes: 1 },
    worker: {
      pid: 1,
      instanceId: evil,
      restarts: 1,
      status: workerStatus({
        lastText: { source: evil, translated: `</p></section>${evil}` },
        partial: { text: `</span></p>${evil}`, stableChars: 9 },
        sts: { state: "refused", engine: evil, endpoint: evil, lastError: evil, reconnects: 0 },
      }),
    },
    egress: [
      destination({
        destination: evil,
        destHost: evil,
        destApp: evil,
        state: "cooldown",
        lastError: { kind: evil, message: evil, code: 30 },
      }),
    ],
    watch: { rtmp: evil, hls: evil, further: [{ language: evil, rtmp: evil, hls: evil }] },
    events: [{ at: evil, level: "warn", code: evil, message: evil }],
    fragments: { dubbed: 0, partial: 0, noSpeech: 0, fallback: 1, reasons: { [evil]: 1 } },
  });
  const page = statusPage(
    applianceView({
      version: evil,
      publish: { url: evil, keyNeeded: true },
      streams: [hostile],
      refusals: [{ at: evil, streamId: evil, code: evil, message: evil }],
      sidecars: [
        { url: evil, state: "unreachable", engine: evil, pairs: [[evil, evil]], detail: evil },
      ],
    }),
    now,
  );
  const plain = await parsed(statusPage(applianceView({ streams: [streamRow()] }), now));
  const known = new Set([...plain.tags.map(({ tag }) => tag), "table", "tr", "th", "td", "strong"]);
  const { tags } = await parsed(page);
  const names = new Set(tags.map(({ tag }) => tag));
  expect([...names].filter((name) => !known.has(name) && name !== "ul" && name !== "li")).toEqual(
    [],
  );
  const attributes = new Set(tags.flatMap(({ attributes: all }) => Object.keys(all)));
  const harmless = new Set("lang charset name content http-equiv class id href".split(" "));
  expect([...attributes].filter((name) => !harmless.has(name))).toEqual([]);
  expect(page).not.toContain("<script");
  expect(page).not.toContain("<img");
});

test("the page loads nothing, runs no script and asks for itself again every two seconds", async () => {
  const { tags } = await parsed(statusPage(applianceView({ streams: [streamRow()] }), now));
  const refresh = tags.find(({ attributes }) => attributes["http-equiv"] === "refresh");
  expect(refresh?.attributes["content"]).toBe("2");
  expect(tags.some(({ tag, attributes }) => tag === "script" || attributes["src"])).toBe(false);
});

test("without a stream it says so, and where to publish", async () => {
  const { text } = await parsed(statusPage(applianceView(), now));
  expect(text).toContain("Nobody publishes.");
  expect(text).toContain("rtmp://127.0.0.1:1935/live/STREAM/in?key=");
});

test("a stream that does well shows its state, figures, texts, destinations and addresses", async () => {
  const stream = streamRow({ egress: [destination()] });
  const { text } = await parsed(statusPage(applianceView({ streams: [stream] }), now));
  for (const shown of [
    "1 stream: all well",
    "running",
    "en → pt",
    "6.0 s",
    "+ 84 ms",
    "3 ms",
    "312",
    "timeout 7×",
    "ask not what your country",
    "não perguntem o que o país",
    "youtube",
    "a.rtmp.youtube.com/live2",
    "forwarding",
    "98.8 MB",
    "rtmp://127.0.0.1:1935/live/match/out",
    "http://127.0.0.1:8888/live/match/out/",
  ])
    expect(text).toContain(shown);
});

test("what is being said stands behind what was said, dim where it may still change", async () => {
  const partial = { text: "ask what you can do", stableChars: 8 };
  const shown = (change: Parameters<typeof workerStatus>[0]) => {
    const worker = { pid: 1, instanceId: "i", restarts: 0, status: workerStatus(change) };
    return statusPage(applianceView({ streams: [streamRow({ worker })] }), now);
  };
  const page = shown({ partial });
  expect(page).toContain('ask what<span class="dim"> you can do</span>');
  expect((await parsed(page)).text).toContain("ask not what your country can do for you.");
  const first = (await parsed(shown({ partial, lastText: null }))).text;
  expect(first).toContain("said (en) … ask what you can do dubbed (pt)");
  expect(shown({})).not.toContain("…");
});

test("an echo engine is shouted, not whispered", async () => {
  const sts = { ...workerStatus().sts, engine: "echo" };
  const stream = streamRow({
    worker: { pid: 1, instanceId: "i", restarts: 0, status: workerStatus({ sts }) },
  });
  expect(streamAlerts(stream)[0]).toMatchObject({ level: "bad", loud: true });
  const { text } = await parsed(statusPage(applianceView({ streams: [stream] }), now));
  expect(text).toContain("1 stream: 1 problem");
  expect(text).toContain("ECHO ENGINE");
});

test("what goes wrong is named once each, worst first", () => {
  const status = workerStatus({ breaker: "half-open" });
  const stream = streamRow({
    state: "grace",
    relay: { pid: 1, instanceId: "r", restarts: 0, status: relayStatus({ avDeltaMs: -95 }) },
    worker: { pid: 1, instanceId: "w", restarts: 2, status },
    egress: [destination({ state: "failed", destination: "tw" })],
  });
  const alerts = streamAlerts(stream).map(({ level, text }) => `${level} ${text}`);
  expect(alerts).toEqual([
    "bad the publisher is away",
    "bad tw: given up, its configuration is wrong",
    "warn circuit breaker half-open: original plays",
    "warn replaced in this session: relay 0×, worker 2×",
    "warn sound and picture are 95 ms apart",
  ]);
});

test("a destination that fails is named, also while it is tried again", () => {
  const lastError = { kind: "rtmp_connect", message: "Connection refused", code: 40 };
  const egress = [destination({ state: "waiting-input", lastError, destination: "tw" })];
  expect(streamAlerts(streamRow({ egress }))).toEqual([
    { level: "bad", text: "tw: nothing arrives, waiting-input (rtmp_connect: Connection refused)" },
  ]);
  const back = [destination({ state: "forwarding", lastError })];
  expect(streamAlerts(streamRow({ egress: back }))).toEqual([]);
});

test("a stream without a worker says that nothing is dubbed", () => {
  const stream = streamRow({ worker: { pid: null, instanceId: null, restarts: 3, status: null } });
  expect(streamAlerts(stream)[0]?.text).toBe("no worker runs: nothing is dubbed, original plays");
});
