import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NativeChild } from "../../../src/process/native-child.ts";
import { freePort } from "../../media/mediamtx.ts";
import { mediamtxPath } from "../../media/tools.ts";

/** What a publisher must show; reading needs neither. */
const goodUser = "studio";
export const goodKey = "right-stream-key";

/** A MediaMTX that plays the platform: whoever publishes must show user and key, by RTMP or SRT. */
export class DestinationServer implements AsyncDisposable {
  private constructor(
    private readonly folder: string,
    readonly rtmpPort: number,
    readonly srtPort: number,
    private readonly apiPort: number,
    private child: NativeChild,
  ) {}

  static async start(): Promise<DestinationServer> {
    const [rtmpPort, srtPort, apiPort] = [await freePort(), await freePort(), await freePort()];
    const folder = mkdtempSync(join(tmpdir(), "livedub-destination-"));
    const off = { rtsp: false, hls: false, webrtc: false, moq: false, playback: false };
    writeFileSync(
      join(folder, "mediamtx.json"),
      JSON.stringify({
        logLevel: "info",
        api: true,
        apiAddress: `127.0.0.1:${apiPort}`,
        rtmpAddress: `127.0.0.1:${rtmpPort}`,
        srt: true,
        srtAddress: `127.0.0.1:${srtPort}`,
        ...off,
        authInternalUsers: [
          { user: goodUser, pass: goodKey, permissions: [{ action: "publish" }] },
          { user: "any", permissions: [{ action: "read" }, { action: "api" }] },
        ],
        paths: { "~^app/[a-z]+$": {} },
      }),
    );
    return new DestinationServer(folder, rtmpPort, srtPort, apiPort, await launch(folder));
  }

  publishUrl(key: string, path = "app/feed"): string {
    return `rtmp://127.0.0.1:${this.rtmpPort}/${path}?user=${goodUser}&pass=${key}`;
  }

  /** SRT drops what comes later than its latency: here that is 2 s (in µs), so that a busy machine loses nothing. */
  srtUrl(key: string, path = "app/feed"): string {
    const streamId = `publish:${path}:${goodUser}:${key}`;
    return `srt://127.0.0.1:${this.srtPort}?latency=2000000&streamid=${streamId}`;
  }

  readUrl(path = "app/feed"): string {
    return `rtmp://127.0.0.1:${this.rtmpPort}/${path}`;
  }

  /** Resolves when viewers can read the path: the server looks at about 2 s of media first. */
  async untilAvailable(path = "app/feed", withinMs = 20_000): Promise<void> {
    const url = `http://127.0.0.1:${this.apiPort}/v3/paths/get/${path}`;
    const until = performance.now() + withinMs;
    while (performance.now() < until) {
      const answer = await fetch(url);
      const state = (await answer.json()) as { available?: boolean };
      if (answer.ok && state.available === true) return;
      await Bun.sleep(50);
    }
    throw new Error(`${path} did not become available`);
  }

  /** The platform goes away, as in an outage. */
  async goDown(): Promise<void> {
    await this.child.stop();
  }

  async comeBack(): Promise<void> {
    this.child = await launch(this.folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function launch(folder: string): Promise<NativeChild> {
  const listening = Promise.withResolvers<void>();
  const child = await NativeChild.start({
    name: "destination",
    command: [mediamtxPath(), join(folder, "mediamtx.json")],
    stdout: "pipe",
  });
  let said = "";
  child.stdout?.setEncoding("utf8");
  child.stdout?.on("data", (text: string) => {
    said = (said + text).slice(-20_000);
    if (said.includes("[SRT] started")) listening.resolve();
  });
  const ended = child.exited.then(() => {
    throw new Error(`the destination ended: ${said}`);
  });
  await Promise.race([listening.promise, ended]);
  return child;
}
