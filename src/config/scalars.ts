import { z } from "zod";

/** Settings are text; these schemas parse them and say in their messages what would be right. */

/** `true` or `false` (also `1`, `0`, `yes`, `no`, any case). */
export const bool = z.string().transform((text, context) => {
  const word = text.trim().toLowerCase();
  if (["true", "1", "yes"].includes(word)) return true;
  if (["false", "0", "no"].includes(word)) return false;
  context.addIssue({ code: "custom", message: "must be true or false" });
  return z.NEVER;
});

/** A whole number within [min, max]; `unit` is named in the message. */
export const integer = (min: number, max: number, unit = "") =>
  z.string().transform((text, context) => {
    const value = Number(text.trim());
    if (/^[+-]?\d+$/.test(text.trim()) && value >= min && value <= max) return value;
    const what = unit === "" ? "" : ` (${unit})`;
    context.addIssue({ code: "custom", message: `must be a whole number ${min}..${max}${what}` });
    return z.NEVER;
  });

/** A decimal number within [min, max]. */
export const decimal = (min: number, max: number) =>
  z.string().transform((text, context) => {
    const value = Number(text.trim());
    if (text.trim() !== "" && Number.isFinite(value) && value >= min && value <= max) return value;
    context.addIssue({ code: "custom", message: `must be a number ${min}..${max}` });
    return z.NEVER;
  });

/** One of a few words, in any case. */
export const choice = <const T extends readonly string[]>(...words: T) =>
  z.string().transform((text, context): T[number] => {
    const found = words.find((word) => word === text.trim().toLowerCase());
    if (found !== undefined) return found;
    context.addIssue({ code: "custom", message: `must be one of ${words.join(", ")}` });
    return z.NEVER;
  });

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration like `250ms`, `2s`, `1m30s` (Go style) within [minMs, maxMs]; the value is milliseconds. */
export const duration = (minMs: number, maxMs: number) =>
  z.string().transform((text, context) => {
    const trimmed = text.trim();
    const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
    const whole = parts.map((part) => part[0]).join("") === trimmed && parts.length > 0;
    const ms = parts.reduce((sum, part) => sum + Number(part[1]) * (unitMs[part[2] ?? ""] ?? 0), 0);
    if ((whole || trimmed === "0") && ms >= minMs && ms <= maxMs) return Math.round(ms);
    context.addIssue({
      code: "custom",
      message: `must be a duration like 250ms, 2s or 1m30s, from ${minMs}ms to ${maxMs}ms`,
    });
    return z.NEVER;
  });

/** `host:port`, or `:port` for every address. */
export const hostPort = z.string().transform((text, context) => {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]*)):(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  if (match && port >= 0 && port <= 65535) return { host: match[1] ?? match[2] ?? "", port };
  context.addIssue({ code: "custom", message: "must be host:port, for example 127.0.0.1:8080" });
  return z.NEVER;
});

/** A URL with one of the given schemes. */
export const url = (...schemes: string[]) =>
  z.string().transform((text, context) => {
    const parsed = URL.canParse(text) ? new URL(text) : undefined;
    if (parsed && schemes.includes(parsed.protocol.slice(0, -1))) return text;
    context.addIssue({
      code: "custom",
      message: `must be a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
    });
    return z.NEVER;
  });

/** Any text that is not empty. */
export const text = z.string().min(1, "must not be empty");
