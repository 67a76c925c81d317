/**
 * A URL fit to be shown: user, password and query gone, and the last path segment too when the URL
 * is a push destination (it is the stream key).
 */
export function redactUrl(
  url: string,
  options: { readonly dropLastSegment?: boolean } = {},
): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return "(not a URL)";
  }
  const segments = parsed.pathname.split("/");
  if (options.dropLastSegment && segments.length > 2) segments[segments.length - 1] = "***";
  return `${parsed.protocol}//${parsed.host}${segments.join("/")}`;
}
