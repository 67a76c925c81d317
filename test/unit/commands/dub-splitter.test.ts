import { expect, test } from "bun:test";
import { openDubSplitter } from "../../../src/commands/dub-splitter.ts";
import type { FallbackMode } from "../../../src/protocol/supervisor.ts";

/** The net that a file's dub is separated by; undefined where it is not separated. */
async function netOf(
  engine: string | null,
  fallbackMode: FallbackMode,
): Promise<string | undefined> {
  const splitter = await openDubSplitter({
    values: { separation: "gtcrn-wasm", fallbackMode },
    engine,
    environment: process.env,
    say: (text) => expect(text).toBe("nothing is said"),
  });
  await splitter?.close();
  return splitter?.name;
}

test("a dub lies on a separated bed, whatever the fallback", async () => {
  expect(await netOf("real", "original")).toBe("gtcrn-wasm");
  expect(await netOf(null, "silence")).toBe("gtcrn-wasm");
});

test("an echo takes the original's place: no time is spent on a bed that is never heard", async () => {
  expect(await netOf("echo", "original")).toBeUndefined();
  expect(await netOf("echo", "ducked")).toBeUndefined();
  expect(await netOf("echo", "silence")).toBeUndefined();
});

test("an echo whose fallback is heard over the bed has one", async () => {
  expect(await netOf("echo", "background")).toBe("gtcrn-wasm");
  expect(await netOf("echo", "repeat_last")).toBe("gtcrn-wasm");
});
