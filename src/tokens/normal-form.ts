/** Below this unit, text is in normal form C as it stands. */
const COMPOSABLE_UNIT = 0x300

/** A run of marks up to this long costs the engine's insertion sort next to nothing. */
const MARKS_MAX = 64
const LONG_MARKS = new RegExp(`\\p{M}{${MARKS_MAX + 1}}`, 'gu')

/** Bounded, because a match without end overflows the stack of the regular expression engine. */
const MORE_MARKS = /\p{M}{1,4096}/uy

/** Marks of the lowest and the highest combining class, to tell others from starters. */
const LOWEST_MARK = '\u0334'
const HIGHEST_MARK = '\u0345'

/**
 * `text` in normal form C, as the tokenizer reads it. Normalising sorts each run of combining marks by class, and the
 * engine does so in quadratic time: 200,000 alternating marks take it 8 s. So long runs are sorted here, beforehand.
 */
export function normalForm (text: string): string {
  if (!hasComposable(text)) return text
  return sortLongMarks(text).normalize('NFC')
}

function hasComposable (text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) >= COMPOSABLE_UNIT) return true
  }
  return false
}

function sortLongMarks (text: string): string {
  let sorted = ''
  let done = 0
  for (const { index } of text.matchAll(LONG_MARKS)) {
    if (index < done) continue
    const end = marksEnd(text, index)
    sorted += text.slice(done, index) + sortMarks(text.slice(index, end))
    done = end
  }
  return done === 0 ? text : sorted + text.slice(done)
}

function marksEnd (text: string, start: number): number {
  MORE_MARKS.lastIndex = start
  let end = start
  while (MORE_MARKS.test(text)) end = MORE_MARKS.lastIndex
  return end
}

/** Combining marks of one class, which keep the order they came in. */
interface MarkGroup {
  readonly example: string
  marks: string[]
}

/** What a mark decomposes to: each part with its group, or with none if it is a starter, which no mark passes. */
type Decomposition = readonly { readonly mark: string, readonly group: MarkGroup | undefined }[]

/** Ascending by class. Learnt from the engine, so that both always agree; there are 56 classes and 2,500 marks or so. */
const groups: MarkGroup[] = []
const decompositions = new Map<string, Decomposition>()

/** Canonical order: every stretch without a starter sorted by combining class. */
function sortMarks (run: string): string {
  const sorted: string[] = []
  for (const character of run) {
    for (const { mark, group } of decompositionOf(character)) {
      if (group !== undefined) group.marks.push(mark)
      else sorted.push(takeGroups(), mark)
    }
  }
  sorted.push(takeGroups())
  return sorted.join('')
}

function takeGroups (): string {
  let text = ''
  for (const group of groups) {
    if (group.marks.length === 0) continue
    text += group.marks.join('')
    group.marks = []
  }
  return text
}

function decompositionOf (character: string): Decomposition {
  const known = decompositions.get(character)
  if (known !== undefined) return known
  const parts = Array.from(character.normalize('NFD'), mark => ({ mark, group: isStarter(mark) ? undefined : groupOf(mark) }))
  decompositions.set(character, parts)
  return parts
}

function isStarter (mark: string): boolean {
  return !isAbove(HIGHEST_MARK, mark) && !isAbove(mark, LOWEST_MARK)
}

function groupOf (mark: string): MarkGroup {
  const place = groups.findIndex(group => !isAbove(mark, group.example))
  const found = groups[place]
  if (found !== undefined && !isAbove(found.example, mark)) return found
  const added = { example: mark, marks: [] }
  groups.splice(place < 0 ? groups.length : place, 0, added)
  return added
}

/** Whether the class of `left` is above that of `right`: normalising then swaps them. */
function isAbove (left: string, right: string): boolean {
  return (left + right).normalize('NFD') !== left + right
}
