import t from 'tap'
import type { Quirks } from '../../../src/core/target.ts'
import type { HeaderValues, UpstreamCall } from '../../../src/core/protocol.ts'
import { openai } from '../../../src/protocols/openai/index.ts'
import { refusalOf } from '../../support/refusal.ts'
import { MESSAGES, OPENAI_ITSELF, callOf, opened, targetWith } from './samples.ts'

interface Setting {
  readonly quirks?: Partial<Quirks>
  readonly model?: string
  readonly outputTokensMax?: number
  readonly headers?: HeaderValues
}

function relayed (body: object | string, setting: Setting = {}): UpstreamCall {
  const call = callOf(body, setting.headers)
  const target = targetWith(setting.quirks, setting.model)
  const upstreamCall = openai.dialect.relayRequest(call, opened(call), target, { outputTokensMax: setting.outputTokensMax })
  if (upstreamCall === undefined) throw new Error('not relayed')
  return upstreamCall
}

function sent (body: object | string, setting: Setting = {}): Record<string, unknown> {
  const { model, messages, ...rest } = JSON.parse(relayed(body, setting).body.toString())
  return rest
}

t.test('hands on the very bytes where nothing has to change', async t => {
  const call = callOf({ seed: 1, brand_new: { deep: [1] }, top_k: 200 })
  const upstreamCall = openai.dialect.relayRequest(call, opened(call), targetWith(), { outputTokensMax: undefined })
  t.equal(upstreamCall?.body, call.body.bytes)
  t.strictSame(upstreamCall?.headers, { 'content-type': 'application/json', accept: 'application/json' })
  t.match(upstreamCall, { path: '/chat/completions', stream: false })
})

t.test('changes only the model, byte for byte', async t => {
  const text = '{ "seed": 18446744073709551615,\n "model" : "qwen-coder-turbo", "x": 1.0, "messages": [{"role":"user","content":"h\\u0069"}] }'
  t.equal(relayed(text, { model: 'qwen-max' }).body.toString(), text.replace('"qwen-coder-turbo"', '"qwen-max"'))
})

t.test('asks every stream for its usage', async t => {
  const asked = { stream: true, stream_options: { include_usage: true } }
  t.strictSame(sent({ stream: true }), asked)
  t.strictSame(sent({ stream: true, stream_options: null }), asked)
  t.strictSame(sent({ stream: true, stream_options: { include_usage: false, other: 1 } }), { ...asked, stream_options: { include_usage: true, other: 1 } })
  t.strictSame(sent({}, { headers: { 'x-dashscope-sse': 'enable' } }), asked)
  const call = callOf(asked)
  t.equal(openai.dialect.relayRequest(call, opened(call), targetWith(), { outputTokensMax: undefined })?.body, call.body.bytes)
  t.equal(relayed({ stream: true }).headers['accept'], 'text/event-stream')
})

t.test('leaves a whole answer of a stream-only target to the canonical lane', async t => {
  const call = callOf({})
  t.equal(openai.dialect.relayRequest(call, opened(call), targetWith({ streamOnly: true }), { outputTokensMax: undefined }), undefined)
  t.match(relayed({ stream: true }, { quirks: { streamOnly: true } }), { stream: true })
})

t.test('sends one output cap under the name the target takes', async t => {
  t.strictSame(sent({ max_tokens: 9000 }, { outputTokensMax: 8192 }), { max_tokens: 8192 })
  t.strictSame(sent({}, { outputTokensMax: 8192 }), { max_tokens: 8192 })
  t.strictSame(sent({ max_completion_tokens: 9000 }, { outputTokensMax: 8192 }), { max_completion_tokens: 8192 })
  t.strictSame(sent({ max_tokens: 5 }, { quirks: { maxCompletionTokens: true } }), { max_completion_tokens: 5 })
  t.strictSame(sent({ max_tokens: 8000, max_completion_tokens: 5 }), { max_completion_tokens: 5 })
  t.strictSame(sent({ max_tokens: 8000, max_completion_tokens: 5 }, { quirks: { maxCompletionTokens: true } }), { max_completion_tokens: 5 })
})

t.test('never sends a negative zero', async t => {
  const text = JSON.stringify({ model: 'qwen-coder-turbo', messages: MESSAGES }).replace('{', '{"temperature":-0,"seed":-0,')
  const body = relayed(text).body.toString()
  t.match(body, '"temperature":0,"seed":0,')
  const disguised = '{"messages.x":-0,"stream_options.y":-0,"model":"qwen-coder-turbo","messages":[{"role":"user","content":"hi"}]}'
  t.equal(relayed(disguised).body.toString(), disguised.replaceAll('-0', '0'))
})

t.test('follows the policy on tool_choice required', async t => {
  const body = { tool_choice: 'required' }
  t.strictSame(sent(body), { tool_choice: 'required' })
  t.strictSame(sent(body, { quirks: { toolChoiceRequired: 'auto' } }), { tool_choice: 'auto' })
  t.match(refusalOf(() => relayed(body, { quirks: { toolChoiceRequired: 'reject' } })), { kind: 'unsupported_parameter', param: 'tool_choice' })
})

t.test('rewrites messages only where the target takes them otherwise', async t => {
  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
  const messages = [
    { role: 'developer', content: 'be brief' },
    { role: 'user', content: [{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }], cache_control: { type: 'ephemeral' } },
    { role: 'assistant', tool_calls: [call], reasoning_content: 'hm' },
    { role: 'tool', tool_call_id: 'c', content: 'x' }
  ]
  const dashScope = JSON.parse(relayed({ messages }).body.toString()).messages
  t.strictSame(dashScope, [{ role: 'system', content: 'be brief' }, messages[1], { ...messages[2], content: '' }, messages[3]])
  const openAi = JSON.parse(relayed({ messages }, { quirks: OPENAI_ITSELF }).body.toString()).messages
  t.strictSame(openAi, [
    messages[0],
    { role: 'user', content: [{ type: 'text', text: 'a' }] },
    { role: 'assistant', tool_calls: [call] },
    messages[3]
  ])
})

t.test('gives a result by name, and the call it answers, one id', async t => {
  const call = { type: 'function', function: { name: 'f', arguments: '{}' } }
  const conversation = (calls: object[], ...results: object[]) => [...MESSAGES, { role: 'assistant', content: '', tool_calls: calls },
    ...results.map((result) => ({ role: 'tool', content: 'x', ...result }))]
  const messagesSent = (messages: object[]) => JSON.parse(relayed({ messages }).body.toString()).messages
  const byName = messagesSent(conversation([call], { name: 'f' }))
  t.match(byName[1].tool_calls[0], { ...call, id: /^call_[0-9a-f]{24}$/ })
  t.strictSame(byName[2], { role: 'tool', content: 'x', name: 'f', tool_call_id: byName[1].tool_calls[0].id })
  const halves = messagesSent(conversation([{ ...call, id: 'a' }, { ...call, id: '' }], { tool_call_id: 'unknown', name: 'f' }, { tool_call_id: '' }))
  t.match(halves[1].tool_calls, [{ id: 'a' }, { id: /^call_/ }])
  t.strictSame([halves[2].tool_call_id, halves[3].tool_call_id], ['a', halves[1].tool_calls[1].id])
  const whole = callOf({ messages: conversation([{ ...call, id: 'a' }], { tool_call_id: 'a' }) })
  t.equal(openai.dialect.relayRequest(whole, opened(whole), targetWith(), { outputTokensMax: undefined })?.body, whole.body.bytes)
  t.match(refusalOf(() => relayed({ messages: conversation([call], { name: 'g' }) })), { kind: 'invalid_request', param: 'messages.[2]' })
})

t.test('takes DashScope\'s extensions out for an upstream that has none', async t => {
  const body = { top_k: 5, repetition_penalty: 1.1, enable_thinking: true, thinking_budget: 5, enable_search: true, brand_new: 1, user: 'u' }
  t.strictSame(sent(body), body)
  t.strictSame(sent(body, { quirks: OPENAI_ITSELF }), { brand_new: 1, user: 'u' })
  t.strictSame(relayed(body, { quirks: OPENAI_ITSELF }).ignoredParameters,
    ['top_k', 'repetition_penalty', 'enable_thinking', 'thinking_budget', 'enable_search'])
  t.strictSame(relayed(body).ignoredParameters, [])
  const meaningless = { top_k: 101, enable_search: null, result_format: 'message', incremental_output: false }
  t.strictSame(relayed(meaningless, { quirks: OPENAI_ITSELF }).ignoredParameters, [])
  const tool = { type: 'function', function: { name: 'f' } }
  const marked = { tools: [tool, { ...tool, cache_control: { type: 'ephemeral' } }] }
  t.strictSame(sent(marked), marked)
  t.strictSame(sent(marked, { quirks: OPENAI_ITSELF }), { tools: [tool, tool] })
})

t.test('refuses what such an upstream would answer wrongly', async t => {
  const partial = { messages: [...MESSAGES, { role: 'assistant', content: 'a', partial: true }] }
  const cases: readonly [object, string][] = [
    [{ stop: [108386] }, 'stop'],
    [{ stop: [[108386, 103924]] }, 'stop'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    [{ translation_options: { target_lang: 'en' } }, 'translation_options'],
    [partial, 'partial']
  ]
  for (const [body, param] of cases) {
    t.match(refusalOf(() => relayed(body, { quirks: OPENAI_ITSELF })), { kind: 'unsupported_parameter', status: 400, param })
    t.ok(relayed(body), `${param} passes where extensions do`)
  }
  t.strictSame(sent({ stop: ['a', 'b', 'c', 'd'] }, { quirks: OPENAI_ITSELF }), { stop: ['a', 'b', 'c', 'd'] })
})

t.test('forwards the vendor\'s headers to the vendor alone', async t => {
  const headers = {
    'x-dashscope-workspace': 'w',
    'x-dashscope-datainspection': 'enable',
    'x-dashscope-ossresourceresolve': 'enable',
    authorization: 'Bearer secret',
    cookie: 'c'
  }
  t.strictSame(relayed({}, { headers }).headers, {
    'content-type': 'application/json',
    accept: 'application/json',
    'x-dashscope-workspace': 'w',
    'x-dashscope-datainspection': 'enable',
    'x-dashscope-ossresourceresolve': 'enable'
  })
  t.strictSame(relayed({}, { headers, quirks: OPENAI_ITSELF }).headers, { 'content-type': 'application/json', accept: 'application/json' })
  t.strictSame(openai.dialect.authorize({ id: 'i', key: 'sk-1', weight: 1 }), { authorization: 'Bearer sk-1' })
})
