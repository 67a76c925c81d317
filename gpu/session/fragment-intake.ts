import { decodeBase64, maxAudioBytes, maxBase64Length } from "../../src/protocol/sts-audio.ts";
import type { StsErrorCode } from "../../src/protocol/sts-errors.ts";
import { fragmentDataSchema, type FragmentData } from "../../src/protocol/sts-fragment.ts";
import { describeProblems, longestId } from "../../src/protocol/sts-scalars.ts";

/** A message that is refused before it becomes a fragment. */
export interface Refusal {
  readonly code: StsErrorCode;
  readonly message: string;
  readonly metadata?: Record<string, unknown>;
}

/** The `fragment_id` of a message that may be anything, for the error that answers it. */
export function fragmentIdOf(payload: unknown): string | undefined {
  const id = property(payload, "fragment_id");
  return typeof id === "string" && id !== "" ? id.slice(0, longestId) : undefined;
}

/** Reads `fragment:data` from anything. The limit on its size comes first: it has a code of its own. */
export function readFragment(payload: unknown): { data: FragmentData } | { refusal: Refusal } {
  const audio = property(payload, "audio");
  const text = property(audio, "data_base64");
  const bytes = property(audio, "data");
  const base64Length = typeof text === "string" ? text.length : 0;
  const byteLength =
    bytes instanceof ArrayBuffer || bytes instanceof Uint8Array ? bytes.byteLength : 0;
  if (base64Length > maxBase64Length || byteLength > maxAudioBytes) {
    const message = `the audio is too large: ${base64Length > 0 ? `${base64Length} base64 characters, at most ${maxBase64Length}` : `${byteLength} bytes, at most ${maxAudioBytes}`}; send shorter fragments`;
    return { refusal: { code: "FRAGMENT_TOO_LARGE", message } };
  }
  const parsed = fragmentDataSchema.safeParse(payload);
  if (!parsed.success)
    return {
      refusal: {
        code: "MALFORMED_DATA",
        message: `fragment:data is malformed: ${describeProblems(parsed.error)}`,
      },
    };
  const { speech, data, data_base64 } = parsed.data.audio;
  if (speech !== false && data === undefined && data_base64 === undefined)
    return {
      refusal: {
        code: "MALFORMED_DATA",
        message: "fragment:data is malformed: audio.data_base64: must be given",
      },
    };
  return { data: parsed.data };
}

/**
 * The audio bytes of a fragment.
 * @returns `undefined` when `data_base64` is not strict base64
 */
export function audioBytes(audio: FragmentData["audio"]): Uint8Array | undefined {
  if (audio.data !== undefined) return audio.data;
  return decodeBase64(audio.data_base64 ?? "");
}

function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
