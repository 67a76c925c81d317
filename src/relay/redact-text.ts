import { redactUrl } from "../telemetry/redact.ts";

/** A program's own words with every URL in them stripped of credentials and query. */
export function redactUrlsIn(text: string): string {
  return text.replaceAll(/[a-z][a-z0-9+.-]*:\/\/[^\s'"]+/gi, (url) => redactUrl(url));
}
