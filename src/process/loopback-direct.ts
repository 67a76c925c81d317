const loopbackNames = ["localhost", "127.0.0.1", "::1", "[::1]"];

/**
 * Keeps calls to our own processes off the HTTP proxy that `HTTP_PROXY` may name: it could not reach them,
 * and the secrets that we show them are none of its business. What `NO_PROXY` names already stays in it.
 *
 * @param environment changed in place; Bun reads it at each request
 */
export function keepLoopbackDirect(environment: Record<string, string | undefined>): void {
  const named = environment["NO_PROXY"] || environment["no_proxy"] || "";
  const names = named.split(",").map((name) => name.trim());
  const all = new Set([...names.filter((name) => name !== ""), ...loopbackNames]);
  environment["NO_PROXY"] = environment["no_proxy"] = [...all].join(",");
}
