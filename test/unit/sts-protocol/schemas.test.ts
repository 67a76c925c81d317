import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  decodeBase64,
  encodeBase64,
  maxAudioBytes,
  maxBase64Length,
} from "../../../src/protocol/sts-audio.ts";
import {
  codesNotCountedByBreaker,
  isRetryable,
  stsErrorSchema,
  stsErrorTable,
} from "../../../src/protocol/sts-errors.ts";
import { backpressureSchema } from "../../../src/protocol/sts-events.ts";
import { fragmentProcessedSchema } from "../../../src/protocol/sts-fragment.ts";
import { processAnswerSchema, stsHealthSchema } from "../../../src/protocol/sts-http.ts";
import { wholeNumber } from "../../../src/protocol/sts-scalars.ts";
import { streamCompleteSchema, streamReadySchema } from "../../../src/protocol/sts-session.ts";

describe("whole numbers", () => {
  test("every integer is read alike as number, as float text and as text", () => {
    const schema = wholeNumber(-1000, 1000);
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), (value) => {
        for (const form of [value, `${value}`, `${value}.0`, ` ${value} `])
          expect(schema.parse(form)).toBe(value);
      }),
    );
  });

  test("what is no whole number in range is refused, with the range in the message", () => {
    const schema = wholeNumber(1, 10);
    for (const wrong of [
      0,
      11,
      2.5,
      "2.5",
      "",
      " ",
      "two",
      "1e1",
      "0x5",
      true,
      null,
      [],
      {},
      Number.NaN,
      Infinity,
    ]) {
      const parsed = schema.safeParse(wrong);
      expect(parsed.success).toBe(false);
    }
    expect(schema.safeParse(11).error?.issues[0]?.message).toBe("must be a whole number 1..10");
  });
});

describe("base64", () => {
  test("every byte string survives, and is decoded only from its exact text", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(decodeBase64(text)).toEqual(Buffer.from(bytes));
        expect(decodeBase64(`${text}\n`)).toBeUndefined();
        expect(decodeBase64(`${text}=`)).toBeUndefined();
      }),
    );
  });

  test("a view into a larger buffer encodes its own bytes only", () => {
    const buffer = new Uint8Array([1, 2, 3, 4, 5]);
    expect(encodeBase64(buffer.subarray(1, 4))).toBe("AgME");
  });

  test("the limit in characters is the released servers' number", () => {
    expect(maxBase64Length).toBe(13_981_017);
    expect(Math.ceil(maxAudioBytes / 3) * 4).toBeLessThanOrEqual(maxBase64Length);
  });
});

describe("error table", () => {
  test("says of each code what contract 2.11 says", () => {
    const retryable = Object.entries(stsErrorTable)
      .filter(([, meaning]) => meaning.retryable)
      .map(([code]) => code);
    expect(retryable.toSorted()).toEqual(
      [
        "ASR_FAILED",
        "BACKPRESSURE_EXCEEDED",
        "GPU_OOM",
        "MODEL_ERROR",
        "NETWORK_ERROR",
        "PROCESSING_ERROR",
        "QUEUE_FULL",
        "RATE_LIMIT",
        "RATE_LIMIT_EXCEEDED",
        "STREAM_BUSY",
        "STREAM_NOT_READY",
        "STREAM_PAUSED",
        "TEMPORARY_UNAVAILABLE",
        "TIMEOUT",
        "TRANSLATION_API_UNAVAILABLE",
        "TRANSLATION_FAILED",
      ].toSorted(),
    );
    expect(stsErrorTable.AUTH_FAILED.severity).toBe("fatal");
    expect(stsErrorTable.QUEUE_FULL.severity).toBe("warning");
    expect(stsErrorTable.RATE_LIMIT.severity).toBe("warning");
    expect([...codesNotCountedByBreaker].toSorted()).toEqual([
      "FRAGMENT_TOO_LARGE",
      "INVALID_CONFIG",
      "INVALID_SEQUENCE",
      "STREAM_NOT_FOUND",
    ]);
  });

  test("a client obeys what is said; of an unknown code that says nothing it thinks the worst", () => {
    expect(isRetryable("TIMEOUT", false)).toBe(false);
    expect(isRetryable("TIMEOUT", undefined)).toBe(true);
    expect(isRetryable("NEW_CODE", true)).toBe(true);
    expect(isRetryable("NEW_CODE", undefined)).toBe(false);
    expect(isRetryable("constructor", undefined)).toBe(false);
  });

  test("an error of the older server, without severity and with details only, is read", () => {
    const read = stsErrorSchema.parse({
      code: "TIMEOUT",
      message: "m",
      retryable: true,
      details: { a: 1 },
    });
    expect(read).toMatchObject({ severity: "error", metadata: { a: 1 } });
  });
});

describe("answers of other servers are read", () => {
  test("null for every unset key", () => {
    const read = fragmentProcessedSchema.parse({
      fragment_id: "f",
      stream_id: "s",
      sequence_number: 0,
      status: "failed",
      dubbed_audio: null,
      transcript: null,
      translated_text: null,
      processing_time_ms: 12.6,
      stage_timings: null,
      error: { code: "ASR_FAILED", message: "m", stage: null, retryable: null },
      metadata: null,
    });
    expect(read.dubbed_audio).toBeUndefined();
    expect(read.processing_time_ms).toBe(13);
    expect(read.error).toMatchObject({ retryable: true, stage: undefined });
  });

  test("capabilities as an object, as a list, and not at all", () => {
    const ready = { stream_id: "s", session_id: "x", max_inflight: 3 };
    const lists = [["asr", "tts"], { extensions: ["speech"] }, null, undefined].map(
      (capabilities) =>
        streamReadySchema.parse({ ...ready, capabilities }).capabilities?.extensions,
    );
    expect(lists).toEqual([undefined, ["speech"], undefined, undefined]);
  });

  test("backpressure with the keys of either family", () => {
    const older = {
      stream_id: "s",
      severity: "medium",
      action: "slow_down",
      queue_depth: 4,
      current_inflight: 4,
    };
    const newer = {
      stream_id: "s",
      severity: "high",
      action: "boil",
      max_inflight: 3,
      threshold_exceeded: null,
    };
    expect(backpressureSchema.parse(older)).toMatchObject({ queue_depth: 4 });
    expect(backpressureSchema.parse(newer)).toMatchObject({
      action: "boil",
      threshold_exceeded: undefined,
    });
  });

  test("stream:complete with statistics, or with everything at top level", () => {
    expect(
      streamCompleteSchema.parse({ statistics: { success_count: 2 } }).statistics?.success_count,
    ).toBe(2);
    expect(
      streamCompleteSchema.parse({ success_count: 2, error_breakdown: {} }).success_count,
    ).toBe(2);
  });

  test("health and one-shot answers of any server", () => {
    expect(stsHealthSchema.parse({ status: "healthy", service: "echo-sts" }).pairs).toBeUndefined();
    expect(
      processAnswerSchema.parse({ status: "error", error: { code: "TIMEOUT", message: "m" } })
        .error,
    ).toMatchObject({ retryable: true });
  });
});
