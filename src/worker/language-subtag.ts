/** The part of a language tag that sidecars go by: `pt` of `pt-BR`. */
export function primarySubtag(tag: string): string {
  return (tag.split(/[-_]/)[0] ?? tag).toLowerCase();
}
