import t from 'tap'
import { Pieces, Transcripts, thoughtsIn } from '../../src/core/transcript.ts'

function written () {
  return new Transcripts(() => new Pieces())
}

t.test('plain text has no frame', async (t) => {
  const answer = written()
  answer.text(0).appendText('a <think> is ')
  answer.text(0).appendText('a mark')
  answer.end(0)
  t.same(answer.all(), [{ text: 'a <think> is a mark', isFramed: false }])
  t.equal(answer.length, 'a <think> is a mark'.length)
  t.equal(answer.hasThoughts, false)
})

t.test('thoughts are open until something else is said', async (t) => {
  const answer = written()
  answer.thoughts(0).appendText('hm')
  answer.thoughts(0).appendText(' hm')
  t.same(answer.all(), [{ text: '<think>\nhm hm', isFramed: true }])
  t.equal(answer.hasThoughts, true)
  t.equal(thoughtsIn({ text: '<think>\nhm hm', isFramed: true }), 'hm hm')
  answer.text(0).appendText('well')
  const [whole] = answer.all()
  t.same(whole, { text: '<think>\nhm hm\n</think>\n\nwell', isFramed: true })
  t.equal(whole === undefined ? '' : thoughtsIn(whole), 'hm hm')
})

t.test('a call is open until the next, or the end', async (t) => {
  const answer = written()
  const text = (): string | undefined => answer.all()[0]?.text
  answer.text(0).appendText('let me see')
  answer.call(0, 0, 'f').appendText('{"a":')
  answer.call(0, 0, '').appendText(' 1}')
  t.equal(text(), 'let me see<tool_call>\n{"name": "f", "arguments": {"a": 1}')
  answer.call(0, 1, 'g').appendText('{}')
  t.equal(text(), 'let me see<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>\n<tool_call>\n{"name": "g", "arguments": {}')
  answer.end(0)
  answer.end(0)
  t.ok(text()?.endsWith('{}}\n</tool_call>'))
  answer.end(1)
  t.equal(answer.all().length, 1)
})

t.test('fragments without an index go on with the last call, and a name opens another', async (t) => {
  const answer = written()
  answer.thoughts(0).appendText('h')
  answer.call(0, undefined, 'f').appendText('{')
  answer.call(0, undefined, '').appendText('}')
  answer.call(0, undefined, 'g').appendText('{}')
  answer.end(0)
  t.equal(answer.all()[0]?.text, '<think>\nh\n</think>\n\n<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>\n<tool_call>\n{"name": "g", "arguments": {}}\n</tool_call>')
})

t.test('choices are written each for itself', async (t) => {
  const answer = written()
  answer.text(1).appendText('b')
  answer.thoughts(0).appendText('a')
  answer.text(1).appendText('bb')
  t.same(answer.all(), [{ text: 'bbb', isFramed: false }, { text: '<think>\na', isFramed: true }])
  t.equal(answer.length, 3 + '<think>\na'.length)
})

t.test('what only looks like thoughts is text', async (t) => {
  t.equal(thoughtsIn({ text: '<think>\nhm', isFramed: false }), '')
  t.equal(thoughtsIn({ text: 'a<tool_call>', isFramed: true }), '')
})

t.test('an endless answer is kept up to a bound, in bytes', async (t) => {
  const pieces = new Pieces()
  for (let piece = 0; piece < 40; piece++) pieces.appendText('说'.repeat(10_000))
  t.equal(pieces.length, 1_050_000)
  t.equal(pieces.text().length, 350_000)
})
