import t from 'tap'
import { ignoredNames } from '../../src/core/ignored-parameters.ts'

t.test('names are shown as the client wrote them', async (t) => {
  t.strictSame(ignoredNames(['top_k', 'enable_search']), ['top_k', 'enable_search'])
  t.strictSame(ignoredNames([]), [])
})

t.test('how the answer is shaped is the gateway\'s own business', async (t) => {
  t.strictSame(ignoredNames(['stream', 'stream_options', 'result_format', 'incremental_output', 'user']), ['user'])
})

t.test('a name no header could show, and any beyond the thirty-second, is told of as another', async (t) => {
  t.strictSame(ignoredNames(['a\r\nb', 'user', 'ключ', 'x'.repeat(65)]), ['user', '(other)'])
  const many = ignoredNames(Array.from({ length: 1_000 }, (_, index) => `name${index}`))
  t.equal(many.length, 33)
  t.equal(many.at(-1), '(other)')
})
