import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { startSidecar, type TestSidecar } from "../../support/sidecar-server.ts";
import { fragmentMessage, StsClient } from "../../support/sts-client.ts";

let echo: TestSidecar;
beforeAll(async () => (echo = await startSidecar()));
afterAll(() => echo[Symbol.asyncDispose]());

const events = [
  "stream:init",
  "fragment:data",
  "fragment:ack",
  "stream:pause",
  "stream:resume",
  "stream:end",
  "config:error_simulation",
  "simulate:disconnect:not",
];

/** The server still serves others. */
async function expectAlive(): Promise<void> {
  const stream_id = crypto.randomUUID();
  using client = await StsClient.begin(echo.url, { stream_id });
  client.fragment(0, { stream_id });
  expect(await client.next("fragment:processed")).toMatchObject({ status: "success" });
}

describe("hostile input never ends the server", () => {
  test("anything at all, as the payload of any event, is answered or ignored", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "any" });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...events), fc.anything(), (event, payload) => {
        let wire: unknown;
        try {
          wire = JSON.parse(JSON.stringify(payload) ?? "null");
        } catch {
          wire = null; // not every value has a form on the wire
        }
        client.send(event, wire);
        return Promise.resolve(client.socket.connected);
      }),
      { numRuns: 300 },
    );
    await expectAlive();
  });

  test("a fragment with one value replaced by anything gets an ack, or an error with a code", async () => {
    const keys = ["fragment_id", "stream_id", "sequence_number", "timestamp", "audio", "metadata"];
    const audioKeys = [
      "format",
      "sample_rate_hz",
      "channels",
      "duration_ms",
      "data_base64",
      "speech",
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...keys, ...audioKeys.map((key) => `audio.${key}`)),
        fc.jsonValue(),
        async (path, value) => {
          const stream_id = crypto.randomUUID();
          using client = await StsClient.begin(echo.url, { stream_id });
          const [key = "", inner] = path.split(".");
          const message = fragmentMessage(0, { stream_id }) as Record<string, unknown>;
          if (inner === undefined) message[key] = value;
          else message["audio"] = { ...(message["audio"] as object), [inner]: value };
          client.send("fragment:data", message);
          const answered = await Promise.race([
            client.next("fragment:ack"),
            client.next("error").then((error) => expect(error.code).toMatch(/^[A-Z_]+$/)),
          ]);
          expect(answered).not.toBeNull();
        },
      ),
      { numRuns: 60 },
    );
  });

  test("an event named error, and other reserved names, do no harm", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "reserved" });
    client.send("error", { boom: true });
    client.send("message", "hello");
    client.send("__proto__", {});
    client.send("constructor", {});
    client.fragment(0, { stream_id: "reserved" });
    await client.next("fragment:processed");
    await expectAlive();
  });

  test("a thousand events at once are all answered, in order", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "flood", max_inflight: 10 });
    for (let sequence = 0; sequence < 1000; sequence++)
      client.fragment(sequence, { stream_id: "flood", audio: { data_base64: "AAAA" } });
    const answers = await client.count("fragment:processed", 1000);
    expect(answers.map((one) => one.sequence_number)).toEqual(
      Array.from({ length: 1000 }, (_, i) => i),
    );
    await expectAlive();
  });

  test("a thousand inits on one socket leave one session", async () => {
    using client = await StsClient.connect(echo.url);
    for (let i = 0; i < 1000; i++)
      client.send("stream:init", { stream_id: `many-${i}`, config: {} });
    await client.count("stream:ready", 1000);
    expect(echo.service.sidecar.registry.size).toBe(1);
  });

  for (const [what, bytes] of [
    ["no packet at all", "x"],
    ["an unknown packet", "9"],
    ["a broken event", '42["stream:init",{'],
    ["an event without a name", "42[]"],
    ["an event with a number as its name", "42[5,{}]"],
    ["a reserved event", '42["disconnect"]'],
    ["an acknowledgement that nobody asked for", '4399["x"]'],
    [
      "a binary event without its attachment",
      '451-["fragment:data",{"_placeholder":true,"num":0}]',
    ],
    ["an attachment that nobody announced", Buffer.from([1, 2, 3])],
    ["a placeholder that points nowhere", '451-["fragment:data",{"_placeholder":true,"num":7}]'],
    ["a very deep list", `42["stream:init",${"[".repeat(20_000)}${"]".repeat(20_000)}]`],
  ] as [string, string | Buffer][])
    test(`${what}, written by hand on the WebSocket, ends at most that connection`, async () => {
      const url = `${echo.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`;
      const socket = new WebSocket(url);
      await new Promise((resolve) => socket.addEventListener("open", resolve));
      socket.send("40");
      await new Promise<void>((resolve) => {
        socket.addEventListener("message", (event) => {
          if (String(event.data).startsWith("40")) resolve();
        });
      });
      socket.send(bytes);
      if (what.includes("nowhere")) socket.send(Buffer.from([1]));
      await expectAlive();
      socket.close();
    });

  test("a frame beyond the message limit ends that connection only", async () => {
    using client = await StsClient.connect(echo.url);
    client.send("fragment:data", { padding: "x".repeat(53_000_000) });
    await client.next("disconnect");
    await expectAlive();
  });

  test("a 12 MB frame is an error, and the connection stays", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "large" });
    client.send("fragment:data", { stream_id: "large", junk: "x".repeat(12_000_000) });
    expect(await client.next("error")).toMatchObject({ code: "MALFORMED_DATA" });
    client.fragment(0, { stream_id: "large" });
    await client.next("fragment:processed");
  });

  for (const [what, path, init] of [
    ["an unknown transport", "/socket.io/?EIO=4&transport=pigeon", {}],
    ["an unknown session", "/socket.io/?EIO=4&transport=polling&sid=nope", {}],
    [
      "a POST as a handshake",
      "/socket.io/?EIO=4&transport=polling",
      { method: "POST", body: "40" },
    ],
    ["no query", "/socket.io/", {}],
  ] as [string, string, RequestInit][])
    test(`${what} is refused with 400`, async () => {
      const response = await fetch(`${echo.url}${path}`, init);
      expect(response.status).toBe(400);
      await expectAlive();
    });
});
