import t from 'tap'
import { collect } from '../../../src/core/collect.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { ChatEvent } from '../../../src/core/event.ts'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { refusalOf } from '../../support/refusal.ts'
import { MULTIMODAL_PATH, REPLY, TOOLS, callOf, fixture, opened } from './samples.ts'
import { writtenIn } from '../../support/written.ts'

const { parseResponse, observeResponse } = dashscope.dialect

const USAGE = { inputTokens: 74, cachedInputTokens: 0, outputTokens: 184, reasoningTokens: 0, source: 'reported' } as const
const ANSWER: readonly ChatEvent[] = [
  { type: 'response-start', id: 'x' },
  { type: 'text-delta', choice: 0, text: '质数' },
  { type: 'choice-end', choice: 0, reason: 'stop' },
  { type: 'usage', usage: USAGE },
  { type: 'response-end' }
]
const CALL: readonly ChatEvent[] = [
  { type: 'tool-call-start', choice: 0, index: 0, id: 'call_1', name: 'f' },
  { type: 'tool-call-delta', choice: 0, index: 0, arguments: '{}' },
  { type: 'choice-end', choice: 0, reason: 'tool-calls' },
  { type: 'usage', usage: USAGE }
]

function rendered (events: readonly ChatEvent[], parameters: object = {}, path?: string): string {
  return opened(callOf({ parameters }, {}, path)).renderResponse(events, REPLY).toString()
}

const TAIL = '"usage":{"total_tokens":258,"output_tokens":184,"input_tokens":74},"request_id":"75138129-60ee-996d-abe2-f08ef0153523"}'

t.test('writes the vendor\'s bodies in its order of keys', async t => {
  t.equal(rendered(ANSWER, { result_format: 'message' }),
    `{"output":{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":"质数"}}]},${TAIL}`)
  t.equal(rendered(ANSWER), `{"output":{"text":"质数","finish_reason":"stop"},${TAIL}`)
  t.equal(rendered(ANSWER, {}, MULTIMODAL_PATH),
    `{"output":{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":[{"text":"质数"}]}}]},${TAIL}`)
})

t.test('writes tool calls as a message, whatever format was asked for', async t => {
  const message = '"message":{"role":"assistant","content":"","tool_calls":[{"id":"call_1","index":0,"type":"function","function":{"name":"f","arguments":"{}"}}]}'
  const body = `{"output":{"choices":[{"finish_reason":"tool_calls",${message},"index":0}]},${TAIL}`
  t.equal(rendered(CALL, { tools: TOOLS }), body)
  t.equal(rendered(CALL, { result_format: 'text' }), body)
  t.match(rendered(CALL, {}, MULTIMODAL_PATH), '"content":[],')
})

t.test('writes every candidate with its index, and extensions beside them', async t => {
  const events: ChatEvent[] = [
    { type: 'extension', name: 'search_info', value: { search_results: [] } },
    { type: 'text-delta', choice: 1, text: 'b' },
    { type: 'reasoning-delta', choice: 0, text: 'hm' },
    { type: 'text-delta', choice: 0, text: 'a' },
    { type: 'choice-end', choice: 0, reason: 'length' },
    { type: 'choice-end', choice: 1, reason: 'content-filter' }
  ]
  t.strictSame(JSON.parse(rendered(events, { n: 2 })).output, {
    search_info: { search_results: [] },
    choices: [
      { finish_reason: 'length', message: { role: 'assistant', content: 'a', reasoning_content: 'hm' }, index: 0 },
      { finish_reason: 'content_filter', message: { role: 'assistant', content: 'b' }, index: 1 }
    ]
  })
  t.match(JSON.parse(rendered(events, { n: 2, result_format: 'text' })).output, { text: 'a', finish_reason: 'length' })
})

t.test('writes an answer without a word as an answer', async t => {
  t.equal(rendered([]), '{"output":{"text":"","finish_reason":"stop"},"usage":{"total_tokens":0,"output_tokens":0,"input_tokens":0},' +
    `"request_id":"${REPLY.requestId}"}`)
})

t.test('throws the failure an answer ended in', async t => {
  const error = new GatewayError('upstream_failed', 'cut')
  t.equal(refusalOf(() => rendered([...ANSWER.slice(0, 2), { type: 'response-error', error }])), error)
})

t.test('reads the seed page\'s answers', async t => {
  const answer = parseResponse(fixture('answer.json'))
  t.strictSame(answer.map(({ type }) => type), ['response-start', 'text-delta', 'choice-end', 'usage', 'response-end'])
  t.strictSame(answer[0], { type: 'response-start', id: 'e67209f6-e107-914b-b89f-fdfa3d6535df' })
  t.match(collect(answer), { choices: [{ text: /^```python\ndef find_prime_numbers/, reason: 'stop' }], usage: { inputTokens: 85, outputTokens: 162 } })
  t.match(collect(parseResponse(fixture('tool-call.json'))), {
    choices: [{ reason: 'tool-calls', calls: [{ id: /^call_[0-9a-f]{24}$/, name: 'get_current_weather', arguments: /^\{"location": "Boston"/ }] }],
    usage: { inputTokens: 31, outputTokens: 267 }
  })
})

t.test('reads text format, the SDK\'s nulls, parts, candidates and a missing finish reason', async t => {
  const read = (output: object) => collect(parseResponse(Buffer.from(JSON.stringify({ output })))).choices
    .map(({ text, reasoning, reason }) => ({ text, reasoning, reason }))
  t.strictSame(read({ text: 'a', finish_reason: 'length', choices: null }), [{ text: 'a', reasoning: '', reason: 'length' }])
  t.strictSame(read({ text: null, finish_reason: null, choices: [{ message: { content: [{ text: 'a' }, { text: 'b' }], reasoning_content: 'r' } }] }),
    [{ text: 'ab', reasoning: 'r', reason: 'stop' }])
  t.strictSame(read({ choices: [{ index: 1, finish_reason: 'stop', message: { content: 'b' } }, { index: 0, finish_reason: 'new_word', message: { content: 'a' } }] }),
    [{ text: 'a', reasoning: '', reason: 'stop' }, { text: 'b', reasoning: '', reason: 'stop' }])
  t.strictSame(read({}), [{ text: '', reasoning: '', reason: 'stop' }])
})

t.test('takes an error for an error whatever its status was', async t => {
  for (const read of [parseResponse, observeResponse]) {
    t.match(refusalOf(() => read(Buffer.from('{"code":"DataInspectionFailed","message":"m","request_id":"r"}'))), { kind: 'content_filtered', message: 'm' })
    t.match(refusalOf(() => read(Buffer.from('<html>'))), { kind: 'upstream_protocol' })
  }
  t.match(refusalOf(() => parseResponse(Buffer.from('{"output":{"choices":[{"index":999}]}}'))), { kind: 'upstream_protocol' })
  t.equal(parseResponse(Buffer.from('{"code":"","message":"","output":{"text":"a","finish_reason":"stop"}}')).length, 4)
})

t.test('sees the usage and the text of an answer it only relays', async t => {
  const seen = observeResponse(fixture('tool-call.json'))
  t.match(seen.usage(), { inputTokens: 31, outputTokens: 267 })
  t.match(writtenIn(seen), /get_current_weather/)
  t.match(writtenIn(observeResponse(fixture('answer.json'))), /^```python/)
})
