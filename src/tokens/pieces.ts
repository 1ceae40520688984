import { CHARACTER_CLASS, NO_PAIR, pairValue } from './table.ts'
import type { TokenTable } from './table.ts'

const { letter: LETTER, number: NUMBER, space: SPACE, newline: NEWLINE, other: OTHER } = CHARACTER_CLASS
const SPACE_UNIT = 0x20
const APOSTROPHE = 0x27
const HAN_FIRST = 0x4E00
const HAN_LAST = 0x9FFF
const ASTRAL_FIRST = 0x10000

/**
 * Where the piece that starts at `start` ends. No token reaches across two pieces. It scans by hand what the tokenizer
 * file says in one regular expression:
 *
 *   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 *
 * except that a run of Han is also cut where no token can span two of its characters, which leaves the count as it is.
 */
export function pieceEnd (text: string, start: number, table: TokenTable): number {
  const first = codePointAt(text, start)
  const kind = table.classes[first]!
  const next = start + (first < ASTRAL_FIRST ? 1 : 2)
  if (kind === LETTER) return lettersEnd(text, next, table)
  if (kind === NUMBER) return next
  if (first === APOSTROPHE) {
    const end = contractionEnd(text, next)
    if (end !== 0) return end
  }
  const nextKind = next < text.length ? table.classes[codePointAt(text, next)]! : 0
  if (nextKind === LETTER && kind !== NEWLINE) return lettersEnd(text, next, table)
  if (kind === OTHER || (first === SPACE_UNIT && nextKind === OTHER)) return othersEnd(text, next, table)
  return spaceEnd(text, start, table)
}

/** A lone surrogate is a code point of its own, of the class of U+FFFD. */
function codePointAt (text: string, index: number): number {
  const unit = text.charCodeAt(index)
  return (unit & 0xFC00) === 0xD800 ? text.codePointAt(index)! : unit
}

function lettersEnd (text: string, from: number, table: TokenTable): number {
  let index = from
  let previous = text.charCodeAt(from - 1)
  while (index < text.length) {
    const codePoint = codePointAt(text, index)
    if (table.classes[codePoint] !== LETTER) break
    if (isHan(codePoint) && isHan(previous) && pairValue(table.bigrams, previous, codePoint) === NO_PAIR) break
    previous = codePoint
    index += codePoint < ASTRAL_FIRST ? 1 : 2
  }
  return index
}

function isHan (codePoint: number): boolean {
  return codePoint >= HAN_FIRST && codePoint <= HAN_LAST
}

function othersEnd (text: string, from: number, table: TokenTable): number {
  let index = from
  while (index < text.length) {
    const codePoint = codePointAt(text, index)
    if (table.classes[codePoint] !== OTHER) break
    index += codePoint < ASTRAL_FIRST ? 1 : 2
  }
  while (index < text.length && table.classes[text.charCodeAt(index)] === NEWLINE) index++
  return index
}

/** White space ends after its last line break; without one, before its last character if a word follows. */
function spaceEnd (text: string, start: number, table: TokenTable): number {
  let index = start
  let newlinesEnd = 0
  for (; index < text.length; index++) {
    const kind = table.classes[text.charCodeAt(index)]!
    if (kind === NEWLINE) newlinesEnd = index + 1
    else if (kind !== SPACE) break
  }
  if (newlinesEnd > 0) return newlinesEnd
  return index === text.length || index === start + 1 ? index : index - 1
}

/** The end of s, t, m, d, re, ve or ll in either case at `index`, or 0. */
function contractionEnd (text: string, index: number): number {
  const first = text.charCodeAt(index) | SPACE_UNIT
  const second = text.charCodeAt(index + 1) | SPACE_UNIT
  switch (String.fromCharCode(first)) {
    case 's': case 't': case 'm': case 'd': return index + 1
    case 'r': case 'v': return second === 0x65 ? index + 2 : 0
    case 'l': return second === 0x6C ? index + 2 : 0
    default: return isLongS(text.charCodeAt(index)) ? index + 1 : 0
  }
}

/** Case-insensitive matching in Unicode takes U+017F for an s. */
function isLongS (unit: number): boolean {
  return unit === 0x17F
}
