/** `pt-BR` is `pt`: the models know languages, not regions. */
export function primarySubtag(tag: string): string {
  return (tag.split(/[-_]/)[0] ?? tag).toLowerCase();
}
