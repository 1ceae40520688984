import { readFileSync } from 'node:fs'

/** What counting needs to know of one vocabulary. Built once, never changed. */
export interface TokenTable {
  /** The class of every code point and surrogate unit, one of CHARACTER_CLASS. */
  readonly classes: Uint8Array
  /** The pairs of Han characters between which a run must not be cut. */
  readonly bigrams: PairTable
  /** The rank of every pair of token ids that merges. */
  readonly merges: PairTable
  readonly mergesCount: number
}

/** A hash table with open addressing: two keys and one value, packed in two neighbouring words. */
export interface PairTable {
  readonly words: Uint32Array
  readonly mask: number
}

/**
 * The classes a piece is made of. They are frozen in the asset because `\p{L}` changes with the Unicode version of the
 * Node.js that runs us, and because `\s` in JavaScript takes U+FEFF and leaves U+0085, unlike Unicode's White_Space.
 */
export const CHARACTER_CLASS = { letter: 1, number: 2, space: 3, newline: 4, other: 5 } as const

/** The id of the token that the merge of rank r makes is FIRST_MERGED_ID + r; smaller ids are bytes. */
export const FIRST_MERGED_ID = 256

/** What `pairValue` answers for a pair that is not in the table; above every rank. */
export const NO_PAIR = 0x3FFFF

const ASSET = new URL('./qwen.merges.bin', import.meta.url)
const MAGIC = 'QBPE\x01'
const CODE_POINTS = 0x110000
const ID_BITS = 18
const LOW_BITS = 32 - ID_BITS

let loaded: TokenTable | undefined

/** The table of Qwen, Qwen2, Qwen2.5 and Qwen3 (151,643 ranks). Read from disk at the first call. */
export function qwenTable (): TokenTable {
  loaded ??= parseTable(readFileSync(ASSET))
  return loaded
}

/** Reads what scripts/build-qwen-merges.ts writes. Throws if the bytes are something else. */
export function parseTable (asset: Buffer): TokenTable {
  if (asset.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new Error('token table: not a table of this version')
  const mergesCount = asset.readUInt32LE(8)
  const classesEnd = 20 + asset.readUInt32LE(12) * 4
  const bigramsEnd = classesEnd + asset.readUInt32LE(16) * 4
  if (asset.length !== bigramsEnd + mergesCount * 6) throw new Error('token table: wrong length')
  return {
    classes: readClasses(asset.subarray(20, classesEnd)),
    bigrams: readBigrams(asset.subarray(classesEnd, bigramsEnd)),
    merges: readMerges(asset.subarray(bigramsEnd)),
    mergesCount
  }
}

/** The value of a pair, or NO_PAIR. Keys and values have up to 18 bits. */
export function pairValue (table: PairTable, left: number, right: number): number {
  const { words, mask } = table
  const low = (left | (right << ID_BITS)) >>> 0
  const high = right >>> LOW_BITS
  let slot = slotOf(left, right) & mask
  for (;;) {
    const word = words[slot * 2 + 1]!
    if (word === 0) return NO_PAIR
    if (words[slot * 2] === low && (word & 0xF) === high) return (word >>> 4) - 1
    slot = (slot + 1) & mask
  }
}

function slotOf (left: number, right: number): number {
  const mixed = Math.imul(left, 0x9E3779B1) ^ Math.imul(right, 0x85EBCA6B)
  return mixed ^ (mixed >>> 15)
}

function readClasses (bytes: Buffer): Uint8Array {
  const classes = new Uint8Array(CODE_POINTS)
  for (let offset = 0; offset < bytes.length; offset += 4) {
    const next = offset + 4 < bytes.length ? bytes.readUIntLE(offset + 4, 3) : CODE_POINTS
    classes.fill(bytes[offset + 3]!, bytes.readUIntLE(offset, 3), next)
  }
  return classes
}

function readBigrams (bytes: Buffer): PairTable {
  const table = emptyPairTable(0x10000)
  for (let offset = 0; offset < bytes.length; offset += 4) {
    addPair(table, bytes.readUInt16LE(offset + 2), bytes.readUInt16LE(offset), 0)
  }
  return table
}

function readMerges (bytes: Buffer): PairTable {
  const table = emptyPairTable(0x80000)
  for (let offset = 0; offset < bytes.length; offset += 6) {
    const left = bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16)
    const right = bytes[offset + 3]! | (bytes[offset + 4]! << 8) | (bytes[offset + 5]! << 16)
    addPair(table, left, right, offset / 6)
  }
  return table
}

function emptyPairTable (slots: number): PairTable {
  return { words: new Uint32Array(slots * 2), mask: slots - 1 }
}

/** The value is stored plus one, so that a zero word is a free slot. The table is never full: its sizes are constants. */
function addPair (table: PairTable, left: number, right: number, value: number): void {
  const { words, mask } = table
  let slot = slotOf(left, right) & mask
  while (words[slot * 2 + 1] !== 0) slot = (slot + 1) & mask
  words[slot * 2] = left | (right << ID_BITS)
  words[slot * 2 + 1] = (right >>> LOW_BITS) | ((value + 1) << 4)
}
