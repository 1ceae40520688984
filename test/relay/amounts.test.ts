import t from 'tap'
import { amountsOf } from '../../src/relay/amounts.ts'
import { countingMargin, tokensAtMost } from '../../src/tokens/bounds.ts'
import { TokenCounterError } from '../../src/tokens/counter.ts'
import { failing, MODEL, openScene } from './calls.ts'
import type { SceneOptions } from './calls.ts'
import type { TokenCounter } from '../../src/tokens/counter.ts'

const TOKENS: TokenCounter = { count: ({ messages }) => messages.length * 100, countText: () => 0, close: async () => undefined }
const THINKER = { ...MODEL, thinkingTokensMax: 5_000 }

async function amounts (options: SceneOptions, tokens = TOKENS) {
  const scene = openScene(options)
  return { ...await amountsOf(scene.exchange, scene.opened.envelope, tokens), exchange: scene.exchange }
}

t.test('the prompt is counted once and its count is kept, with a margin for what the service adds', async (t) => {
  const asked = await amounts({})
  t.equal(asked.amounts.inputTokens, 100 + countingMargin(false))
  t.equal(asked.exchange.inputTokensCounted, 100)
  const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }]
  t.equal((await amounts({ body: { tools } })).amounts.inputTokens, 100 + countingMargin(true))
})

t.test('without a tokenizer of ours the bytes bound the prompt, and nothing is above the context', async (t) => {
  const { exchange, amounts: { inputTokens } } = await amounts({ model: { ...MODEL, tokenizer: 'estimate' } })
  t.equal(inputTokens, tokensAtMost(exchange.call?.body.bytes.length ?? 0, 0))
  t.equal(exchange.inputTokensCounted, undefined)
  const content = 'x'.repeat(10_000)
  const long = await amounts({ body: { messages: [{ role: 'user', content }] }, model: { ...MODEL, tokenizer: 'estimate', contextTokens: 5_000 } })
  t.equal(long.amounts.inputTokens, 5_000)
})

t.test('every part that is no text is held at its dearest', async (t) => {
  const part = { type: 'image_url', image_url: { url: 'https://pictures.example/a.png' } }
  const content = [{ type: 'text', text: 'what is it' }, part, part]
  const { amounts: { inputTokens } } = await amounts({ body: { messages: [{ role: 'user', content }] } })
  t.equal(inputTokens, 2 * 16_384 + 100 + countingMargin(false))
})

t.test('the answer is held at the client\'s cap or the model\'s, for every choice', async (t) => {
  t.match(await amounts({}), { amounts: { outputTokens: 8_192 }, output: { choices: 1, capTokens: 8_192, thinkingTokens: 0 } })
  t.match(await amounts({ body: { max_tokens: 10, n: 3 } }), { amounts: { outputTokens: 30 }, output: { choices: 3, capTokens: 10 } })
  const scene = openScene({ body: { max_tokens: 9_000 } })
  scene.exchange.outputTokensMax = 8_192
  t.match(await amountsOf(scene.exchange, scene.opened.envelope, TOKENS), { output: { capTokens: 8_192 } }, 'the clamped one, not the one asked for')
})

t.test('thinking is held beside the answer, where it is asked for or happens unasked', async (t) => {
  const thinking = async (body: object, model = THINKER): Promise<number> => (await amounts({ body, model })).output.thinkingTokens
  t.equal(await thinking({}), 0)
  t.equal(await thinking({ enable_thinking: true }), 5_000)
  t.equal(await thinking({ thinking_budget: 200 }), 200)
  t.equal(await thinking({ thinking_budget: 9_000 }), 5_000)
  t.equal(await thinking({ reasoning_effort: 'low' }), 5_000)
  t.equal(await thinking({}, { ...THINKER, thinksByDefault: true }), 5_000)
  t.equal(await thinking({ enable_thinking: false }, { ...THINKER, thinksByDefault: true }), 0)
  t.equal(await thinking({ enable_thinking: true }, MODEL), 0, 'a model that cannot')
})

t.test('a counter that is busy refuses; a prompt that has no canonical form is bounded by its bytes', async (t) => {
  const busy = { ...TOKENS, count: () => { throw new TokenCounterError('busy') } }
  await t.rejects(amounts({}, busy), failing({ kind: 'overloaded', retryAfterMs: 1_000 }))
  const scene = openScene({})
  const envelope = { ...scene.opened.envelope, prompt: () => scene.opened.envelope.prompt() }
  t.equal((await amountsOf(scene.exchange, envelope, TOKENS)).amounts.inputTokens, 164)
})

t.test('what is as long as it is, or has still to be fetched, is held as all that the model takes', async (t) => {
  const film = { type: 'video_url', video_url: { url: 'https://films.example/a.mp4' } }
  const bodies = [
    { messages: [{ role: 'user', content: [{ type: 'text', text: 'what happens' }, film] }] },
    { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } }] }] },
    { enable_search: true },
    { enable_code_interpreter: true }
  ]
  for (const body of bodies) t.equal((await amounts({ body })).amounts.inputTokens, MODEL.inputTokensMax, JSON.stringify(body))
  t.equal((await amounts({ body: { enable_search: false } })).amounts.inputTokens, 100 + countingMargin(false))
})

t.test('whatever else is in a body may be read by the model too, and is held by its bytes', async (t) => {
  const schema = { type: 'json_schema', json_schema: { name: 'a', schema: { description: 'x'.repeat(2_000) } } }
  const { amounts: { inputTokens }, exchange } = await amounts({ body: { response_format: schema } })
  const messagesBytes = Buffer.byteLength(JSON.stringify([{ role: 'user', content: 'hi' }]))
  t.equal(inputTokens, 100 + countingMargin(false) + (exchange.call?.body.bytes.length ?? 0) - messagesBytes - 512)
})
