import { z } from "zod";

/**
 * Scalars of the speech-to-speech protocol: tolerant on input, so that peers written in other
 * languages (where `"3"`, `3.0` and `null` come easily) are understood.
 */

const integralText = /^\s*[+-]?\d+(?:\.0*)?\s*$/;

/** A whole number within [min, max]; `3`, `3.0` and `"3"` are taken, `"three"`, `3.5` and `true` are not. */
export const wholeNumber = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  z.union([z.number(), z.string()]).transform((raw, context) => {
    const value = typeof raw === "number" || integralText.test(raw) ? Number(raw) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `${min}..${max}`;
    context.addIssue({ code: "custom", message: `must be a whole number ${range}` });
    return z.NEVER;
  });

/** A count or time that a peer may send as a float; rounded, never negative. */
export const roundedCount = z.number().nonnegative().transform(Math.round);

/** A key that may be absent or null; both are read as `undefined`. */
export const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema
    .nullish()
    .transform((value) => value ?? undefined)
    .optional();

/** A key that may be absent or null, with the value that then holds. */
export const withDefault = <Schema extends z.ZodType>(
  schema: Schema,
  value: NonNullable<z.output<Schema>>,
) => schema.nullish().transform((given) => given ?? value);

/** Longest identifier that a peer may choose; it ends in logs, metric labels and maps. */
export const longestId = 256;

/** An identifier chosen by the peer: not empty, bounded, of any characters. */
export const identifier = z.string().min(1, "must not be empty").max(longestId);

/** BCP-47 tag or short code, 2..10 characters. */
export const languageTag = z.string().min(2).max(10);

/** Every problem of a failed parse in one line: `audio.channels: must be a whole number 1..2; …`. */
export function describeProblems(error: z.ZodError): string {
  return error.issues
    .slice(0, 8) // a hostile message can have thousands
    .map((issue) => {
      const path = issue.path.map(String).join(".");
      return path === "" ? issue.message : `${path}: ${issue.message}`;
    })
    .join("; ");
}
