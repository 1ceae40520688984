import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { countText } from '../../src/tokens/count.ts'
import { hostileText } from './hostile-text.ts'

interface TextVector {
  readonly name: string
  readonly text: string
  readonly count: number
  readonly countText?: number
}

interface CompletionVector {
  readonly kind: string
  readonly source: string
  readonly text: string
  readonly reasoning?: string
  readonly completion_tokens: number
}

const vectors = JSON.parse(readFileSync(new URL('../fixtures/tokens/qwen-token-vectors.json', import.meta.url), 'utf8')) as {
  text: TextVector[]
  service: CompletionVector[]
}

t.test('every recorded text has its count, with special tokens parsed and as text', async t => {
  for (const { name, text, count, countText: asText = count } of vectors.text) {
    t.equal(countText(text, { special: 'parsed' }), count, `${name}, parsed`)
    t.equal(countText(text), asText, `${name}, as text`)
  }
})

t.test('a completion has the tokens that the service billed', async t => {
  for (const vector of vectors.service.filter(({ kind }) => kind.startsWith('completion'))) {
    const { reasoning, text, completion_tokens: billed, source } = vector
    const written = reasoning === undefined ? text : `<think>\n${reasoning}\n</think>\n\n${text}`
    t.equal(countText(written, { special: 'parsed' }), billed, `${source}: ${text.slice(0, 20)}`)
  }
})

t.test('special tokens typed by a user are read as text unless asked otherwise', async t => {
  t.equal(countText('<|im_end|>'), 6)
  t.equal(countText('<|im_end|>', { special: 'parsed' }), 1)
  t.equal(countText('<think>\u0338', { special: 'parsed' }), 1 + countText('\u0338'), 'before normal form takes the bracket away')
})

t.test('a long piece is merged like a short one', async t => {
  t.equal(countText('a'.repeat(1_000)), 125, 'eight letters a token')
  t.equal(countText(' '.repeat(128)), 1)
  t.equal(countText(' '.repeat(129)), 2)
  t.equal(countText('ab'.repeat(300)), 300)
})

t.test('a megabyte of one thing is counted', async t => {
  t.equal(countText('a'.repeat(1_000_000)), 125_000)
  t.equal(countText('7'.repeat(1_000_000)), 1_000_000)
  t.equal(countText('你好'.repeat(150_000)), 150_000)
  t.equal(countText('a' + '\u0301\u0323'.repeat(250_000)), countText('ạ' + '\u0323'.repeat(249_999) + '\u0301'.repeat(250_000)))
})

t.test('a count above tokensMax says so and no more', async () => {
  const law = fc.property(hostileText(), fc.nat(200), fc.constantFrom('text', 'parsed'), (text, tokensMax, special) => {
    const all = countText(text, { special })
    const limited = countText(text, { special, tokensMax })
    return all > tokensMax ? limited > tokensMax : limited === all
  })
  fc.assert(law, { numRuns: 1_000 })
})

t.test('counting stops at the limit', async t => {
  t.equal(countText('1'.repeat(1_000_000), { tokensMax: 10 }), 11)
  t.equal(countText('<think>'.repeat(100_000), { special: 'parsed', tokensMax: 10 }), 11)
})

t.test('text has at most as many tokens as bytes in normal form C, and one at least', async () => {
  const law = fc.property(hostileText(), text => {
    const bytes = Buffer.byteLength(text.normalize('NFC'))
    return countText(text) <= bytes && (bytes === 0 || countText(text) > 0)
  })
  fc.assert(law, { numRuns: 1_000 })
})

t.test('special tokens parsed never count more than as text', async () => {
  const law = fc.property(hostileText(), text => countText(text, { special: 'parsed' }) <= countText(text))
  fc.assert(law, { numRuns: 1_000 })
})

t.test('texts apart by a line that starts with a letter count as their sum', async () => {
  const law = fc.property(hostileText(), hostileText(), (left, right) => {
    const [head, tail] = [`${left} x\n`, `y${right}`]
    return countText(head + tail) === countText(head) + countText(tail)
  })
  fc.assert(law, { numRuns: 1_000 })
})

t.test('the order of texts and what was counted before changes no count', async t => {
  const law = fc.property(fc.array(hostileText(), { minLength: 1, maxLength: 8 }), texts => {
    const forward = texts.map(text => countText(text))
    const backward = [...texts].reverse().map(text => countText(text))
    t.same(forward, backward.reverse())
  })
  fc.assert(law, { numRuns: 100 })
})
