/** A header that names what was left out has to stay short whatever a client sends. */
const NAMES_MAX = 32
const NAME = /^[A-Za-z0-9_.-]{1,64}$/
const OTHER = '(other)'

/** Parameters the gateway reads or sets itself: the shape of an answer is its own business. */
const OWN: ReadonlySet<string> = new Set(['result_format', 'incremental_output', 'stream', 'stream_options'])

/**
 * The parameters among `names` to tell a client of that they were left out. `(other)` stands once for those whose names no
 * header could show, and for all that are too many.
 */
export function ignoredNames (names: Iterable<string>): string[] {
  const shown: string[] = []
  let hasOthers = false
  for (const name of names) {
    if (OWN.has(name)) continue
    if (NAME.test(name) && shown.length < NAMES_MAX) shown.push(name)
    else hasOthers = true
  }
  return hasOthers ? [...shown, OTHER] : shown
}
