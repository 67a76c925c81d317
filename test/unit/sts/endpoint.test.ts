import { expect, test } from "bun:test";
import { httpAddress, parseEndpoint } from "../../../src/sts/endpoint.ts";

test.each([
  ["http://localhost:8000", "ws", "http://localhost:8000", "/socket.io/"],
  ["ws://pod:8000/", "ws", "http://pod:8000", "/socket.io/"],
  ["wss://pod.example/ws/sts", "ws", "https://pod.example", "/ws/sts/"],
  ["https://pod.example/ws/sts/", "ws", "https://pod.example", "/ws/sts/"],
  ["https://gate.example/pod7/ws/sts", "ws", "https://gate.example/pod7", "/pod7/ws/sts/"],
  ["http://pod:8000/api/v1/sts", "http", "http://pod:8000", "/socket.io/"],
  ["http://pod:8000/api/v1/sts/process", "http", "http://pod:8000", "/socket.io/"],
] as const)("%s is spoken to over %s at %s", (url, protocol, base, socketPath) => {
  expect(parseEndpoint({ url }, "ws")).toMatchObject({ protocol, base, socketPath });
});

test("STS_PROTOCOL=http selects HTTP for a bare address", () => {
  const endpoint = parseEndpoint({ url: "http://pod:8000" }, "http");
  expect(endpoint.protocol).toBe("http");
  expect(httpAddress(endpoint, "process")).toBe("http://pod:8000/api/v1/sts/process");
});

test("a URL of another kind is refused, and secrets in it are never shown", () => {
  expect(() => parseEndpoint({ url: "ftp://pod:21" }, "ws")).toThrow("must start with http://");
  expect(() => parseEndpoint({ url: "pod" }, "ws")).toThrow("must start with http://");
  const shown = parseEndpoint({ url: "http://user:pass@pod:8000/?token=x" }, "ws").shown;
  expect(shown).not.toContain("pass");
  expect(shown).not.toContain("token");
});
