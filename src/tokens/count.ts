import { mergedCount } from './merges.ts'
import { normalForm } from './normal-form.ts'
import { createPieceCache } from './piece-cache.ts'
import { pieceEnd } from './pieces.ts'
import { SPECIAL_TOKENS } from './special-tokens.ts'
import { qwenTable } from './table.ts'

export interface CountOptions {
  /**
   * How to read a special token such as `<|im_end|>` that stands in the text: as the plain text it is (`text`, the
   * default), which never counts less, or as the one token the service's parser may take it for (`parsed`).
   */
  readonly special?: 'text' | 'parsed'
  /** Counting stops as soon as the count is above this number of tokens. */
  readonly tokensMax?: number
}

const SHORT_BYTES = 1_024

const encoder = new TextEncoder()
const shortBytes = new Uint8Array(SHORT_BYTES)
const pieceCache = createPieceCache(countPiece)

/**
 * How many tokens Qwen, Qwen2, Qwen2.5 and Qwen3 models read in `text` (not Qwen3.5 and later, whose vocabulary is
 * another). Exact up to `tokensMax`; beyond it, some number above `tokensMax`. Lone surrogates count as U+FFFD.
 */
export function countText (text: string, options: CountOptions = {}): number {
  const { special = 'text', tokensMax = Infinity } = options
  return special === 'text' ? countPlain(text, tokensMax) : countParsed(text, tokensMax)
}

/** Special tokens are found before the text around them is normalised, and nothing merges across them. */
function countParsed (text: string, tokensMax: number): number {
  let tokens = 0
  let start = 0
  for (const match of text.matchAll(SPECIAL_TOKENS)) {
    tokens += countPlain(text.slice(start, match.index), tokensMax - tokens) + 1
    start = match.index + match[0].length
    if (tokens > tokensMax) return tokens
  }
  return tokens + countPlain(text.slice(start), tokensMax - tokens)
}

function countPlain (text: string, tokensMax: number): number {
  const table = qwenTable()
  const normal = normalForm(text)
  let tokens = 0
  for (let start = 0; start < normal.length && tokens <= tokensMax;) {
    const end = pieceEnd(normal, start, table)
    tokens += end - start === 1 && normal.charCodeAt(start) < 0x80 ? 1 : pieceCache.countOf(normal, start, end)
    start = end
  }
  return tokens
}

function countPiece (text: string, start: number, end: number): number {
  const room = (end - start) * 3
  const bytes = room <= SHORT_BYTES ? shortBytes : new Uint8Array(room)
  return mergedCount(bytes, encoder.encodeInto(text.slice(start, end), bytes).written, qwenTable())
}
