const UNITS_MAX = 32
const SLOTS = 32_768
const ABSENT = 0

/** Counts of short pieces, kept by their text. A cache of fixed size: a new piece takes the place of an older one. */
interface PieceCache {
  /** The count of `text` from `start` to `end`, from memory or from `count`. */
  readonly countOf: (text: string, start: number, end: number) => number
}

/** Makes a cache of 2 MB at most in front of `count`. A piece is compared unit by unit, so a hash never decides. */
export function createPieceCache (count: (text: string, start: number, end: number) => number): PieceCache {
  const units = new Uint16Array(SLOTS * UNITS_MAX)
  const lengths = new Uint8Array(SLOTS)
  const counts = new Uint8Array(SLOTS)

  const holds = (slot: number, text: string, start: number, length: number): boolean => {
    if (lengths[slot] !== length) return false
    const base = slot * UNITS_MAX
    for (let index = 0; index < length; index++) {
      if (units[base + index] !== text.charCodeAt(start + index)) return false
    }
    return true
  }

  const remember = (slot: number, text: string, start: number, end: number): void => {
    const base = slot * UNITS_MAX - start
    for (let index = start; index < end; index++) units[base + index] = text.charCodeAt(index)
    lengths[slot] = end - start
  }

  return {
    countOf (text, start, end) {
      const length = end - start
      if (length > UNITS_MAX) return count(text, start, end)
      const slot = slotOf(text, start, end)
      if (counts[slot] === ABSENT || !holds(slot, text, start, length)) {
        remember(slot, text, start, end)
        counts[slot] = count(text, start, end)
      }
      return counts[slot]!
    }
  }
}

function slotOf (text: string, start: number, end: number): number {
  let hash = 0
  for (let index = start; index < end; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash ^ (hash >>> 15)) & (SLOTS - 1)
}
