import type { GrowingText } from '../../core/transcript.ts'

/**
 * Looks at a chunk without parsing it. The chunk is read as latin1, one character for each byte, so that places in the text
 * are places in the bytes and a few regular expressions, the fastest search there is, can see all of it. A key's closing
 * quote and colon tell it from the same word inside the model's text, where quotes are escaped.
 */

/** A chunk that has to be understood: an end, a usage, a call or an error. */
const TELLING = /"(?:finish_reason"\s*:\s*"|usage"\s*:\s*\{|tool_calls"\s*:\s*\[|error"\s*:\s*[^n\s])/
/** A list of choices that is closed again: a chunk which broke off in the middle is not plain. */
const CHOICE = /"choices"\s*:\s*\[\s*\{[^]*\]/
const INDEX = /"index"\s*:\s*(\d{1,4})/
const TEXT_VALUE = /"(?:content|(reasoning(?:_content)?))"\s*:\s*"/g

const BACKSLASH = 0x5c

/** True for one whole `data:` line with a choice in it and nothing that has to be understood. */
export function isPlainDelta (chunk: string): boolean {
  // The first line feed ends the only line: `\n\n` or `\r\n\r\n` is all that may follow it.
  const lineEnd = chunk.indexOf('\n')
  if (!chunk.startsWith('data:') || lineEnd < chunk.length - 3) return false
  const last = chunk[lineEnd - 1] === '\r' ? lineEnd - 2 : lineEnd - 1
  return chunk[last] === '}' && CHOICE.test(chunk) && !TELLING.test(chunk)
}

/** The first choice's index. A plain chunk has one choice; were there more, their ends would come in chunks that are parsed. */
export function choiceIndexOf (chunk: string): number {
  return Number(INDEX.exec(chunk)?.[1] ?? 0)
}

export interface TextPlace {
  /** Quotes excluded. */
  readonly start: number
  readonly end: number
  readonly isThought: boolean
}

/** Calls `onText` with the place of each string the model wrote as text or reasoning, unless it is empty. */
export function eachText (chunk: string, onText: (place: TextPlace) => void): void {
  TEXT_VALUE.lastIndex = 0
  for (let key = TEXT_VALUE.exec(chunk); key !== null; key = TEXT_VALUE.exec(chunk)) {
    const start = TEXT_VALUE.lastIndex
    const end = closingQuote(chunk, start)
    if (end < 0) return
    if (end > start) onText({ start, end, isThought: key[1] !== undefined })
    TEXT_VALUE.lastIndex = end
  }
}

function closingQuote (chunk: string, from: number): number {
  for (let quote = chunk.indexOf('"', from); quote >= 0; quote = chunk.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (chunk.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return quote
  }
  return -1
}

const ESCAPED_BYTES_INITIAL = 4 * 1024
/** More text than any model's longest answer is made of. */
const ESCAPED_BYTES_MAX = 1024 * 1024

/**
 * Collects text as it stands escaped on the wire and unescapes it only if it is asked for. At 1 MiB it
 * stops: the text is then a beginning, and an estimate made of it a lower bound.
 */
export class EscapedText implements GrowingText {
  #bytes = Buffer.alloc(0)
  #length = 0
  #cut = false

  /** Of the text as it stands escaped, which is never shorter than what it stands for. */
  get length (): number {
    return this.#length
  }

  /** Appends the bytes of a JSON string, its quotes not included. */
  append (raw: Buffer, start: number, end: number): void {
    const length = this.#length + end - start
    if (this.#cut || length > ESCAPED_BYTES_MAX) {
      this.#cut = true
      return
    }
    if (length > this.#bytes.length) this.#grow(length)
    raw.copy(this.#bytes, this.#length, start, end)
    this.#length = length
  }

  appendText (text: string): void {
    const escaped = Buffer.from(JSON.stringify(text))
    this.append(escaped, 1, escaped.length - 1)
  }

  /** The text; where the upstream's escapes are broken, as it stands. */
  text (): string {
    const escaped = this.#bytes.toString('utf8', 0, this.#length)
    if (!escaped.includes('\\')) return escaped
    try {
      return JSON.parse(`"${escaped}"`) as string
    } catch (cause) {
      if (cause instanceof SyntaxError) return escaped
      throw cause
    }
  }

  #grow (length: number): void {
    const grown = Buffer.allocUnsafe(Math.max(length, this.#bytes.length * 2, ESCAPED_BYTES_INITIAL))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
