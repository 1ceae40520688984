import fc from 'fast-check'
import t from 'tap'
import { answerTo } from '../../src/simulator/answer.ts'
import { identityOf } from '../../src/simulator/identity.ts'
import { INSTANT_PACE } from '../../src/simulator/pace.ts'
import { replyTo } from '../../src/simulator/responder.ts'
import { parseWireJson } from '../../src/simulator/wire-json.ts'
import type { JsonObject } from '../../src/simulator/wire-json.ts'
import { WEATHER_TOOL } from './wire.ts'

const SETTING = { identity: identityOf(0, 1, 0), pace: INSTANT_PACE, author: answerTo }

/** A value that is likely right, or any other. */
function perhaps (...right: unknown[]): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 15, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) })
}

const message = fc.oneof(
  { weight: 5, arbitrary: fc.record({ role: fc.constantFrom('system', 'user', 'assistant'), content: perhaps('hi', 'weather in Paris') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      role: perhaps('assistant', 'tool', 'developer'),
      content: perhaps(null, [{ text: 'hi' }], ''),
      tool_calls: perhaps([{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }], [null]),
      tool_call_id: perhaps('call_1'),
      partial: perhaps(true)
    }, { requiredKeys: [] })
  })
const question = fc.constant({ role: 'user', content: 'weather in Paris' })
const messages = fc.oneof(
  { weight: 15, arbitrary: fc.tuple(fc.array(message, { maxLength: 2 }), question).map(([before, last]) => [...before, last]) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) })

const PARAMETERS: Record<string, fc.Arbitrary<unknown>> = {
  temperature: perhaps(1),
  top_p: perhaps(0.5),
  top_k: perhaps(null),
  max_tokens: perhaps(5, 8192),
  n: perhaps(2),
  seed: perhaps(7),
  stop: perhaps('a', ['b'], [1], [[1]]),
  tools: perhaps([WEATHER_TOOL], [WEATHER_TOOL], [null], [{ type: 'function', function: {} }]),
  tool_choice: perhaps('auto', 'none', 'required', { type: 'function', function: { name: 'get_weather' } }),
  parallel_tool_calls: perhaps(true),
  response_format: perhaps({ type: 'json_object' }),
  enable_thinking: perhaps(true, false),
  thinking_budget: perhaps(100),
  incremental_output: perhaps(true, false),
  result_format: perhaps('text', 'message'),
  stream: perhaps(true, false),
  stream_options: perhaps({ include_usage: true })
}
const parameters = fc.subarray(Object.keys(PARAMETERS), { maxLength: 4 })
  .chain(keys => fc.record(Object.fromEntries(keys.map(key => [key, PARAMETERS[key] ?? fc.constant(1)]))))
const model = perhaps('qwen-coder-turbo', 'qwen-plus', 'qwq-plus', 'qwen3-vl-plus')
const streamed = fc.constantFrom({}, { 'x-dashscope-sse': 'enable' })

function statusOf (dialect: 'native' | 'compatible', body: unknown, headers: Record<string, string>): number {
  return replyTo({ dialect, service: 'text', headers, body: body as JsonObject }, SETTING).status
}

t.test('whatever a native body holds, it is answered or refused', async () => {
  const body = fc.record({ model, input: fc.oneof(fc.record({ messages, prompt: perhaps('hi'), history: perhaps([{ user: 'a' }]) }), fc.jsonValue()), parameters })
  fc.assert(fc.property(body, streamed, (document, headers) => [200, 400, 404].includes(statusOf('native', document, headers))), { numRuns: 500 })
})

t.test('whatever a compatible-mode body holds, it is answered or refused', async () => {
  const body = fc.tuple(fc.record({ model, messages }), parameters).map(([shape, options]) => ({ ...shape, ...options }))
  fc.assert(fc.property(body, streamed, (document, headers) => [200, 400, 404].includes(statusOf('compatible', document, headers))), { numRuns: 500 })
})

t.test('a seed keeps all its digits, and other numbers are what JSON makes of them', async t => {
  t.same(parseWireJson('{"seed": 9007199254740993, "n": 9007199254740993}'), { seed: 9007199254740993n, n: 9007199254740992 })
  t.same(parseWireJson('{"seed": 7, "a": {"seed": 1.5}}'), { seed: 7, a: { seed: 1.5 } })
  t.equal(typeof (parseWireJson(`{"seed": ${'9'.repeat(500)}}`) as JsonObject).seed, 'number')
})
