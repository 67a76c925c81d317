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

const ttsProviders = ["local", "openai-compatible", "elevenlabs"] as const;
const ttsProviderAliases: Readonly<Record<string, (typeof ttsProviders)[number]>> = {
  kokoro: "local",
  openai: "openai-compatible",
};

/** `local` (Kokoro), or a service that speaks the profiles with a `voice_id`. */
export const ttsProvider = z.string().transform((value, context) => {
  const name = value.trim().toLowerCase();
  const known = ttsProviderAliases[name] ?? ttsProviders.find((provider) => provider === name);
  if (known !== undefined) return known;
  const message =
    coquiRefusal(name) ?? "must be local (also kokoro), openai-compatible or elevenlabs";
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

/** `kokoro`, the one local voice model, or the model of the voice service. */
export const ttsModel = z.string().transform((value, context) => {
  const name = value.trim();
  if (/^kokoro(-82m)?$/i.test(name)) return "kokoro";
  const refusal = coquiRefusal(name.toLowerCase());
  if (refusal === undefined && name !== "") return name;
  context.addIssue({ code: "custom", message: refusal ?? "must name a model" });
  return z.NEVER;
});

/** What a service speaks with where no model is named. */
export const defaultTtsModels = {
  local: "kokoro",
  "openai-compatible": "tts-1",
  elevenlabs: "eleven_multilingual_v2",
} as const satisfies Record<(typeof ttsProviders)[number], string>;

function coquiRefusal(name: string): string | undefined {
  return name.startsWith("coqui") || name.startsWith("xtts")
    ? "Coqui's XTTS weights are under the Coqui Public Model License, which forbids commercial use; use kokoro (Apache-2.0)"
    : undefined;
}

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
