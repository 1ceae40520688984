import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { buildAsset } from '../../scripts/build-qwen-merges.ts'
import { CHARACTER_CLASS, NO_PAIR, pairValue, parseTable, qwenTable } from '../../src/tokens/table.ts'

const asset = readFileSync(new URL('../../src/tokens/qwen.merges.bin', import.meta.url))

t.test('the asset is what the script builds from the public tokenizer file', async t => {
  t.ok(buildAsset().equals(asset))
})

t.test('the checksum of the asset stands in THIRD_PARTY.md', async t => {
  const notice = readFileSync(new URL('../../THIRD_PARTY.md', import.meta.url), 'utf8')
  t.match(notice, createHash('sha256').update(asset).digest('hex'))
})

t.test('every merge has its rank, and its parts come before it', async t => {
  const { merges, mergesCount } = qwenTable()
  t.equal(mergesCount, 151_387)
  t.equal(merges.words.filter((word, index) => index % 2 === 1 && word !== 0).length, mergesCount)
  t.equal(pairValue(merges, 0x20, 0x20), 0, 'two spaces are the first merge')
  t.equal(pairValue(merges, 0xFF, 0xFF), NO_PAIR)
})

t.test('character classes follow Unicode', async t => {
  const { classes } = qwenTable()
  const expected = { a: 'letter', 好: 'letter', 7: 'number', '½': 'number', '\u0085': 'space', '\u3000': 'space', '\n': 'newline', '\uFEFF': 'other', '\u0301': 'other' } as const
  for (const [character, name] of Object.entries(expected)) {
    t.equal(classes[character.codePointAt(0) ?? 0], CHARACTER_CLASS[name], `U+${character.codePointAt(0)?.toString(16)}`)
  }
})

t.test('an asset that is cut short or of another version is refused', async t => {
  t.throws(() => parseTable(asset.subarray(0, -1)), { message: 'token table: wrong length' })
  t.throws(() => parseTable(Buffer.from('QBPE\x02'.padEnd(64, '\0'))), { message: 'token table: not a table of this version' })
})
