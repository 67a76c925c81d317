import type { StsEndpoint } from "./worker.ts";

/** Where an own sidecar is looked for when none is configured and none stands beside the executable. */
export const defaultStsUrl = "http://localhost:8000";

/**
 * The configured sidecars: `STS_ENDPOINTS`, else the single URL with its key, else none (then `serve`
 * starts its own, or uses {@link defaultStsUrl}). An endpoint without a key of its own gets the common one.
 */
export function configuredEndpoints(values: {
  readonly stsEndpoints: readonly StsEndpoint[] | undefined;
  readonly stsUrl: string | undefined;
  readonly stsApiKey: string | undefined;
}): readonly StsEndpoint[] {
  const listed = values.stsEndpoints ?? (values.stsUrl ? [{ url: values.stsUrl, weight: 1 }] : []);
  return listed.map((endpoint) =>
    endpoint.key === undefined && values.stsApiKey !== undefined
      ? { ...endpoint, key: values.stsApiKey }
      : endpoint,
  );
}
