/** Name patterns by their list: settings are never changed, only replaced, so a list is taken apart once. */
const compiled = new WeakMap<readonly string[], readonly Pattern[]>()

/** The pieces between the stars. A pattern of one piece is a name. */
type Pattern = readonly string[]

/** Whether a list of models holds this one: `*` stands for any characters, also none. No list holds all. */
export function matchesModel (patterns: readonly string[] | undefined, name: string): boolean {
  if (patterns === undefined) return true
  let pieces = compiled.get(patterns)
  if (pieces === undefined) compiled.set(patterns, pieces = patterns.map((pattern) => pattern.split('*')))
  return pieces.some((pattern) => matches(pattern, name))
}

/** Each piece is taken where it first occurs: a later place would leave less room for the rest, so nothing is tried twice. */
function matches (pattern: Pattern, name: string): boolean {
  const [first = '', ...rest] = pattern
  const last = rest.pop()
  if (last === undefined) return name === first
  if (!name.startsWith(first)) return false
  let from = first.length
  for (const piece of rest) {
    const at = name.indexOf(piece, from)
    if (at < 0) return false
    from = at + piece.length
  }
  return name.length - last.length >= from && name.endsWith(last)
}
