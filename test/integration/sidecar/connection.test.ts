import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startSidecar, type TestSidecar } from "../../support/sidecar-server.ts";
import { StsClient } from "../../support/sts-client.ts";

const key = "correct horse battery staple";
let open: TestSidecar;
let locked: TestSidecar;

beforeAll(async () => {
  open = await startSidecar();
  locked = await startSidecar({ STS_API_KEY: key });
});
afterAll(async () => {
  await open[Symbol.asyncDispose]();
  await locked[Symbol.asyncDispose]();
});

describe("2.1 connection: paths and transports", () => {
  for (const path of ["/socket.io/", "/socket.io", "/ws/sts/", "/ws/sts"])
    for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]])
      test(`${path} by ${transports.join(" upgraded to ")} carries a fragment and back`, async () => {
        using client = await StsClient.begin(
          open.url,
          { stream_id: `s${path}${transports.join()}` },
          { path, addTrailingSlash: path.endsWith("/"), transports },
        );
        client.fragment(0, { stream_id: `s${path}${transports.join()}` });
        const answer = await client.next("fragment:processed");
        expect(answer.status).toBe("success");
        expect(client.socket.io.engine.transport.name).toBe(transports.at(-1) ?? "");
      });

  test("other paths have no Socket.IO", async () => {
    await expect(StsClient.connect(open.url, { path: "/other/" })).rejects.toThrow();
  });

  test("other namespaces are refused", async () => {
    await expect(StsClient.connect(`${open.url}/sts`)).rejects.toThrow("Invalid namespace");
  });

  test("an older Engine.IO is refused with a reason", async () => {
    const response = await fetch(`${open.url}/socket.io/?EIO=3&transport=polling`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ message: "Unsupported protocol version" });
  });

  test("the handshake announces pings and the message limit", async () => {
    const response = await fetch(`${open.url}/socket.io/?EIO=4&transport=polling`);
    const handshake = JSON.parse((await response.text()).slice(1)) as Record<string, unknown>;
    expect(handshake).toMatchObject({
      pingInterval: 25_000,
      pingTimeout: 10_000,
      maxPayload: 52_428_800,
      upgrades: ["websocket"],
    });
  });

  test("any origin may connect, with credentials", async () => {
    const url = `${open.url}/socket.io/?EIO=4&transport=polling`;
    const headers = { origin: "https://studio.example" };
    const response = await fetch(url, { headers });
    expect(response.headers.get("access-control-allow-origin")).toBe("https://studio.example");
    expect(response.headers.get("access-control-allow-credentials")).toBe("true");
    const preflight = await fetch(url, {
      method: "OPTIONS",
      headers: { ...headers, "access-control-request-headers": "x-api-key" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("x-api-key");
  });

  test("an asked-for acknowledgement comes at once, without arguments", async () => {
    using client = await StsClient.begin(open.url, { stream_id: "acks" });
    const values = await client.socket.timeout(2000).emitWithAck("stream:pause", {});
    expect(values).toBeUndefined();
  });

  test("an event that the server does not know is ignored", async () => {
    using client = await StsClient.begin(open.url, { stream_id: "unknown-event" });
    client.send("stream:heartbeat", { beat: 1 });
    client.fragment(0, { stream_id: "unknown-event" });
    await client.next("fragment:processed");
    expect(client.all("error")).toEqual([]);
  });

  test("a dead client is found by its pings", async () => {
    await using quick = await startSidecar({ WS_PING_INTERVAL: "0.2", WS_PING_TIMEOUT: "0.2" });
    const socket = new WebSocket(
      `${quick.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`,
    );
    const opened = new Promise((resolve) => socket.addEventListener("open", resolve));
    const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
    await opened;
    socket.send("40"); // joins the namespace, and then never answers a ping
    await closed;
  });
});

describe("2.1 connection: who is let in", () => {
  const right: [string, object][] = [
    ["auth.token", { auth: { token: key } }],
    [
      "Authorization: Bearer",
      { extraHeaders: { authorization: `Bearer ${key.replaceAll(" ", "_")}` } },
    ],
    ["X-API-Key", { extraHeaders: { "x-api-key": key } }],
  ];
  for (const [way, options] of right)
    test(`the key is taken as ${way}`, async () => {
      await using server = await startSidecar({
        STS_API_KEY: way.startsWith("Auth") ? key.replaceAll(" ", "_") : key,
      });
      using client = await StsClient.connect(server.url, options);
      expect(client.socket.connected).toBe(true);
    });

  for (const [what, options] of [
    ["no key", {}],
    ["a wrong key", { auth: { token: "wrong" } }],
    ["a key of another type", { auth: { token: { toString: key } } }],
    ["an empty bearer", { extraHeaders: { authorization: "Bearer " } }],
  ] as [string, object][])
    test(`${what} is refused with AUTH_FAILED`, async () => {
      const refused = StsClient.connect(locked.url, options).catch((error: unknown) => error);
      const error = (await refused) as Error & { data?: unknown };
      expect(error.message).toBe("AUTH_FAILED");
      expect(error.data).toEqual({ code: "AUTH_FAILED", retryable: false });
    });

  test("without a key in the settings everybody is let in, whatever they show", async () => {
    using client = await StsClient.connect(open.url, { auth: { token: "anything" } });
    expect(client.socket.connected).toBe(true);
  });

  test("beyond WS_MAX_CONNECTIONS a connection is refused with RATE_LIMIT", async () => {
    await using small = await startSidecar({ WS_MAX_CONNECTIONS: "1" });
    using first = await StsClient.connect(small.url);
    const error = (await StsClient.connect(small.url).catch(
      (caught: unknown) => caught,
    )) as Error & {
      data?: unknown;
    };
    expect(error.message).toBe("RATE_LIMIT");
    expect(error.data).toEqual({ code: "RATE_LIMIT", retryable: true });
    expect(first.socket.connected).toBe(true);
  });
});

describe("2.1 connection: one stream a connection, one connection a stream", () => {
  test("a second stream:init replaces the session and begins at 0 again", async () => {
    using client = await StsClient.begin(open.url, { stream_id: "again" });
    client.fragment(0, { stream_id: "again" });
    await client.next("fragment:processed");
    const first = client.all("stream:ready")[0].session_id;
    const ready = await client.init({ stream_id: "again" });
    expect(ready.session_id).not.toBe(first);
    client.fragment(0, { stream_id: "again", fragment_id: "second" });
    const answer = await client.next("fragment:processed", (one) => one.fragment_id === "second");
    expect(answer.sequence_number).toBe(0);
  });

  test("the same worker on a new socket takes its stream over, and the old socket is told", async () => {
    using older = await StsClient.begin(open.url, { stream_id: "taken", worker_id: "edge-a" });
    using newer = await StsClient.begin(open.url, { stream_id: "taken", worker_id: "edge-a" });
    expect(await older.next("error")).toMatchObject({ code: "STREAM_NOT_FOUND", retryable: false });
    newer.fragment(0, { stream_id: "taken" });
    await newer.next("fragment:processed");
    older.fragment(0, { stream_id: "taken", fragment_id: "late" });
    const late = await older.next("error", (error) => error.fragment_id === "late");
    expect(late.code).toBe("STREAM_NOT_FOUND");
  });

  test("another live worker keeps its stream: the newcomer gets STREAM_BUSY", async () => {
    using holder = await StsClient.begin(open.url, { stream_id: "held", worker_id: "edge-a" });
    using newcomer = await StsClient.connect(open.url);
    newcomer.send("stream:init", { stream_id: "held", worker_id: "edge-b", config: {} });
    expect(await newcomer.next("error")).toMatchObject({ code: "STREAM_BUSY", retryable: true });
    holder.fragment(0, { stream_id: "held" });
    await holder.next("fragment:processed");
    expect(holder.all("error")).toEqual([]);
  });

  test("a stream whose worker is gone can be taken by another", async () => {
    const gone = await StsClient.begin(open.url, { stream_id: "free", worker_id: "edge-a" });
    gone.socket.disconnect();
    using next = await StsClient.connect(open.url);
    await next.init({ stream_id: "free", worker_id: "edge-b" });
  });

  test("without worker_id the header X-Worker-ID names the worker", async () => {
    const extraHeaders = { "x-worker-id": "edge-h" };
    using older = await StsClient.begin(
      open.url,
      { stream_id: "by-header", worker_id: null },
      { extraHeaders },
    );
    using newer = await StsClient.begin(
      open.url,
      { stream_id: "by-header", worker_id: undefined },
      { extraHeaders },
    );
    expect(await older.next("error")).toMatchObject({ code: "STREAM_NOT_FOUND" });
    expect(newer.all("error")).toEqual([]);
  });
});
