import { join } from "node:path";
import { z } from "zod";

/** `livedub-sts serve` with real models, as a child of this test process. */
export interface RealSidecar {
  readonly url: string;
  readonly pid: number;
}

const main = join(import.meta.dir, "..", "..", "gpu", "main.ts");
const warmWithinMs = 120_000;
const listening = z.object({ message: z.literal("listening"), url: z.string() });

let shared: Promise<RealSidecar> | undefined;

/**
 * The one sidecar that all tests of a process share: loading the models takes seconds, and they take
 * 1.2 GB. It is started at the first call, warm when the promise resolves, and ends with the process.
 */
export function realSidecar(): Promise<RealSidecar> {
  shared ??= start();
  return shared;
}

async function start(): Promise<RealSidecar> {
  const child = Bun.spawn([process.execPath, main, "serve"], {
    env: {
      ...process.env,
      STS_PORT: "0",
      STS_MODE: "real",
      MAX_CONCURRENT_STREAMS: "20",
      // what the models say is tested, not how fast a busy machine says it
      ASR_TIMEOUT_MS: "60000",
      TRANSLATION_TIMEOUT_MS: "60000",
      TTS_TIMEOUT_MS: "60000",
      BUN_OPTIONS: "--no-orphans",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.unref();
  process.on("exit", () => child.kill());
  const url = await readUrl(child.stdout);
  await warm(url, child);
  return { url, pid: child.pid };
}

/** The address from the log; what follows is read and dropped, so that the pipe never fills. */
async function readUrl(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const lines = linesOf(stdout);
  for (;;) {
    const { value: line, done } = await lines.next();
    if (done === true) throw new Error("the sidecar ended before it listened");
    const parsed = listening.safeParse(JSON.parse(line));
    if (!parsed.success) continue;
    void drain(lines);
    return parsed.data.url.replace(/\/$/, "");
  }
}

async function drain(lines: AsyncGenerator<string>): Promise<void> {
  while ((await lines.next()).done !== true);
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}

async function warm(url: string, child: Bun.Subprocess): Promise<void> {
  const untilMs = performance.now() + warmWithinMs;
  while (performance.now() < untilMs) {
    if (child.exitCode !== null) throw new Error(`the sidecar ended with ${child.exitCode}`);
    if ((await fetch(`${url}/health`)).ok) return;
    await Bun.sleep(100); // nothing announces warmth to an outsider but its health
  }
  throw new Error(`the sidecar was not warm within ${warmWithinMs} ms`);
}
