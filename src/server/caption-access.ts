import type { EdgeConfig } from "../config/edge-config.ts";
import { isLoopback } from "../config/edge-rules.ts";
import { keyMatches } from "../orchestrator/access-rules.ts";

/** Captions are for whoever may watch `out` over HLS from elsewhere: everybody where it was opened, else by key. */
export function viewersRule({
  hlsAddress,
  publishKeys,
}: Pick<EdgeConfig["values"], "hlsAddress" | "publishKeys">) {
  return (streamId: string, key: string | undefined): boolean => {
    if (!isLoopback(hlsAddress.host)) return true;
    return publishKeys !== undefined && keyMatches(publishKeys, streamId, key ?? null);
  };
}
