import {
  type AppliedMessage,
  type PcmMessage,
  type RelayHello,
  type RelayToWorker,
  relayWorkerProtocolVersion,
  streamSampleRateHz,
  type WorkerLink,
} from "../protocol/relay-worker.ts";
import type { ClauseReport } from "../protocol/clause-report.ts";
import type { WorkerStatus } from "../protocol/supervisor.ts";
import type { BedSplitter } from "../separation/bed-splitter.ts";
import type { Clock } from "../sts/clock.ts";
import { Counters } from "../sts/counters.ts";
import type { StsClient } from "../sts/sts-client.ts";
import type { Vad } from "../vad/silero.ts";
import { AirClock } from "./air-clock.ts";
import { BedMaker } from "./bed-maker.ts";
import { ClauseDubbing } from "./clause-dubbing.ts";
import { DubTrack, forFurtherLanguages } from "./dub-track.ts";
import { fragmentLimits } from "./fragment-length.ts";
import { FragmentOverlap } from "./fragment-overlap.ts";
import { Fragmenter, type Stretch } from "./fragmenter.ts";
import { type AnswerDecoder, FragmentJudge } from "./fragment-judge.ts";
import type { GridCutter } from "./grid-cutter.ts";
import { Listener } from "./listener.ts";
import { PartialText } from "./partial-text.ts";
import { PcmQueue } from "./pcm-queue.ts";
import type { FragmentMedia, SettledFragment } from "./settled-fragment.ts";
import { speechFragment } from "./speech-fragment.ts";
import { fromWholeMs } from "./whole-ms.ts";

export interface StreamWorkerOptions {
  readonly workerId: string;
  readonly link: WorkerLink;
  /** Started already, so that its session is open before media arrives; undefined = passthrough. */
  readonly client: StsClient | undefined;
  /** Target languages, the main one first; the others need a session that works by clauses. */
  readonly languages: readonly string[];
  readonly fragmentMs: number | undefined;
  /** What fragments that follow each other hear of the same sound, 0..200 ms; absent: nothing. */
  readonly overlapMs?: number | undefined;
  /** Owned by the worker from now on; undefined = no gating. */
  readonly vad: Vad | undefined;
  /** Owned by the worker from now on; absent = no separation: dubs lie over the ducked original. */
  readonly splitter?: BedSplitter | undefined;
  readonly decode: AnswerDecoder;
  readonly clock: Clock;
  readonly onFragment: (fragment: SettledFragment, media: FragmentMedia) => void;
  /** Once per clause, when its fate is final in every language; never for fragments that are answered by themselves. */
  readonly onClause?: (clause: ClauseReport) => void;
  readonly onEvent: (level: "info" | "warn" | "error", code: string, message: string) => void;
}

/** Either side of the link says at least this often that it lives. */
const heartbeatMs = 250;

/** The dubbing of one run of a stream: PCM in, dub and settled regions out. One run, then it is done. */
export class StreamWorker {
  readonly counters = new Counters();
  /** Resolves when every sample up to the input's end is settled and said so. */
  readonly done: Promise<void>;
  #finish: () => void = () => {};
  #queue = new PcmQueue();
  #air: AirClock;
  #run: Run | undefined;
  #lastText: WorkerStatus["lastText"] = null;
  #partial = new PartialText();
  #cancelHeartbeat: () => void = () => {};
  #closed = false;

  constructor(private readonly options: StreamWorkerOptions) {
    this.#air = new AirClock(options.clock);
    this.done = new Promise((resolve) => (this.#finish = resolve));
  }

  /** Says hello and listens; the relay's hello opens the run. */
  start(): void {
    const { link, workerId, client, clock } = this.options;
    link.onMessage = (message) => this.#onMessage(message);
    const separates = this.options.splitter !== undefined;
    link.send({ type: "hello", version: relayWorkerProtocolVersion, workerId, separates });
    if (client !== undefined)
      client.onPartial = (partial) => this.#partial.hear(partial, clock.now());
    this.#beat();
    this.#work().catch((error: unknown) => this.#fail(error));
  }

  status(): WorkerStatus {
    const { client, clock } = this.options;
    return {
      type: "status",
      sts: {
        state: client?.state ?? "off",
        engine: client?.engine ?? null,
        endpoint: client?.endpoint ?? "",
        lastError: client?.lastError ?? null,
        reconnects: client?.reconnects ?? 0,
      },
      breaker: client?.breaker ?? "closed",
      inflight: client?.inflight ?? 0,
      counters: {
        ...client?.counters.snapshot(),
        ...this.counters.snapshot(),
        pcm_dropped_blocks: this.#queue.dropped,
        speech_ms: Math.round((this.#run?.listener.speechSamples ?? 0) / 48),
      },
      lastText: this.#lastText,
      partial: this.#partial.at(clock.now()),
    };
  }

  /** Stops at once; what is unsettled stays so, and the relay plays its fallback. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelHeartbeat();
    this.#queue.close();
    for (const track of this.#run?.tracks ?? []) track.close();
    this.options.client?.close();
    this.options.link.close();
    await this.options.vad?.close();
    await (this.#run?.bed ?? this.options.splitter)?.close();
  }

  /** Something in here broke: the run is over, and whoever watches the link starts another. */
  #fail(error: unknown): void {
    if (this.#closed) return;
    const message = error instanceof Error ? error.message : String(error);
    this.options.onEvent("error", "worker-failed", message);
    this.options.link.close();
    this.#finish();
  }

  #beat(): void {
    this.options.link.send({ type: "heartbeat" });
    this.#cancelHeartbeat = this.options.clock.after(heartbeatMs, () => this.#beat());
  }

  #onMessage(message: RelayToWorker): void {
    if (message.type === "hello") this.#open(message);
    else if (message.type === "applied") this.#onApplied(message);
    else if (message.type === "pcm") {
      this.#air.observe(message);
      this.#queue.push(message);
    } else if (message.type === "end") this.#queue.end(message.atSample);
  }

  #open(hello: RelayHello): void {
    if (this.#run !== undefined) return;
    const { options } = this;
    const live = hello.pacing === "live";
    this.#queue.bound(live);
    const { pacing, playoutDelayMs } = hello;
    const limits = fragmentLimits(pacing, playoutDelayMs, options.fragmentMs, options.overlapMs);
    const listener = new Listener(options.vad, 0);
    const tracks = options.languages.map((language) => new DubTrack(options.link, language, !live));
    this.#run = {
      live,
      fragmenter: new Fragmenter(limits, 0),
      overlap: new FragmentOverlap(limits.overlapMs),
      listener,
      tracks,
      clauses: this.#clauseDubbing(live, listener, tracks),
      byClauses: false,
      judge: new FragmentJudge(options.decode, () => options.client?.engine ?? null),
      bed: options.splitter && this.#bedMaker(options.splitter, live),
    };
  }

  #bedMaker(splitter: BedSplitter, live: boolean): BedMaker {
    const { link, clock, onEvent } = this.options;
    const airsInMs = (sample: number) => this.#air.airsAtMs(sample) - clock.now();
    return new BedMaker({
      ...{ link, splitter, counters: this.counters, onEvent },
      airsInMs: live ? airsInMs : undefined,
    });
  }

  #clauseDubbing(
    live: boolean,
    listener: Listener,
    tracks: readonly DubTrack[],
  ): ClauseDubbing | undefined {
    const { client, onFragment, onClause } = this.options;
    if (client === undefined) return undefined;
    return new ClauseDubbing({
      client,
      tracks,
      listener,
      live,
      air: this.#air,
      counters: this.counters,
      onFragment,
      onClause: (clause) => onClause?.(clause),
      onText: (source, translated) => (this.#lastText = { source, translated }),
      onError: (error) => this.#fail(error),
    });
  }

  #onApplied({ fragmentId, late }: AppliedMessage): void {
    if (late) this.counters.add("applied_late");
    else if (fragmentId !== undefined) this.options.client?.applied(fragmentId);
  }

  async #work(): Promise<void> {
    for await (const item of this.#queue) {
      const run = this.#run;
      if (run === undefined) continue; // PCM before hello: a relay never does that
      if (item.type === "pcm") await this.#hear(run, item);
      else {
        run.listener.finish();
        this.#flush(run, item.atSample);
        if (run.byClauses) run.clauses?.end(item.atSample);
        await run.bed?.flush(item.atSample);
        await Promise.all(run.tracks.map((track) => track.settled()));
        run.clauses?.close();
        if (!this.#closed) this.options.link.send({ type: "done" });
        this.#finish();
      }
    }
  }

  async #hear(run: Run, told: PcmMessage): Promise<void> {
    const { listener } = run;
    this.#followSession(run);
    if (told.startSample < listener.nextSample) return; // said before
    const goesOn = told.startSample === listener.nextSample;
    const message = goesOn ? told : fromWholeMs(told);
    if (message === undefined) return;
    if (!goesOn) {
      if (listener.nextSample > 0) this.counters.add("pcm_holes");
      listener.finish();
      this.#flush(run, listener.nextSample);
      if (run.byClauses) run.clauses?.skip(listener.nextSample, message.startSample);
      this.#cutterOf(run).restart(message.startSample);
      await run.bed?.flush(listener.nextSample);
      run.bed?.restart(message.startSample);
      listener.restart(message.startSample);
    }
    run.bed?.hear(message);
    for (const frame of await listener.hear(message)) {
      run.bed?.judge(frame);
      if (run.byClauses) run.clauses?.take(run.clauses.cutter.push(frame));
      else this.#take(run, run.fragmenter.push(frame));
    }
    listener.forget(this.#cutterOf(run).openFrom - run.overlap.most);
  }

  /** The session says how it wants its sound cut; a new one may want it otherwise. */
  #followSession(run: Run): void {
    const { clauses, fragmenter, listener } = run;
    const byClauses = this.options.client?.clauses ?? false;
    if (clauses === undefined || byClauses === run.byClauses) return;
    run.byClauses = byClauses;
    if (byClauses) clauses.cutter.restart(fragmenter.openFrom, listener.heardUntil);
    else fragmenter.restart(clauses.cutter.openFrom);
  }

  #cutterOf(run: Run): Fragmenter | GridCutter {
    return run.byClauses && run.clauses !== undefined ? run.clauses.cutter : run.fragmenter;
  }

  /** The sound ends here, or has a hole: what is open is closed. */
  #flush(run: Run, atSample: number): void {
    if (run.byClauses) run.clauses?.take(run.clauses.cutter.flush(atSample));
    else this.#take(run, run.fragmenter.flush(atSample));
  }

  #take(run: Run, stretches: readonly Stretch[]): void {
    for (const stretch of stretches) {
      const overlapSamples = run.overlap.next(stretch);
      if (stretch.speech) this.counters.add(`cut_at_${stretch.cutAt}`);
      if (stretch.speech && this.options.client !== undefined)
        this.#dub(run, stretch, overlapSamples).catch((error: unknown) => this.#fail(error));
      else for (const track of run.tracks) track.reserve(stretch)({ kind: "original" });
    }
  }

  /** Sends one fragment, with some of what came before it, and settles it by what comes back. */
  async #dub(run: Run, stretch: Stretch, overlapSamples: number): Promise<void> {
    const { client } = this.options;
    if (client === undefined) return;
    const { endSample } = stretch;
    const startSample = stretch.startSample - overlapSamples;
    const airsAtMs = run.live ? this.#air.airsAtMs(startSample) : undefined;
    const outgoing = speechFragment(run.listener, startSample, endSample, airsAtMs);
    const { fragmentId } = outgoing;
    const settles = run.tracks.map((track) =>
      track.reserve({ ...stretch, fragmentId, overlapSamples }),
    );
    const { fragment, settlement } = await run.judge.judge(outgoing, await client.submit(outgoing));
    const { transcript, translatedText } = fragment;
    if (transcript !== "" || translatedText !== "")
      this.#lastText = { source: transcript, translated: translatedText };
    for (const settle of settles.slice(1)) settle(forFurtherLanguages(settlement));
    settles[0]?.(settlement, (placement) => {
      const final = run.judge.afterPlacement(fragment, placement);
      this.counters.add(`outcome_${final.outcome}`);
      const dub = "samples" in settlement ? settlement.samples : undefined;
      this.options.onFragment(final, { input: outgoing.pcm(streamSampleRateHz), dub });
    });
  }
}

interface Run {
  readonly live: boolean;
  readonly fragmenter: Fragmenter;
  readonly overlap: FragmentOverlap;
  readonly listener: Listener;
  readonly tracks: readonly DubTrack[];
  readonly clauses: ClauseDubbing | undefined;
  /** How the sound is cut now. */
  byClauses: boolean;
  readonly judge: FragmentJudge;
  readonly bed: BedMaker | undefined;
}
