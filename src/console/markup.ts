/** Text that is HTML already; everything else is escaped when it meets a template. */
export class Markup {
  constructor(readonly html: string) {}
}

type Part = Markup | string | number | null | undefined | readonly Part[];

/**
 * A template whose values are escaped, so that no name, text or error message can become markup.
 * Nested {@link Markup} passes, lists are joined, null and undefined are nothing. Attribute values
 * must stand in double quotes.
 */
export function html(texts: TemplateStringsArray, ...values: readonly Part[]): Markup {
  let out = texts[0] ?? "";
  for (const [index, value] of values.entries()) out += render(value) + (texts[index + 1] ?? "");
  return new Markup(out);
}

function render(part: Part): string {
  if (part === null || part === undefined) return "";
  if (part instanceof Markup) return part.html;
  if (typeof part === "object") return part.map(render).join("");
  return Bun.escapeHTML(String(part));
}
