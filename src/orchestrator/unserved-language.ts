import type { StreamSettings } from "../config/streams.ts";

/** Says why no sidecar dubs a language into another; undefined when one does, or none can be asked. */
interface PairJudge {
  unsupported(source: string, target: string): string | undefined;
}

/** Why a stream cannot be dubbed into one of its languages; undefined when all are served. */
export function unservedLanguage(settings: StreamSettings, judge: PairJudge): string | undefined {
  const { sourceLanguage, targetLanguage, furtherLanguages } = settings;
  for (const target of [targetLanguage, ...furtherLanguages]) {
    const problem = judge.unsupported(sourceLanguage, target);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
