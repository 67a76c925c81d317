import { expect, test } from "bun:test";
import {
  claimAddress,
  formatAddress,
  PortTakenError,
  reachableFromHere,
} from "../../../src/mediamtx/listen-address.ts";

test("a port that somebody holds is named with its setting", () => {
  const holder = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const address = { host: "127.0.0.1", port: holder.port };
  try {
    expect(() => claimAddress("MEDIAMTX_RTMP_ADDRESS", address)).toThrow(PortTakenError);
    expect(() => claimAddress("MEDIAMTX_RTMP_ADDRESS", address)).toThrow(
      /^MEDIAMTX_RTMP_ADDRESS: 127\.0\.0\.1:\d+ .*in use/,
    );
  } finally {
    holder.stop(true);
  }
});

test("port 0 becomes a free one", () => {
  const { port } = claimAddress("MEDIAMTX_RTMP_ADDRESS", { host: "127.0.0.1", port: 0 });
  expect(port).toBeGreaterThan(0);
});

test("an address that this machine does not have says so", () => {
  const far = { host: "192.0.2.1", port: 4000 };
  expect(() => claimAddress("MEDIAMTX_HLS_ADDRESS", far)).toThrow("MEDIAMTX_HLS_ADDRESS");
});

test("a listener on every address is reached by loopback", () => {
  expect(reachableFromHere({ host: "", port: 1935 })).toEqual({ host: "127.0.0.1", port: 1935 });
  expect(reachableFromHere({ host: "192.0.2.1", port: 1 }).host).toBe("192.0.2.1");
  expect(formatAddress({ host: "::1", port: 1935 })).toBe("[::1]:1935");
});
