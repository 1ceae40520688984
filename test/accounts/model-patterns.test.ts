import t from 'tap'
import fc from 'fast-check'
import { matchesModel } from '../../src/accounts/model-patterns.ts'

t.test('no list holds every model, and an empty one none', async (t) => {
  t.ok(matchesModel(undefined, 'qwen-max'))
  t.notOk(matchesModel([], 'qwen-max'))
})

t.test('a name without a star is that model alone', async (t) => {
  t.ok(matchesModel(['qwen-max'], 'qwen-max'))
  for (const name of ['', 'qwen', 'qwen-max-latest', 'xqwen-max', 'Qwen-Max']) t.notOk(matchesModel(['qwen-max'], name), name)
})

t.test('a star stands for any characters, also none, and nothing else is special', async (t) => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['*', '', true], ['*', 'anything', true], ['qwen*', 'qwen', true], ['qwen*', 'qwen-max', true], ['qwen*', 'xqwen', false],
    ['*max', 'qwen-max', true], ['*max', 'qwen-max-1', false], ['q*n', 'qn', true], ['q*n', 'q', false], ['ab*ba', 'aba', false],
    ['a*b*c', 'a-b-b-c', true], ['a*b*c', 'acb', false], ['**', 'x', true], ['a**b', 'ab', true], ['qwen2.5*', 'qwen2x5-max', false],
    ['*a*a*', 'a', false], ['*a*a*', 'aa', true]
  ]
  for (const [pattern, name, expected] of cases) t.equal(matchesModel([pattern], name), expected, `${pattern} and ${name}`)
})

t.test('one pattern of several is enough', async (t) => {
  const patterns = ['qwen-max', 'qwen-coder-*']
  t.ok(matchesModel(patterns, 'qwen-coder-turbo'))
  t.ok(matchesModel(patterns, 'qwen-max'))
  t.notOk(matchesModel(patterns, 'qwen-plus'))
})

t.test('patterns match as the regular expression of the same meaning does', async (t) => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 })
  fc.assert(fc.property(text, text, (pattern, name) => {
    const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^]*')}$`)
    return matchesModel([pattern], name) === expression.test(name)
  }), { numRuns: 2_000 })
  t.pass('2,000 pairs')
})

t.test('a pattern of many stars on a long name that nearly fits is answered', async (t) => {
  t.notOk(matchesModel(['*a'.repeat(63) + 'b'], 'a'.repeat(100_000)))
})
