/** A rule of the session's glossary: where the source says this, the target says that. */
export interface GlossaryEntry {
  readonly source: string;
  readonly target: string;
}

export interface TranslateClauseRequest {
  readonly text: string;
  /** Primary subtags. */
  readonly source: string;
  readonly target: string;
  /** The clause before, in the source language: context that is not translated again. */
  readonly context?: string;
  readonly glossary?: readonly GlossaryEntry[];
  /** Names that stay as they are. */
  readonly keepTerms?: readonly string[];
  /** Characters that fit the clause's slot: a wish, not a limit. */
  readonly characterBudget?: number;
}

export interface Translation {
  /** Empty when the text has nothing to say. */
  readonly text: string;
  /** What translated it. */
  readonly model: string;
  /** Providers that failed, or rest after failures, before this one answered. */
  readonly fellBackFrom: readonly string[];
  /** `term_lost: …`, `number_lost: …`: what should have survived and did not. */
  readonly warnings: readonly string[];
}
