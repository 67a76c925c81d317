import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NativeChild } from "../../src/process/native-child.ts";
import { mediamtxPath } from "./tools.ts";

/** A MediaMTX with RTMP alone, on free ports of the loopback; every path may be published and read. */
export class TestMediaMtx implements AsyncDisposable {
  private constructor(
    private readonly child: NativeChild,
    private readonly folder: string,
    readonly rtmpPort: number,
    readonly apiPort: number,
  ) {}

  static async start(): Promise<TestMediaMtx> {
    const [rtmpPort, apiPort] = [await freePort(), await freePort()];
    const folder = mkdtempSync(join(tmpdir(), "mediamtx-"));
    const config = join(folder, "mediamtx.json");
    const off = { rtsp: false, hls: false, webrtc: false, srt: false, moq: false, playback: false };
    writeFileSync(
      config,
      JSON.stringify({
        logLevel: "warn",
        api: true,
        apiAddress: `127.0.0.1:${apiPort}`,
        rtmp: true,
        rtmpAddress: `127.0.0.1:${rtmpPort}`,
        ...off,
        paths: { all_others: {} },
      }),
    );
    const child = await NativeChild.start({ name: "mediamtx", command: [mediamtxPath(), config] });
    const started = new TestMediaMtx(child, folder, rtmpPort, apiPort);
    await started.#untilReady();
    return started;
  }

  url(path: string): string {
    return `rtmp://127.0.0.1:${this.rtmpPort}/${path}`;
  }

  /** The id of the path's publisher, once its media is known. */
  async sourceId(path: string, withinMs = 15_000): Promise<string> {
    const until = performance.now() + withinMs;
    while (performance.now() < until) {
      const state = await this.#path(path);
      if (state?.available && state.source) return state.source.id;
      await Bun.sleep(50);
    }
    throw new Error(`${path} did not become available\n${this.child.lastStderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #path(path: string): Promise<{ available: boolean; source?: { id: string } } | undefined> {
    const answer = await fetch(`http://127.0.0.1:${this.apiPort}/v3/paths/get/${path}`);
    if (!answer.ok) return undefined;
    return (await answer.json()) as { available: boolean; source?: { id: string } };
  }

  async #untilReady(): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt++) {
      const answer = await fetch(`http://127.0.0.1:${this.apiPort}/v3/paths/list`).catch(
        () => null,
      );
      if (answer?.ok) return;
      await Bun.sleep(25);
    }
    throw new Error(`MediaMTX did not start\n${this.child.lastStderr}`);
  }
}

/** A TCP port of the loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
