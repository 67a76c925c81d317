import type { ClauseReport } from "../protocol/clause-report.ts";
import { type RegionKind, streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { ClauseMessage } from "../protocol/sts-fragment.ts";
import { primarySubtag } from "./language-subtag.ts";

/** A part of stream time, and how it is to be played. */
export interface Marked {
  readonly startSample: number;
  readonly endSample: number;
  readonly kind: RegionKind;
}

/** What is known of a clause in one language. */
interface Fate {
  readonly status: ClauseMessage["status"];
  readonly text: string;
  readonly dub: { readonly startSample: number; readonly endSample: number } | undefined;
  readonly reason: string | undefined;
}

interface Remembered {
  readonly message: ClauseMessage;
  readonly startSample: number;
  readonly endSample: number;
  readonly fates: Map<string, Fate>;
  told: boolean;
}

const samplesPerMs = streamSampleRateHz / 1000;
/** A clause announced late begins at most this much after its source does, or is given up. */
const latestDubSamples = 2000 * samplesPerMs;
/** A clause whose fate was lost with an answer is waited for this long after its words. */
const lostAfterSamples = 5000 * samplesPerMs;
const mostClauses = 256;
/** A server tells again what an answer that failed was to tell: clauses are known as over for so long. */
const mostOver = 1024;

export interface ClauseMemoryEvents {
  /** Once per clause, when its fate is final in every language. */
  onFinal(clause: ClauseReport): void;
  /** A clause was announced late, or its fate in a language is known: told once each. */
  onFate(language: string, status: ClauseMessage["status"], reason: string | undefined): void;
}

/** What one session has told of its clauses, as long as it matters for what is played. Bounded. */
export class ClauseMemory {
  #clauses = new Map<string, Remembered>();
  /** Clauses that were told and forgotten. */
  readonly #over = new Set<string>();

  /** @param languages the stream's target languages, as its settings name them */
  constructor(
    private readonly languages: readonly string[],
    private readonly events: ClauseMemoryEvents,
  ) {}

  /** Takes what an answer says, however often it is said, and forgets what lies well before `nowSample`. */
  learn(messages: readonly ClauseMessage[], nowSample: number): void {
    for (const message of messages) this.#learn(message);
    for (const [id, clause] of this.#clauses) {
      const overSample = endOf(clause);
      const untilSample = clause.told ? overSample : overSample + lostAfterSamples;
      if (untilSample < nowSample || this.#clauses.size > mostClauses) this.#forget(id, clause);
    }
  }

  /** The session is over: fates that were not told never will be. */
  close(): void {
    for (const [id, clause] of this.#clauses) this.#forget(id, clause);
  }

  /** How the clauses that are known want a stretch to be played; later ones win over earlier ones by kind. */
  marksOf(language: string, startSample: number, endSample: number): Marked[] {
    return [...this.#clauses.values()]
      .flatMap((clause) => markOf(clause, clause.fates.get(language)) ?? [])
      .filter((mark) => mark.startSample < endSample && mark.endSample > startSample);
  }

  /** Why a clause in this stretch was dropped; undefined when none was. */
  dropReason(language: string, startSample: number, endSample: number): string | undefined {
    for (const clause of this.#clauses.values()) {
      const fate = clause.fates.get(language);
      const isHere = clause.startSample < endSample && clause.endSample > startSample;
      if (fate?.status === "dropped" && isHere) return fate.reason ?? "dropped";
    }
    return undefined;
  }

  #learn(message: ClauseMessage): void {
    if (this.#over.has(message.clause_id)) return;
    const known = this.#clauses.get(message.clause_id);
    const clause: Remembered = known ?? {
      message,
      startSample: sampleOf(message.start_ms),
      endSample: sampleOf(message.end_ms),
      fates: new Map(),
      told: false,
    };
    this.#clauses.set(message.clause_id, clause);
    const subtags = message.languages?.map(primarySubtag);
    for (const language of this.languages) {
      const subtag = primarySubtag(language);
      if (subtags !== undefined && !subtags.includes(subtag)) continue;
      const former = clause.fates.get(language)?.status;
      if (former === "dubbed" || former === "dropped" || former === message.status) continue;
      const dub = message.dub?.[subtag];
      clause.fates.set(language, {
        status: message.status,
        text: message.translations?.[subtag] ?? "",
        dub: dub && { startSample: sampleOf(dub.start_ms), endSample: sampleOf(dub.end_ms) },
        reason: message.reason,
      });
      this.events.onFate(language, message.status, message.reason);
    }
    const isFinal = this.languages.every((language) => isOver(clause.fates.get(language)));
    if (isFinal && !clause.told) this.#tell(clause);
  }

  #forget(id: string, clause: Remembered): void {
    this.#clauses.delete(id);
    this.#over.add(id);
    if (this.#over.size > mostOver)
      for (const oldest of this.#over.values().take(1)) this.#over.delete(oldest);
    if (clause.told) return;
    for (const language of this.languages)
      if (!isOver(clause.fates.get(language))) this.events.onFate(language, "dropped", "lost");
    this.#tell(clause);
  }

  #tell(clause: Remembered): void {
    clause.told = true;
    const { message, startSample, endSample, fates } = clause;
    const words = message.words?.map(({ word, start_ms, end_ms }) => ({
      word,
      startSample: sampleOf(start_ms),
      endSample: sampleOf(end_ms),
    }));
    this.events.onFinal({
      type: "clause",
      clauseId: message.clause_id,
      startSample,
      endSample,
      sourceText: message.source_text,
      ...(words === undefined ? {} : { words }),
      targets: [...fates]
        .filter(([, { text }]) => text !== "")
        .map(([language, { status, text, dub }]) => ({
          language,
          text,
          ...(dub ?? { startSample, endSample }),
          dubbed: status === "dubbed" && dub !== undefined,
        })),
    });
  }
}

function isOver(fate: Fate | undefined): boolean {
  return fate?.status === "dubbed" || fate?.status === "dropped";
}

/**
 * How a clause is played: never the original and then the dub of the same words, so from the source's first word to
 * the last one of the dub there is no original; words without a dub are the fallback's.
 */
function markOf(clause: Remembered, fate: Fate | undefined): Marked | undefined {
  const { startSample, endSample } = clause;
  switch (fate?.status) {
    case "dubbed":
      return {
        startSample: Math.min(startSample, fate.dub?.startSample ?? startSample),
        endSample: Math.max(endSample, fate.dub?.endSample ?? endSample),
        kind: "dub",
      };
    case "late":
      return {
        startSample,
        endSample: Math.max(endSample, startSample + latestDubSamples),
        kind: "dub",
      };
    case "dropped":
      return { startSample, endSample, kind: "fallback" };
    case undefined:
  }
  return undefined;
}

function endOf(clause: Remembered): number {
  const dubs = [...clause.fates.values()].map(({ dub }) => dub?.endSample ?? 0);
  return Math.max(clause.endSample, ...dubs);
}

function sampleOf(ms: number): number {
  return Math.max(0, Math.round(ms * samplesPerMs));
}
