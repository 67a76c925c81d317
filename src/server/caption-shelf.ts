import { jointLanguage, outputPath } from "../mediamtx/stream-path.ts";
import { type CommonSpec, hasJointOutput } from "../orchestrator/session-specs.ts";
import type { ClauseReport } from "../protocol/clause-report.ts";
import type { RelayStatus } from "../protocol/supervisor.ts";
import { soundLeadMs } from "../relay/playout.ts";
import type { Logger } from "../telemetry/log.ts";
import { HlsTimeline } from "./hls-timeline.ts";
import { StreamCaptions } from "./stream-captions.ts";

/** What the shelf reads of a stream's session. */
interface CaptionedSession {
  readonly streamId: string;
  readonly runId: string;
  readonly settings: {
    readonly sourceLanguage: string;
    readonly targetLanguage: string;
    readonly furtherLanguages: readonly string[];
  };
}

/** One output of a stream: its dubs, and how its HLS rendition counts time, each from a moment of its own. */
export interface CaptionedOutput {
  /** Of its sound tracks, in their order. */
  readonly languages: readonly string[];
  /** What its path ends in; undefined: the stream's first language, on `out`. */
  readonly furtherLanguage: string | undefined;
  readonly timeline: HlsTimeline;
}

/** One stream's captions, and its outputs by the last part of their paths: `out`, `out_es`. */
export interface CaptionedStream {
  readonly captions: StreamCaptions;
  readonly outputs: ReadonlyMap<string, CaptionedOutput>;
}

/** A stream, and since when its present push is there. */
interface Shelved extends CaptionedStream {
  pushStarts: number;
  pushedAtMs: number;
}

const samplesPerMs = 48;
/** Another push is on air this long after it was started, at the latest; until then the time may still move. */
const pushSettledMs = 6000;

/** The captions of every stream that runs. */
export class CaptionShelf {
  #streams = new Map<string, Shelved>();

  /** @param hlsBase `http://host:port` of MediaMTX as we reach it, asked for when the first stream begins */
  constructor(
    private readonly hlsBase: () => string,
    private readonly log: Logger,
    private readonly common: Pick<CommonSpec, "jointOutput">,
  ) {}

  stream(streamId: string): CaptionedStream | undefined {
    return this.#streams.get(streamId);
  }

  relayMeasured(session: CaptionedSession, status: RelayStatus): void {
    if (status.playedSamples === 0 || status.state === "stopping") return;
    const playedMs = status.playedSamples / samplesPerMs - soundLeadMs;
    const stream = this.#streamOf(session);
    stream.captions.played(session.runId, playedMs);
    const { pushStarts = 0 } = status.counters;
    if (pushStarts !== stream.pushStarts) {
      stream.pushStarts = pushStarts;
      stream.pushedAtMs = performance.now();
    }
    if (performance.now() - stream.pushedAtMs >= pushSettledMs) return;
    for (const { timeline } of stream.outputs.values()) timeline.forget();
  }

  clauseSettled(session: CaptionedSession, clause: ClauseReport): void {
    this.#streamOf(session).captions.add(session.runId, clause);
  }

  sessionEnded({ streamId }: CaptionedSession): void {
    const counters = this.#streams.get(streamId)?.captions.counters;
    this.#streams.delete(streamId);
    if (counters === undefined) return;
    this.log.info(
      { streamId, event: "captions.ended", ...counters },
      `captions: ${counters.tooFast} faster than 17 characters a second, ${counters.late} too late, ${counters.dropped} too many`,
    );
  }

  #streamOf({ streamId, settings }: CaptionedSession): Shelved {
    const there = this.#streams.get(streamId);
    if (there !== undefined) return there;
    const { sourceLanguage, targetLanguage, furtherLanguages } = settings;
    const languages = [sourceLanguage, targetLanguage, ...furtherLanguages];
    const begun: Shelved = {
      pushStarts: 0,
      pushedAtMs: performance.now(),
      captions: new StreamCaptions(sourceLanguage, [...new Set(languages)]),
      outputs: new Map([
        this.#output(streamId, [targetLanguage], undefined),
        ...furtherLanguages.map((language) => this.#output(streamId, [language], language)),
        ...(hasJointOutput(this.common, settings)
          ? [this.#output(streamId, [targetLanguage, ...furtherLanguages], jointLanguage)]
          : []),
      ]),
    };
    this.#streams.set(streamId, begun);
    return begun;
  }

  #output(
    streamId: string,
    languages: readonly string[],
    furtherLanguage: string | undefined,
  ): [name: string, output: CaptionedOutput] {
    const path = outputPath(streamId, furtherLanguage);
    const timeline = new HlsTimeline(`${this.hlsBase()}/${path}/index.m3u8?cookieCheck=1`);
    return [path.slice(path.lastIndexOf("/") + 1), { languages, furtherLanguage, timeline }];
  }
}
