import fc from 'fast-check'
import t from 'tap'
import type { Usage } from '../../../src/core/usage.ts'
import { usageFrom, usageTo } from '../../../src/protocols/dashscope/usage.ts'

t.test('reads the seed page\'s usage, total or not', async t => {
  const expected = { inputTokens: 31, cachedInputTokens: 0, outputTokens: 267, reasoningTokens: 0, source: 'reported' }
  t.strictSame(usageFrom({ input_tokens: 31, output_tokens: 267 }), expected)
  t.strictSame(usageFrom({ total_tokens: 298, input_tokens: 31, output_tokens: 267 }), expected)
})

t.test('reads details without adding them', async t => {
  t.strictSame(usageFrom({
    input_tokens: 100,
    output_tokens: 50,
    total_tokens: 150,
    prompt_tokens_details: { cached_tokens: 80, cache_creation_input_tokens: 5, cache_type: 'ephemeral' },
    input_tokens_details: { text_tokens: 60, image_tokens: 40 },
    output_tokens_details: { reasoning_tokens: 30, text_tokens: 50 }
  }), {
    inputTokens: 100,
    cachedInputTokens: 80,
    outputTokens: 50,
    reasoningTokens: 30,
    source: 'reported',
    inputDetails: { text_tokens: 60, image_tokens: 40, cache_creation_input_tokens: 5 },
    outputDetails: { text_tokens: 50 }
  })
})

t.test('believes no count that cannot be', async t => {
  for (const wire of [undefined, {}, { input_tokens: 1 }, { input_tokens: -1, output_tokens: 1 }, { input_tokens: 1, output_tokens: 1e9 },
    { input_tokens: '1', output_tokens: 1 }]) t.equal(usageFrom(wire), undefined)
  t.match(usageFrom({ input_tokens: 1, output_tokens: 1, prompt_tokens_details: { cached_tokens: 2 }, output_tokens_details: { reasoning_tokens: 2 } }),
    { cachedInputTokens: 0, reasoningTokens: 0 })
})

t.test('what is written is read back the same', async t => {
  const count = fc.nat({ max: 1_000_000 })
  const usage = fc.record({ inputTokens: count, outputTokens: count, cached: count, reasoning: count, created: count, images: count })
    .map((drawn): Usage => ({
      inputTokens: drawn.inputTokens,
      cachedInputTokens: Math.min(drawn.cached, drawn.inputTokens),
      outputTokens: drawn.outputTokens,
      reasoningTokens: Math.min(drawn.reasoning, drawn.outputTokens),
      source: 'reported',
      inputDetails: { image_tokens: drawn.images, cache_creation_input_tokens: drawn.created },
      outputDetails: { text_tokens: drawn.outputTokens }
    }))
  fc.assert(fc.property(usage, (usage) => { t.strictSame(usageFrom({ ...usageTo(usage) }), usage) }), { numRuns: 50 })
})
