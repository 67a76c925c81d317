import { z } from "zod";

/** A BCP 47 tag in its short forms: `en`, `pt-BR`, `zh-Hant-TW`. */
export const languageTag = z
  .string()
  .trim()
  .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, "must be a language tag like en or pt-BR");
