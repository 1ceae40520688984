import t from 'tap'
import { countOutput, countThoughts } from '../../src/relay/count-output.ts'
import { countText } from '../../src/tokens/count.ts'
import type { TokenCounter } from '../../src/tokens/counter.ts'

const TOKENS: TokenCounter = { count: () => 0, countText: (text, options) => countText(text, options), close: async () => undefined }
const FRAMED = { text: '<think>\nhm\n</think>\n\nwell', isFramed: true }
const PLAIN = { text: '<think> is a mark', isFramed: false }

t.test('marks count as marks where the model made them, and as text where it only spoke of them', async (t) => {
  t.equal(countOutput([FRAMED], TOKENS), countText(FRAMED.text, { special: 'parsed' }))
  t.equal(countOutput([PLAIN], TOKENS), countText(PLAIN.text))
  t.not(countText(PLAIN.text), countText(PLAIN.text, { special: 'parsed' }))
  t.equal(countOutput([FRAMED, PLAIN], TOKENS), countText(FRAMED.text, { special: 'parsed' }) + countText(PLAIN.text))
  t.equal(countOutput([], TOKENS), 0)
})

t.test('of thoughts the text alone counts', async (t) => {
  t.equal(countThoughts([FRAMED, PLAIN], TOKENS), countText('hm'))
  t.equal(countThoughts([PLAIN], { ...TOKENS, countText () { throw new Error('there is nothing to count') } }), 0)
})

t.test('what is counted elsewhere is added up when it comes', async (t) => {
  const elsewhere: TokenCounter = { ...TOKENS, countText: async (text) => text.length }
  t.equal(await countOutput([FRAMED, PLAIN], elsewhere), FRAMED.text.length + PLAIN.text.length)
  await t.rejects(Promise.resolve(countOutput([PLAIN], { ...TOKENS, countText: async () => { throw new Error('busy') } })), { message: 'busy' })
})
