import type { StreamUpdate } from "../../src/protocol/sts-session.ts";
import { primarySubtag } from "./clauses/words.ts";
import type { ClauseTerms, SessionTerms } from "./fragment-processor.ts";

/** Longest clause by how much time the client gives: presets fast, balanced and quality. */
const presets = [
  { upToDelayMs: 4000, capMs: 2500 },
  { upToDelayMs: 6000, capMs: 4000 },
  { upToDelayMs: Number.POSITIVE_INFINITY, capMs: 6000 },
] as const;
/** Fragments that a session without a delay may hold: enough for the longest clause and the one before it. */
const fileHoldMs = 24_000;
const spareCredits = 4;
/** Of a client that sends no deadlines: what the way to it and its own work take. */
const unknownWayMs = 200;
const mostCredits = 64;

/** True when the session asks for answers that may be held, so that clauses cross fragments. */
export function wantsClauses(terms: SessionTerms): boolean {
  return terms.playoutDelayMs !== undefined || terms.pacing === "file";
}

/** Fragments that the client may have in flight: what the hold needs. */
export function creditsFor(terms: SessionTerms, chunkMs: number): number {
  const holdMs = terms.pacing === "file" ? fileHoldMs : (terms.playoutDelayMs ?? 0);
  return Math.min(mostCredits, Math.ceil(holdMs / chunkMs) + spareCredits);
}

/** Longest clause that the client's delay allows at all, before the machine's speed is looked at. */
export function presetMsFor(terms: SessionTerms): number {
  const delayMs = terms.pacing === "file" ? Number.POSITIVE_INFINITY : (terms.playoutDelayMs ?? 0);
  return presets.find((preset) => delayMs <= preset.upToDelayMs)?.capMs ?? presets[2].capMs;
}

/** When a fragment of a client that sends no deadlines airs: what it was captured for less what its way took, ms. */
export function assumedAirsInMs(terms: SessionTerms, audioMs: number): number {
  return Math.max(0, (terms.playoutDelayMs ?? 0) - audioMs - unknownWayMs);
}

export function clauseTermsOf(terms: SessionTerms): ClauseTerms {
  return {
    voiceProfile: terms.voiceProfile,
    targets: distinct([terms.targetLanguage, ...terms.furtherLanguages]),
    glossary: terms.glossary,
    keepTerms: terms.keepTerms,
  };
}

/** What holds after `stream:update`: what is not named stays. */
export function updatedTerms(terms: ClauseTerms, update: StreamUpdate): ClauseTerms {
  const [first = ""] = terms.targets;
  return {
    voiceProfile: update.voice_profile ?? terms.voiceProfile,
    targets: update.target_languages
      ? distinct([first, ...update.target_languages])
      : terms.targets,
    glossary: update.glossary ?? terms.glossary,
    keepTerms: update.keep_terms ?? terms.keepTerms,
  };
}

function distinct(tags: readonly string[]): string[] {
  return [...new Set(tags.map(primarySubtag))];
}
