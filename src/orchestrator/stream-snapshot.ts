import { outputPath } from "../mediamtx/stream-path.ts";
import type { StreamSession } from "./stream-session.ts";
import type { StreamView, WatchUrls } from "./stream-view.ts";

/** Where viewers reach the media server. */
export interface WatchBases {
  /** `rtmp://host:port` */
  readonly rtmp: string;
  /** `http://host:port` */
  readonly hls: string;
}

/** A stream as the API and the status page show it, now. */
export function snapshotOf(session: StreamSession, bases: WatchBases): StreamView {
  const { streamId, settings } = session;
  return {
    streamId,
    state: session.state.phase,
    runId: session.runId,
    startedAt: session.startedAt.toISOString(),
    sourceLanguage: settings.sourceLanguage,
    targetLanguage: settings.targetLanguage,
    furtherLanguages: settings.furtherLanguages,
    voice: settings.voice,
    playoutDelayMs: settings.playoutDelayMs,
    fallback: settings.fallback,
    publisher: session.publisher ?? null,
    outAvailable: session.outAvailable,
    relay: session.relay,
    worker: session.worker,
    egress: session.egress?.snapshots ?? [],
    watch: {
      ...watchUrls(streamId, bases),
      further: settings.furtherLanguages.map((language) => ({
        language,
        ...watchUrls(streamId, bases, language),
      })),
    },
    events: session.journal.events,
  };
}

/** The addresses of a stream's dubbed feed. */
function watchUrls(streamId: string, bases: WatchBases, furtherLanguage?: string): WatchUrls {
  return {
    rtmp: `${bases.rtmp}/${outputPath(streamId, furtherLanguage)}`,
    hls: `${bases.hls}/${outputPath(streamId, furtherLanguage)}/`,
  };
}
