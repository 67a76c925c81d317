import { join } from "node:path";
import { BunChild } from "../../../src/process/bun-child.ts";
import {
  relayToSupervisor,
  type RelaySpec,
  type RelayStatus,
  type RelayToSupervisor,
  type SupervisorToRelay,
} from "../../../src/protocol/supervisor.ts";
import type { TestMediaMtx } from "../../media/mediamtx.ts";
import { ffmpegPath } from "../../media/tools.ts";

/** A relay process with its supervisor played by the test: what it says is kept, pushes get a URL. */
export class RelayUnderTest implements AsyncDisposable {
  readonly events: { level: string; code: string; message: string }[] = [];
  readonly statuses: RelayStatus[] = [];
  pushRequests = 0;
  #child: BunChild<RelayToSupervisor, SupervisorToRelay>;
  #ready = Promise.withResolvers<void>();
  #waiting: { until: () => boolean; resolve: () => void }[] = [];

  private constructor(
    readonly spec: RelaySpec,
    private readonly outputUrl: (language: string) => string,
  ) {
    this.#child = new BunChild({
      name: "relay",
      command: [process.execPath, join(import.meta.dir, "relay.fixture.ts")],
      incoming: relayToSupervisor,
      onMessage: (message) => this.#heard(message),
    });
  }

  static async start(
    server: TestMediaMtx,
    folder: string,
    streamId: string,
    change: Partial<RelaySpec> = {},
  ): Promise<RelayUnderTest> {
    const spec: RelaySpec = {
      streamId,
      runId: "run-1",
      instanceId: "instance-1",
      inputUrl: server.url(`live/${streamId}/in`),
      languages: ["pt"],
      socketPath: join(folder, `${streamId}.sock`),
      ffmpegPath: await ffmpegPath(),
      playoutDelayMs: 2000,
      fallback: "original",
      withoutBed: "duck",
      bgGain: 1,
      dubGain: 1,
      ...change,
    };
    const relay = new RelayUnderTest(spec, (language) =>
      server.url(`live/${streamId}/${language === spec.languages[0] ? "out" : `out-${language}`}`),
    );
    relay.say({ type: "configure", spec });
    await relay.#ready.promise;
    return relay;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get exited() {
    return this.#child.exited;
  }

  get lastStatus(): RelayStatus {
    const status = this.statuses.at(-1);
    if (status === undefined) throw new Error("the relay has said no status yet");
    return status;
  }

  say(message: SupervisorToRelay): void {
    this.#child.send(message);
  }

  has(code: string): boolean {
    return this.events.some((event) => event.code === code);
  }

  /** Resolves when the condition holds after something the relay said; rejects after the time limit. */
  async until(condition: () => boolean, withinMs: number): Promise<void> {
    if (condition()) return;
    const waited = new Promise<void>((resolve) =>
      this.#waiting.push({ until: condition, resolve }),
    );
    const late = Bun.sleep(withinMs).then(() => {
      const said = JSON.stringify({ events: this.events, status: this.statuses.at(-1) }, null, 1);
      throw new Error(`the relay did not come to it within ${withinMs} ms: ${said}`);
    });
    await Promise.race([waited, late]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop({ message: { type: "stop" }, withinMs: 5000 });
  }

  #heard(message: RelayToSupervisor): void {
    if (message.type === "ready") this.#ready.resolve();
    if (message.type === "event") this.events.push(message);
    if (message.type === "status") this.statuses.push(message);
    if (message.type === "push-request") {
      this.pushRequests += 1;
      const url = this.outputUrl(message.language);
      this.say({ type: "push-url", request: message.request, url });
    }
    this.#waiting = this.#waiting.filter(({ until, resolve }) => {
      if (!until()) return true;
      resolve();
      return false;
    });
  }
}
