import { FfmpegCodec } from "../../gpu/codec/ffmpeg-codec.ts";
import { FragmentCodec } from "../../gpu/codec/fragment-codec.ts";
import { ClauseSession } from "../../gpu/session/clause-session.ts";
import type { ClauseNotice } from "../../gpu/session/clauses/line-answer.ts";
import type { FragmentOutcome } from "../../gpu/session/fragment-processor.ts";
import { StageCosts } from "../../gpu/session/stage-costs.ts";
import { WorkScheduler } from "../../gpu/session/work-scheduler.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { type Faults, sayScript, ScriptedStagesEngine, soundOf } from "./scripted-stages.ts";

const fragmentMs = 320;
const delayMs = 6000;
/** After so many fragments the recording begins anew. */
const loopFragments = 100;
export const loopMs = loopFragments * fragmentMs;
const nothing = () => {};

const recorded = sayScript(
  "The keeper saved the first shot of the evening with both of his hands. Then they scored a goal from the corner, " +
    "and nobody in the stadium could believe what had happened there. After the break the visitors had more of the ball. " +
    "They moved it quickly from one side to the other, but they found no way through. Ten minutes before the end " +
    "a long pass reached the striker, who turned around once and sent it into the net.",
  640,
);

/** A live session whose clock is the replay's own: hours of recorded words pass through it in minutes. */
export class ClauseReplay implements Disposable {
  nowMs = 0;
  readonly engine: ScriptedStagesEngine;
  readonly session: ClauseSession;
  answered = 0;
  failed = 0;
  /** Clauses, each in each language. */
  dubbed = 0;
  readonly #sound = soundOf(recorded, loopMs);
  readonly #scheduler: WorkScheduler;
  #timers: { readonly atMs: number; readonly wake: () => void }[] = [];
  #sent = 0;

  /** @param costs what the session starts from; nothing is known of this machine where none are given */
  constructor(
    faultsAt: (replay: ClauseReplay) => Faults = () => ({}),
    private readonly options: {
      readonly costs?: StageCosts;
      readonly onTold?: (notice: ClauseNotice) => void;
      readonly onAnswer?: (outcome: FragmentOutcome) => void;
      /** What is to be different of a fragment; only PCM can be read, and written as its answer. */
      readonly change?: (sequence: number) => {
        readonly format?: string;
        readonly speech?: boolean;
      };
    } = {},
  ) {
    const { costs = new StageCosts(), onTold } = options;
    this.engine = new ScriptedStagesEngine(recorded, faultsAt(this));
    const now = () => this.nowMs;
    this.#scheduler = new WorkScheduler({ now, onShed: () => costs.gaveUp() });
    this.session = new ClauseSession({
      sessionId: "replay",
      streamId: "match",
      stages: this.engine.stages,
      models: () => this.engine.models,
      codec: new FragmentCodec(
        new FfmpegCodec(() => {
          throw new Error("the replay's sound is PCM");
        }),
      ),
      scheduler: this.#scheduler,
      costs,
      stageTimeouts: { asrMs: 5000, translationMs: 5000, ttsMs: 10_000 },
      observer: {
        decoded: nothing,
        refused: nothing,
        missed: nothing,
        clauseTold: (_streamId, notice) => {
          if (notice.status === "dubbed") this.dubbed++;
          onTold?.(notice);
        },
        stageRan: nothing,
      },
      terms: {
        sourceLanguage: "en",
        targetLanguage: "pt",
        voiceProfile: "default",
        domainHints: [],
        pacing: "live",
        playoutDelayMs: delayMs,
        furtherLanguages: ["es"],
        glossary: [],
        keepTerms: [],
        dubSampleRateHz: 24_000,
        dubChannels: 1,
      },
      maxInflight: 64,
      timeoutMs: 8000,
      onPartial: nothing,
      logger: createLogger({ level: "silent", format: "json" }),
      now,
    });
  }

  /** Work of a stage that takes so long on the replay's clock. */
  takes(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#timers.push({ atMs: this.nowMs + ms, wake: resolve });
    return promise;
  }

  /** Plays one loop of the recording; every fragment's work that takes no time is done before the next comes. */
  async playLoop(): Promise<void> {
    const samples = (fragmentMs * 16_000) / 1000;
    for (let i = 0; i < loopFragments; i++) {
      const piece = this.#sound.subarray(i * samples, (i + 1) * samples);
      this.#send(Int16Array.from(piece, (sample) => Math.round(sample * 32_768)));
      await this.#pass(this.nowMs + fragmentMs);
    }
    for (const calls of [this.engine.transcribed, this.engine.translated, this.engine.spoken])
      calls.length = 0;
  }

  /** Everything that is kept for the session: counts, and what waits for its models. */
  holds() {
    return { ...this.session.holds, waiting: this.#scheduler.waiting };
  }

  [Symbol.dispose](): void {
    this.session.close();
  }

  async #pass(untilMs: number): Promise<void> {
    await workDone();
    for (;;) {
      const [next] = this.#timers.toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.wake();
      await workDone();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
    await workDone();
  }

  #send(pcm: Int16Array): void {
    const sequenceNumber = this.#sent++;
    const change = this.options.change?.(sequenceNumber) ?? {};
    const job = {
      queue: "replay",
      streamId: "match",
      fragmentId: `f${sequenceNumber}`,
      sequenceNumber,
      terms: this.session.options.terms,
      audio: {
        format: change.format ?? "pcm_s16le",
        sampleRateHz: 16_000,
        channels: 1,
        durationMs: fragmentMs,
        bytes: new Uint8Array(pcm.buffer),
      },
      ptsNs: sequenceNumber * fragmentMs * 1e6,
      airsInMs: delayMs - fragmentMs,
      receivedAtMs: this.nowMs,
      speech: change.speech ?? pcm.some((sample) => sample !== 0),
      maxAnswerBytes: Number.POSITIVE_INFINITY,
      signal: new AbortController().signal,
    };
    this.session.process(job).then(
      (outcome) => {
        this.answered++;
        this.options.onAnswer?.(outcome);
      },
      () => this.failed++,
    );
  }
}

/** The session's work runs in promises and short turns of the event loop: both are over after a few turns. */
async function workDone(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}
