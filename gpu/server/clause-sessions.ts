import type {
  StreamInit,
  StreamUpdate,
  StreamUpdatedMessage,
  StsExtension,
} from "../../src/protocol/sts-session.ts";
import { ClauseSession } from "../session/clause-session.ts";
import { creditsFor, wantsClauses } from "../session/clause-terms.ts";
import type { SessionTerms } from "../session/fragment-processor.ts";
import { LagLoadPolicy } from "../session/load-policy.ts";
import type { Session } from "../session/session.ts";
import type { SessionPeer } from "../session/session-peer.ts";
import { refusedTargets, type TermsRefusal } from "../session/terms.ts";
import type { Sidecar } from "./sidecar.ts";

/** Extensions of the protocol that any engine serves; a client uses only what is offered. */
const plainExtensions: readonly StsExtension[] = ["speech", "binary_audio", "file"];
/** What an engine with stages adds. */
const clauseExtensions: readonly StsExtension[] = ["deadline", "clauses", "tracks", "update"];
/** `chunk_duration_ms` of a client that sends none. */
const usualChunkMs = 1000;
const lanes = ["recognise", "translate", "voice"] as const;

/** What this server offers in `stream:ready`. */
export function extensionsOf({ clauses }: Sidecar): readonly StsExtension[] {
  return clauses ? [...plainExtensions, ...clauseExtensions] : plainExtensions;
}

/** The clause engine of a session that asks for held answers, where the server has one. */
export function openClauseSession(
  sidecar: Sidecar,
  init: StreamInit,
  terms: SessionTerms,
  peer: SessionPeer,
): ClauseSession | undefined {
  const { clauses, config, logger } = sidecar;
  if (clauses === undefined || !wantsClauses(terms)) return undefined;
  const streamId = init.stream_id;
  return new ClauseSession({
    ...clauses,
    sessionId: crypto.randomUUID(),
    streamId,
    terms,
    maxInflight: creditsFor(terms, init.config.chunk_duration_ms ?? usualChunkMs),
    timeoutMs: init.timeout_ms ?? config.fragmentTimeoutMs,
    onPartial: ({ startMs, text, stableChars }) =>
      peer.send("transcript:partial", {
        stream_id: streamId,
        start_ms: Math.round(startMs),
        text,
        stable_chars: stableChars,
      }),
    logger: logger.child({ streamId }),
  });
}

/** Load of sessions that hold their answers: how far the models lag behind what is due. */
export function lagPolicy({ clauses }: Sidecar): LagLoadPolicy {
  return new LagLoadPolicy(() =>
    Math.max(0, ...lanes.map((lane) => clauses?.scheduler.lagMs(lane) ?? 0)),
  );
}

/** Changes what holds in a session from its next clause on, or says why it cannot. */
export function updateSession(
  { engine }: Sidecar,
  { options }: Session,
  update: StreamUpdate,
): { readonly message: StreamUpdatedMessage } | { readonly refusal: TermsRefusal } {
  const { terms, processor, streamId } = options;
  const { held } = processor;
  if (held === undefined) {
    const message =
      "stream:update changes sessions by clauses only; send playout_delay_ms or pacing file in stream:init";
    return { refusal: { code: "INVALID_CONFIG", message, metadata: {} } };
  }
  const refusal = refusedTargets(
    engine,
    terms.sourceLanguage,
    update.voice_profile ?? held.terms.voiceProfile,
    update.target_languages
      ? [terms.targetLanguage, ...update.target_languages]
      : held.terms.targets,
  );
  if (refusal !== undefined) return { refusal };
  const updated = held.update(update);
  return {
    message: {
      stream_id: streamId,
      voice_profile: updated.voiceProfile,
      target_languages: updated.targets,
      glossary_entries: updated.glossary.length,
      keep_terms: updated.keepTerms.length,
    },
  };
}
