import t from 'tap'
import { isTokenCount, NO_USAGE, REPORTED_TOKENS_MAX, totalTokens } from '../../src/core/usage.ts'

t.test('cached and reasoning tokens are part of the input and the output and never added again', async (t) => {
  t.equal(totalTokens({ ...NO_USAGE, inputTokens: 22, cachedInputTokens: 20, outputTokens: 17, reasoningTokens: 10 }), 39)
  t.equal(totalTokens(NO_USAGE), 0)
})

t.test('a count is a whole number that a model could have used', async (t) => {
  for (const value of [0, 1, 1_000_000, REPORTED_TOKENS_MAX]) t.ok(isTokenCount(value), String(value))
  for (const value of [-1, 0.5, REPORTED_TOKENS_MAX + 1, 2 ** 53, NaN, Infinity, '22', null, undefined, true, [1], {}]) t.notOk(isTokenCount(value), String(value))
})
