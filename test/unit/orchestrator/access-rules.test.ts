import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  judgeAccess,
  keyMatches,
  type AccessFacts,
} from "../../../src/orchestrator/access-rules.ts";
import { PushNonces } from "../../../src/orchestrator/push-nonces.ts";
import { accessRequest } from "../../../src/protocol/hooks.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const keys = { match: sha256("right"), "*": sha256("common") };

function facts(changes: Partial<AccessFacts> = {}): AccessFacts {
  return {
    publishKeys: keys,
    hlsIsPublic: false,
    redeemPushNonce: () => false,
    isReaderSecret: (secret) => secret === "reader-secret",
    isControlSecret: (secret) => secret === "control-secret",
    ...changes,
  };
}

function ask(changes: object, changedFacts: Partial<AccessFacts> = {}) {
  const request = accessRequest.parse({
    ip: "127.0.0.1",
    action: "publish",
    path: "live/match/in",
    protocol: "rtmp",
    id: "1",
    ...changes,
  });
  const verdict = judgeAccess(request, facts(changedFacts));
  return verdict.allow ? "allowed" : verdict.code;
}

test("the control API is open to us alone, from this machine", () => {
  const call = { action: "api", path: "", protocol: "" };
  expect(ask({ ...call, token: "control-secret" })).toBe("allowed");
  expect(ask({ ...call, token: "another" })).toBe("API_IS_OURS");
  expect(ask(call)).toBe("API_IS_OURS");
  expect(ask({ ...call, ip: "192.0.2.7", token: "control-secret" })).toBe("API_IS_OURS");
});

describe("publishing to in", () => {
  test("needs the stream's own key", () => {
    expect(ask({ query: "key=right" })).toBe("allowed");
    expect(ask({ query: "lang=es&key=right" })).toBe("allowed");
    expect(ask({ query: "key=wrong" })).toBe("WRONG_KEY");
    expect(ask({ query: "" })).toBe("NO_KEY");
    expect(ask({ query: "key=" })).toBe("WRONG_KEY");
  });

  test("the wildcard's key opens streams without one of their own, and no others", () => {
    expect(ask({ path: "live/other/in", query: "key=common" })).toBe("allowed");
    expect(ask({ path: "live/match/in", query: "key=common" })).toBe("WRONG_KEY");
  });

  test("a stream that no key was set for is closed", () => {
    expect(keyMatches({ match: sha256("right") }, "other", "right")).toBe(false);
    // A stored key of zeros must not be what an unknown stream is compared with.
    expect(keyMatches({}, "other", null)).toBe(false);
  });

  test("names of object members are not streams with keys", () => {
    expect(keyMatches({ match: sha256("right") }, "constructor", "right")).toBe(false);
    expect(keyMatches({ match: sha256("right") }, "__proto__", "right")).toBe(false);
  });

  test("without keys it is open to this machine alone", () => {
    const open = { publishKeys: undefined };
    expect(ask({}, open)).toBe("allowed");
    expect(ask({ ip: "::1" }, open)).toBe("allowed");
    expect(ask({ ip: "::ffff:127.0.0.1" }, open)).toBe("allowed");
    expect(ask({ ip: "192.0.2.7" }, open)).toBe("KEYS_UNSET");
    expect(ask({ ip: "" }, open)).toBe("KEYS_UNSET");
  });

  test("paths that are no streams are closed to everybody", () => {
    for (const path of [
      "live/match",
      "live/../in",
      "live/a b/in",
      "other/match/in",
      "live/match/in/x",
    ])
      expect(ask({ path, query: "key=common" })).toBe("UNKNOWN_PATH");
  });
});

describe("publishing to out", () => {
  test("takes a nonce, once, for its own path, from this machine", () => {
    const nonces = new PushNonces();
    const redeemPushNonce = (nonce: string, path: string) => nonces.redeem(nonce, path);
    const nonce = nonces.grant("live/match/out");
    const push = { path: "live/match/out", query: `nonce=${nonce}` };
    expect(ask({ ...push, path: "live/other/out" }, { redeemPushNonce })).toBe("OUT_IS_OURS");
    expect(ask({ ...push, ip: "192.0.2.7" }, { redeemPushNonce })).toBe("OUT_IS_OURS");
    expect(ask(push, { redeemPushNonce })).toBe("allowed");
    expect(ask(push, { redeemPushNonce })).toBe("OUT_IS_OURS");
  });

  test("a publish key does not open it", () => {
    expect(ask({ path: "live/match/out", query: "key=right" })).toBe("OUT_IS_OURS");
  });

  test("a nonce lapses after half a minute, and a path keeps no more than four", () => {
    let nowMs = 0;
    const nonces = new PushNonces(() => nowMs);
    const old = nonces.grant("live/match/out");
    nowMs = 30_001;
    expect(nonces.redeem(old, "live/match/out")).toBe(false);
    const granted = Array.from({ length: 5 }, () => nonces.grant("live/match/out"));
    expect(granted.map((nonce) => nonces.redeem(nonce, "live/match/out"))).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
  });
});

describe("reading", () => {
  test("in is read by our relays alone", () => {
    const read = { action: "read", path: "live/match/in" };
    expect(ask({ ...read, query: "reader=reader-secret" })).toBe("allowed");
    expect(ask({ ...read, query: "reader=guess" })).toBe("IN_IS_PRIVATE");
    expect(ask({ ...read, query: "key=right" })).toBe("IN_IS_PRIVATE");
    expect(ask({ ...read, query: "reader=reader-secret", ip: "192.0.2.7" })).toBe("IN_IS_PRIVATE");
  });

  test("out is open to this machine; others need the key, or an HLS listener that was opened", () => {
    const read = { action: "read", path: "live/match/out" };
    const far = { ...read, ip: "192.0.2.7" };
    expect(ask(read)).toBe("allowed");
    expect(ask(far)).toBe("NOT_FOR_VIEWERS");
    expect(ask({ ...far, query: "key=right" })).toBe("allowed");
    expect(ask({ ...far, protocol: "hls" }, { hlsIsPublic: true })).toBe("allowed");
    expect(ask(far, { hlsIsPublic: true })).toBe("NOT_FOR_VIEWERS");
  });

  test("what is neither publishing nor reading is refused", () => {
    expect(ask({ action: "playback" })).toBe("UNKNOWN_ACTION");
  });
});
