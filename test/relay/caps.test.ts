import t from 'tap'
import { fitCaps } from '../../src/relay/caps.ts'
import { COUNTING_MARGIN_TOKENS, countingMargin } from '../../src/tokens/bounds.ts'
import { TokenCounterError } from '../../src/tokens/counter.ts'
import { MODEL, openScene, failing } from './calls.ts'
import type { SceneOptions } from './calls.ts'
import type { TokenCounter } from '../../src/tokens/counter.ts'

const SMALL = { ...MODEL, inputTokensMax: 600 }
const LONG = { messages: [{ role: 'user', content: 'word '.repeat(200) }] }
const TOOLS = [{ type: 'function', function: { name: 'f' } }]

/** Finds any prompt to have `tokens`, and remembers whether it was asked. */
function counterOf (tokens: number | Error): TokenCounter & { readonly bounds: (number | undefined)[] } {
  const bounds: (number | undefined)[] = []
  return {
    bounds,
    count (_prompt, options) {
      bounds.push(options?.tokensMax)
      if (tokens instanceof Error) throw tokens
      return tokens
    },
    countText: () => 0,
    close: async () => undefined
  }
}

async function fit (scene: SceneOptions, counter = counterOf(0)) {
  const opening = openScene(scene)
  await fitCaps(opening.exchange, opening.opened.envelope, counter)
  return { ...opening, counter }
}

t.test('an output cap up to the model\'s own is left alone', async (t) => {
  for (const cap of [1, 8_192]) {
    const { exchange, headers } = await fit({ body: { max_tokens: cap } })
    t.equal(exchange.outputTokensMax, undefined)
    t.same(headers, {})
  }
  t.equal((await fit({})).exchange.outputTokensMax, undefined, 'and so is none')
})

t.test('one above it is refused by its own name, in the vendor\'s words', async (t) => {
  for (const name of ['max_tokens', 'max_completion_tokens']) {
    await t.rejects(fit({ body: { [name]: 8_193 } }), failing({ kind: 'invalid_request', param: name, message: 'Range of max_tokens should be [1, 8192]' }))
  }
})

t.test('or lowered, if the policy says so, and the client is told', async (t) => {
  const { exchange, headers } = await fit({ body: { max_completion_tokens: 8_193 }, policies: { outputOverCap: 'clamp' } })
  t.equal(exchange.outputTokensMax, 8_192)
  t.match(headers['x-dashgate-clamped'], 'max_completion_tokens=8192')
})

t.test('no policy makes a cap below 1 one that could be met', async (t) => {
  for (const cap of [0, -1]) await t.rejects(fit({ body: { max_tokens: cap }, policies: { outputOverCap: 'clamp' } }), failing({ kind: 'invalid_request' }))
})

t.test('a prompt whose bytes prove that it fits is not counted', async (t) => {
  const { counter, exchange } = await fit({}, counterOf(new Error('must not be asked')))
  t.same(counter.bounds, [])
  t.equal(exchange.inputTokensCounted, undefined)
})

t.test('any other is counted, and let through up to the margin in which the upstream decides', async (t) => {
  const tokensMax = 600 + COUNTING_MARGIN_TOKENS
  const { counter, exchange } = await fit({ body: LONG, model: SMALL }, counterOf(tokensMax))
  t.same(counter.bounds, [tokensMax], 'and no further than it takes to decide')
  t.equal(exchange.inputTokensCounted, tokensMax)
  await t.rejects(fit({ body: LONG, model: SMALL }, counterOf(tokensMax + 1)), failing({ kind: 'invalid_request', message: 'Range of input length should be [1, 600]' }))
})

t.test('tools widen the margin by what their template may add', async (t) => {
  const body = { ...LONG, tools: TOOLS }
  const withToolsTokens = countingMargin(true)
  t.ok(withToolsTokens > COUNTING_MARGIN_TOKENS)
  await fit({ body, model: SMALL }, counterOf(600 + withToolsTokens))
  await t.rejects(fit({ body, model: SMALL }, counterOf(601 + withToolsTokens)), failing({ kind: 'invalid_request' }))
})

t.test('pictures and models of another tokenizer are left to the upstream', async (t) => {
  const picture = { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: `https://example.com/${'a'.repeat(900)}` } }] }] }
  const never = counterOf(new Error('must not be asked'))
  await fit({ body: picture, model: SMALL }, never)
  await fit({ body: LONG, model: { ...SMALL, tokenizer: 'estimate' } }, never)
  t.same(never.bounds, [])
})

t.test('a prompt that cannot be counted now is not let through uncounted', async (t) => {
  await t.rejects(fit({ body: LONG, model: SMALL }, counterOf(new TokenCounterError('busy'))), failing({ kind: 'overloaded', retryAfterMs: 1_000 }))
  await t.rejects(fit({ body: LONG, model: SMALL }, counterOf(new RangeError('a bug'))), RangeError)
})
