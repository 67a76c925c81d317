import { z } from "zod";

/**
 * Names of models and providers, as they were used by older deployments: what we serve is taken
 * under each of its names, everything else is refused with the reason, never replaced.
 */

/** OpenAI's sizes: `base`, `small.en`, `large-v3`, `large-v3-turbo`, `turbo`. */
const whisperSize = /^((tiny|base|small|medium)(\.en)?|large(-v[123])?(-turbo)?|turbo)$/;

/** `base`, `whisper-base`, `faster-whisper-base`, `openai/whisper-base`: the size. */
export const asrModel = z.string().transform((value, context) => {
  const size = value
    .trim()
    .toLowerCase()
    .replace(/^(openai\/|systran\/)?(faster-)?whisper-/, "");
  if (whisperSize.test(size)) return size;
  context.addIssue({
    code: "custom",
    message:
      "must be a size of Whisper: tiny, base, small, medium, large, large-v3, large-v3-turbo (also whisper-base or faster-whisper-base)",
  });
  return z.NEVER;
});

const translationProviders = ["local", "deepl", "openai-compatible"] as const;
export type TranslationProviderName = (typeof translationProviders)[number];

const otherNames: Readonly<Record<string, TranslationProviderName>> = {
  bergamot: "local",
  marian: "local",
  openai: "openai-compatible",
};

/** `auto`, or names in order of preference; the local models come last where they are not named. */
export const translationProvider = z
  .string()
  .transform((value, context): "auto" | readonly TranslationProviderName[] => {
    const names = value
      .toLowerCase()
      .split(",")
      .map((name) => name.trim());
    if (names.length === 1 && names[0] === "auto") return "auto";
    const known = names.map(
      (name) => otherNames[name] ?? translationProviders.find((provider) => provider === name),
    );
    const order = new Set(known);
    if (order.has(undefined) || order.size < names.length) {
      context.addIssue({
        code: "custom",
        message:
          "must be auto, local, deepl or openai-compatible, or several of these in order of preference " +
          "(each once, like deepl,openai-compatible); other providers are not built in",
      });
      return z.NEVER;
    }
    order.add("local");
    return [...order].filter((name) => name !== undefined);
  });

/** `kokoro`, the one local voice model. */
export const ttsModel = z.string().transform((value, context) => {
  const name = value.trim().toLowerCase();
  if (name === "kokoro" || name === "kokoro-82m") return "kokoro" as const;
  const coqui = name.startsWith("coqui") || name.startsWith("xtts");
  context.addIssue({
    code: "custom",
    message: coqui
      ? "Coqui's XTTS weights are under the Coqui Public Model License, which forbids commercial use; use kokoro (Apache-2.0)"
      : "must be kokoro; other voices are not built in",
  });
  return z.NEVER;
});

export type Device = "cpu" | "cuda";

/** Where inference runs. */
export const device = z.string().transform((value, context): Device => {
  const name = value.trim().toLowerCase();
  if (name === "cpu") return "cpu";
  if (name === "cuda" || name === "gpu" || /^cuda:\d+$/.test(name)) return "cuda";
  context.addIssue({ code: "custom", message: "must be cpu or cuda" });
  return z.NEVER;
});

/** A load at which backpressure begins: a share of `max_inflight`, or a count of fragments. */
export interface LoadThreshold {
  readonly kind: "ratio" | "count";
  readonly value: number;
}

/** A value with a dot, or below 1, is a ratio; else a count. */
export const loadThreshold = z.string().transform((value, context): LoadThreshold => {
  const trimmed = value.trim();
  const number = Number(trimmed);
  if (/^\d+(\.\d+)?$/.test(trimmed) && number > 0) {
    const kind = trimmed.includes(".") || number < 1 ? "ratio" : "count";
    if (kind === "count" || number <= 10) return { kind, value: number };
  }
  context.addIssue({
    code: "custom",
    message: "must be a count of fragments like 6, or a share of max_inflight like 0.7",
  });
  return z.NEVER;
});
