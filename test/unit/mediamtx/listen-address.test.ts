import { expect, test } from "bun:test";
import {
  claimAddresses,
  formatAddress,
  PortTakenError,
  reachableFromHere,
} from "../../../src/mediamtx/listen-address.ts";

const claim = (setting: string, address: { host: string; port: number }) =>
  claimAddresses([{ setting, address }]);

test("a port that somebody holds is named with its setting", () => {
  const holder = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const address = { host: "127.0.0.1", port: holder.port };
  try {
    expect(() => claim("MEDIAMTX_RTMP_ADDRESS", address)).toThrow(PortTakenError);
    expect(() => claim("MEDIAMTX_RTMP_ADDRESS", address)).toThrow(
      /^MEDIAMTX_RTMP_ADDRESS: 127\.0\.0\.1:\d+ .*in use/,
    );
  } finally {
    holder.stop(true);
  }
});

test("port 0 becomes a free one, another for each", () => {
  const any = { setting: "MEDIAMTX_RTMP_ADDRESS", address: { host: "127.0.0.1", port: 0 } };
  const ports = claimAddresses(Array.from({ length: 50 }, () => any)).map(({ port }) => port);
  expect(new Set(ports).size).toBe(50);
  expect(Math.min(...ports)).toBeGreaterThan(0);
});

test("an address that this machine does not have says so", () => {
  const far = { host: "192.0.2.1", port: 4000 };
  expect(() => claim("MEDIAMTX_HLS_ADDRESS", far)).toThrow("MEDIAMTX_HLS_ADDRESS");
});

test("a listener on every address is reached by loopback", () => {
  expect(reachableFromHere({ host: "", port: 1935 })).toEqual({ host: "127.0.0.1", port: 1935 });
  expect(reachableFromHere({ host: "192.0.2.1", port: 1 }).host).toBe("192.0.2.1");
  expect(formatAddress({ host: "::1", port: 1935 })).toBe("[::1]:1935");
});
