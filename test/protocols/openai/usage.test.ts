import t from 'tap'
import type { JsonObject } from '../../../src/core/json.ts'
import { parseUsage, renderUsage } from '../../../src/protocols/openai/usage.ts'

t.test('reads cached and reasoning tokens out of the details and keeps the rest', async t => {
  t.strictSame(parseUsage({
    prompt_tokens: 30,
    completion_tokens: 20,
    total_tokens: 50,
    prompt_tokens_details: { cached_tokens: 10, cache_creation_input_tokens: 4, text_tokens: 30, cache_type: 'ephemeral', cache_creation: {} },
    completion_tokens_details: { reasoning_tokens: 5, text_tokens: 20 }
  }), {
    inputTokens: 30,
    cachedInputTokens: 10,
    outputTokens: 20,
    reasoningTokens: 5,
    source: 'reported',
    inputDetails: { cache_creation_input_tokens: 4, text_tokens: 30 },
    outputDetails: { text_tokens: 20 }
  })
})

t.test('reads OpenAI\'s name for tokens written to a cache as DashScope\'s, which holds where both are given', async t => {
  const read = (details: JsonObject) => parseUsage({ prompt_tokens: 30, completion_tokens: 20, prompt_tokens_details: details })?.inputDetails
  t.strictSame(read({ cache_write_tokens: 4 }), { cache_creation_input_tokens: 4 })
  t.strictSame(read({ cache_write_tokens: 4, cache_creation_input_tokens: 5 }), { cache_creation_input_tokens: 5 })
})

t.test('does not believe counts that cannot be', async t => {
  for (const value of [undefined, null, 'x', {}, { prompt_tokens: 1 }, { prompt_tokens: -1, completion_tokens: 0 }, { prompt_tokens: 1.5, completion_tokens: 0 }]) {
    t.equal(parseUsage(value), undefined, JSON.stringify(value))
  }
  t.match(parseUsage({ prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 2 }, completion_tokens_details: { reasoning_tokens: 9 } }),
    { cachedInputTokens: 0, reasoningTokens: 0 })
})

t.test('renders what it reads', async t => {
  const usage = { inputTokens: 30, cachedInputTokens: 10, outputTokens: 20, reasoningTokens: 5, source: 'reported' as const }
  t.strictSame(renderUsage(usage), {
    prompt_tokens: 30,
    completion_tokens: 20,
    total_tokens: 50,
    prompt_tokens_details: { cached_tokens: 10 },
    completion_tokens_details: { reasoning_tokens: 5 }
  })
  t.strictSame(renderUsage({ ...usage, inputDetails: { cache_creation_input_tokens: 4 } }).prompt_tokens_details, {
    cached_tokens: 10, cache_write_tokens: 4, cache_creation_input_tokens: 4
  })
})
