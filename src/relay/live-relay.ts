import { join } from "node:path";
import { asBytes } from "../audio/pcm.ts";
import { relayWorkerProtocolVersion, streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { WorkerToRelay } from "../protocol/relay-worker.ts";
import type {
  RelaySpec,
  RelayStatus,
  RelayToSupervisor,
  SupervisorToRelay,
} from "../protocol/supervisor.ts";
import { BedRing } from "./bed-ring.ts";
import type { MixSettings } from "./block-mixer.ts";
import { FillerFile } from "./filler-file.ts";
import { Ingest } from "./ingest.ts";
import { LanguageChannel } from "./language-channel.ts";
import { PcmRing } from "./pcm-ring.ts";
import { PlayoutClock } from "./playout-clock.ts";
import { Playout } from "./playout.ts";
import { Publisher } from "./publisher.ts";
import { PushUrls } from "./push-urls.ts";
import { Timeline } from "./timeline.ts";
import { VideoQueue } from "./video-queue.ts";
import { WorkerServer } from "./worker-server.ts";

/** One language's output path. */
interface Output {
  readonly channel: LanguageChannel;
  readonly publisher: Publisher;
}

const tickMs = 40;
const statusMs = 1000;
/** The delay line holds D and this much more, for bursts after a stall. */
const slackMs = 12_000;
/** Pictures of the delay line: 40 s at 50 Mbit/s. */
const maxVideoBytes = 256 * 1024 * 1024;
/** How far beyond the newest sound a worker may settle, in samples: late words run into the next pause. */
const aheadSamples = 30 * streamSampleRateHz;
/** Sound that keeps coming this long too late for its time means that the source's delay has grown. */
const lateForMs = 1500;

export interface LiveRelayParent {
  send(message: RelayToSupervisor): void;
}

/**
 * One live stream's media path: input → delay line → mix at playout → one output per language. It
 * depends on nothing else: without a worker, or with one that hangs, every block still goes out.
 */
export class LiveRelay {
  #clock = new PlayoutClock();
  #queue = new VideoQueue(maxVideoBytes);
  #original: PcmRing;
  #bed: BedRing;
  #settings: MixSettings;
  #outputs: Output[];
  #joint: Publisher | undefined;
  #playout: Playout;
  #timeline: Timeline;
  #ingest: Ingest;
  #worker: WorkerServer;
  #urls: PushUrls;
  #filler: FillerFile | undefined;
  #timers: ReturnType<typeof setInterval>[] = [];
  #startedAtMs = performance.now();
  #lateSinceMs: number | undefined;
  #inSpan = false;
  #stopping = false;
  #lateSamples = 0;

  constructor(
    readonly spec: RelaySpec,
    private readonly parent: LiveRelayParent,
  ) {
    const { fallback, withoutBed, bgGain, dubGain, tuning } = spec;
    this.#settings = { fallback, withoutBed, bgGain, dubGain, tuning };
    this.#original = new PcmRing(((spec.playoutDelayMs + slackMs) * streamSampleRateHz) / 1000);
    this.#bed = new BedRing(this.#original.capacitySamples);
    this.#urls = new PushUrls((message) => parent.send(message));
    this.#worker = this.#createWorkerServer();
    this.#filler = this.#createFiller();
    this.#outputs = spec.languages.map((language) => this.#createOutput(language));
    if (spec.joint !== undefined)
      this.#joint = this.#createPublisher(spec.joint, spec.languages.length);
    this.#playout = new Playout({
      clock: this.#clock,
      queue: this.#queue,
      original: this.#original,
      bed: this.#bed,
      outputs: this.#outputs,
      joint: this.#joint,
      playoutDelayMs: spec.playoutDelayMs,
    });
    this.#timeline = new Timeline(this.#clock, {
      video: (packet) => {
        this.#queue.push(packet);
        this.#filler?.offer(packet);
      },
      sound: (startSample, samples) => this.#takeSound(startSample, samples),
      spanPlaced: (sample) => this.#event("info", "span", `a new span begins at sample ${sample}`),
    });
    this.#ingest = this.#createIngest();
  }

  /** Opens the worker's socket and begins to play; `ready` is sent when the socket listens. */
  async start(): Promise<void> {
    await this.#worker.listen();
    this.#timers.push(setInterval(() => this.#tick(), tickMs));
    this.#timers.push(setInterval(() => this.#everySecond(), statusMs));
    this.parent.send({ type: "ready" });
  }

  handle(message: SupervisorToRelay): void {
    switch (message.type) {
      case "input-available":
        this.#ingest.available(message.sourceId);
        return;
      case "input-lost":
        this.#ingest.lost(message.sourceId);
        return;
      case "push-url":
        this.#urls.answer(message.request, message.url);
        return;
      case "set-fallback":
        this.#settings.fallback = message.fallback;
        return;
      case "configure":
      case "stop":
    }
  }

  /** Ends both FFmpegs, the worker's connection and every timer. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer); // before the pipes end
    this.#worker.send({ type: "end", atSample: this.#original.endSample });
    this.#urls.close();
    await Promise.all([
      this.#ingest.close(),
      ...this.#outputs.map(({ publisher }) => publisher.close()),
      this.#joint?.close(),
      this.#worker.close(),
    ]);
    this.parent.send(this.status());
  }

  /** What is measured now; counters count since the start. */
  status(): RelayStatus {
    const playing = this.#playout.playing;
    const waiting = this.#original.endSample - this.#playout.mixedSample;
    return {
      type: "status",
      state: this.#state(),
      uptimeMs: performance.now() - this.#startedAtMs,
      playedSamples: this.#playout.mixedSample,
      avDeltaMs: this.#playout.avDeltaMs,
      lateMs: this.#playout.lateMs,
      workerConnected: this.#worker.isConnected,
      playing,
      videoQueue: this.#queue.length,
      audioQueue: Math.max(0, Math.round(waiting / 960)),
      counters: this.#counters(),
    };
  }

  #state(): RelayStatus["state"] {
    if (this.#stopping) return "stopping";
    if (!this.#playout.isStarted) return this.#clock.isSet ? "filling" : "waiting";
    if (this.#playout.playing === "filler") return "gap";
    return this.#outputs.every(({ publisher }) => publisher.isRunning) ? "live" : "filling";
  }

  #counters(): Record<string, number> {
    const counters: Record<string, number> = {
      ...this.#playout.counters,
      ...this.#ingest.counters,
      ...this.#worker.counters,
      ...this.#bed.counters,
      spans: this.#timeline.spans,
      videoRefused: this.#queue.refused + this.#timeline.refusedPictures,
      lateSamples: this.#lateSamples,
    };
    const parts = this.#outputs.flatMap(({ channel, publisher }): Record<string, number>[] => [
      { ...channel.settlements.counters },
      publisher.counters,
    ]);
    for (const part of [...parts, { ...this.#joint?.counters }])
      for (const [name, value = 0] of Object.entries(part))
        counters[name] = (counters[name] ?? 0) + value;
    return counters;
  }

  #createWorkerServer(): WorkerServer {
    const { streamId, runId, playoutDelayMs, socketPath } = this.spec;
    const version = relayWorkerProtocolVersion;
    const hello = {
      type: "hello",
      version,
      streamId,
      runId,
      pacing: "live",
      playoutDelayMs,
    } as const;
    return new WorkerServer(socketPath, hello, {
      onConnected: (workerId) => this.#event("info", "worker-connected", `worker ${workerId}`),
      onMessage: (message) => this.#fromWorker(message),
      onGone: (reason) => {
        for (const { channel } of this.#outputs) channel.settlements.forgetStaged();
        this.#event("warn", "worker-gone", `the worker ${reason}; the original goes on`);
      },
    });
  }

  #createOutput(language: string): Output {
    const channel = new LanguageChannel({
      language,
      settings: this.#settings,
      maxAheadSamples: (this.spec.playoutDelayMs * streamSampleRateHz) / 1000 + aheadSamples,
      onApplied: (message) => void this.#worker.send(message),
    });
    return { channel, publisher: this.#createPublisher(language, 1) };
  }

  #createPublisher(name: string, soundTracks: number): Publisher {
    const parent = {
      requestUrl: (wanted: string) => this.#requestUrl(wanted),
      event: this.#event.bind(this),
      now: () => performance.now(),
    };
    return new Publisher(this.spec.ffmpegPath, name, parent, soundTracks);
  }

  #createFiller(): FillerFile | undefined {
    const { ffmpegPath, fillerFolder } = this.spec;
    if (fillerFolder === undefined) return undefined;
    return new FillerFile(ffmpegPath, join(fillerFolder, this.spec.streamId), {
      event: (level, code, message) => this.#event(level, code, message),
    });
  }

  /** The output's filler, whose sound is one track, stands before its URL is asked for: the path is made with it. */
  async #requestUrl(language: string): Promise<string> {
    const filler = language === this.spec.joint ? undefined : await this.#filler?.written;
    return this.#urls.request(language, filler);
  }

  #createIngest(): Ingest {
    return new Ingest(this.spec.ffmpegPath, this.spec.inputUrl, {
      spanOpened: () => this.#timeline.openSpan(),
      spanEnded: () => {
        this.#inSpan = false;
        this.#original.fadeOutEnd();
      },
      video: (tag, nowMs) => this.#timeline.video(tag, nowMs),
      sound: (startSample, samples, nowMs) => this.#timeline.sound(startSample, samples, nowMs),
      event: (level, code, message) => this.#event(level, code, message),
      now: () => performance.now(),
    });
  }

  #takeSound(startSample: number, samples: Int16Array): void {
    const endSample = startSample + samples.length / 2;
    this.#followDelay(endSample, samples.length / 2);
    this.#original.write(startSample, samples, this.#inSpan ? "continue" : "begin");
    this.#inSpan = true;
    this.#worker.send({
      type: "pcm",
      startSample,
      airsInMs: this.#playout.airsAtMs(startSample) - performance.now(),
      pcm: asBytes(samples),
    });
  }

  /** A source whose delay has grown past D would be late for ever: its stream is placed anew. */
  #followDelay(endSample: number, count: number): void {
    if (!this.#playout.isStarted || endSample > this.#playout.mixedSample) {
      this.#lateSinceMs = undefined;
      return;
    }
    this.#lateSamples += count;
    const nowMs = performance.now();
    this.#lateSinceMs ??= nowMs;
    if (nowMs - this.#lateSinceMs < lateForMs) return;
    this.#lateSinceMs = undefined;
    this.#event("warn", "input-late", "the input's delay has grown: it is placed anew");
    this.#original.fadeOutEnd();
    this.#inSpan = false;
    queueMicrotask(() => this.#timeline.openSpan());
  }

  #fromWorker(message: WorkerToRelay): void {
    if (message.type === "bed" || message.type === "bed-stretch")
      this.#bed.receive(message, this.#playout.mixedSample);
    if (message.type !== "audio" && message.type !== "region") return;
    const output = this.#outputs.find(({ channel }) => channel.language === message.language);
    output?.channel.receive(message);
  }

  #tick(): void {
    this.#playout.tick(performance.now());
  }

  #everySecond(): void {
    this.#ingest.check();
    this.parent.send(this.status());
  }

  #event(level: "info" | "warn" | "error", code: string, message: string): void {
    this.parent.send({ type: "event", level, code, message });
  }
}
