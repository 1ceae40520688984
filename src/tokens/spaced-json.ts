const QUOTE = 0x22
const COMMA = 0x2C
const COLON = 0x3A
const BACKSLASH = 0x5C

/**
 * A JSON value as Python writes it, which is how the service's template shows tools to the model: a space after each
 * comma and colon, characters above ASCII as they are. Numbers read as in JavaScript: 1.0 is written 1.
 */
export function spacedJson (value: unknown): string {
  const compact = JSON.stringify(value) ?? 'null'
  let spaced = ''
  let done = 0
  for (let index = 0; index < compact.length; index++) {
    const unit = compact.charCodeAt(index)
    if (unit === QUOTE) index = closingQuote(compact, index)
    else if (unit === COMMA || unit === COLON) {
      spaced += compact.slice(done, index + 1) + ' '
      done = index + 1
    }
  }
  return spaced + compact.slice(done)
}

function closingQuote (json: string, opening: number): number {
  let index = opening + 1
  while (json.charCodeAt(index) !== QUOTE) index += json.charCodeAt(index) === BACKSLASH ? 2 : 1
  return index
}
