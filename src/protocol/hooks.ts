import { z } from "zod";

/**
 * What MediaMTX's hooks and its authorisation say to us (contract section 1; MediaMTX v1.20 for the second).
 * Unknown keys are ignored, optional ones may be null.
 */

const nonEmpty = z.string().min(1);
const optionalText = z.string().nullish();

/** Takes the snake_case twins of older peers where the camelCase key is missing. */
function camelCased(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const given = body as Record<string, unknown>;
  return {
    ...given,
    sourceType: given["sourceType"] ?? given["source_type"],
    sourceId: given["sourceId"] ?? given["source_id"],
    correlation_id: given["correlation_id"] ?? given["correlationId"],
  };
}

/** `live/<streamId>/in` or `live/<streamId>/out`, with the further outputs `out_<language>`; anchored, no outer slashes. */
const hookPath = z.string().regex(/^live\/[A-Za-z0-9_-]{1,64}\/(in|out|out_[a-z-]{2,12})$/, {
  message: "must be live/<streamId>/in or live/<streamId>/out",
});

const hookFields = {
  path: hookPath,
  query: optionalText,
  timestamp: optionalText,
  correlation_id: optionalText,
};

/** Body of `POST /v1/mediamtx/events/ready` and `/not-ready`. */
export const hookEvent = z.preprocess(
  camelCased,
  z.object({ ...hookFields, sourceType: nonEmpty, sourceId: nonEmpty }),
);

/** Body of the draft's `POST /hooks/mediamtx/on-ready` and `/on-not-ready`, where the source is optional. */
export const draftHookEvent = z.preprocess(
  camelCased,
  z.object({ ...hookFields, sourceType: nonEmpty.nullish(), sourceId: nonEmpty.nullish() }),
);
export type HookEvent = z.infer<typeof draftHookEvent>;

/** What MediaMTX asks before it lets anyone publish or read (`authMethod: http`). */
export const accessRequest = z.object({
  ip: z.string().default(""),
  action: z.string(),
  path: z.string().default(""),
  protocol: z.string().default(""),
  /** Equals the later `MTX_SOURCE_ID` of a publisher. */
  id: z.string().nullish(),
  query: z.string().default(""),
  /** The bearer token of a call to MediaMTX's control API. */
  token: z.string().default(""),
});
export type AccessRequest = z.infer<typeof accessRequest>;
