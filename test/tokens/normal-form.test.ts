import fc from 'fast-check'
import t from 'tap'
import { normalForm } from '../../src/tokens/normal-form.ts'
import { hostileText } from './hostile-text.ts'

const MARKS = Array.from({ length: 0x20000 }, (_, codePoint) => codePoint)
  .filter(codePoint => (codePoint & 0xF800) !== 0xD800)
  .map(codePoint => String.fromCodePoint(codePoint))
  .filter(character => /\p{M}/u.test(character))

t.test('any text comes out as the engine itself normalises it', async () => {
  fc.assert(fc.property(hostileText(), text => normalForm(text) === text.normalize('NFC')), { numRuns: 1_000 })
})

t.test('long runs of any marks come out the same', async () => {
  const marks = fc.array(fc.constantFrom(...MARKS), { maxLength: 400, size: 'max' }).map(run => run.join(''))
  const text = fc.tuple(fc.constantFrom('', 'a', 'é', '가', '你'), marks, fc.constantFrom('', 'o'), marks).map(parts => parts.join(''))
  fc.assert(fc.property(text, text => normalForm(text) === text.normalize('NFC')), { numRuns: 200 })
})

t.test('marks that decompose are sorted by their parts', async t => {
  for (const mark of ['\u0340', '\u0341', '\u0343', '\u0344', '\u0F73', '\u0F75', '\u0F81']) {
    const text = 'a' + `\u0345${mark}\u0323\u0334`.repeat(50)
    t.equal(normalForm(text), text.normalize('NFC'))
  }
})

t.test('millions of marks out of order are sorted all the same', async t => {
  const sorted = normalForm('\u0301\u0323'.repeat(1_000_000))
  t.equal(sorted.lastIndexOf('\u0323'), 999_999)
  t.equal(sorted.indexOf('\u0301'), 1_000_000)
})
