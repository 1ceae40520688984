import t from 'tap'
import { GatewayError } from '../../../src/core/errors.ts'
import type { ChatEvent } from '../../../src/core/event.ts'
import { openai } from '../../../src/protocols/openai/index.ts'
import { refusalOf } from '../../support/refusal.ts'
import { REPLY, callOf, fixture, opened } from './samples.ts'
import { writtenIn } from '../../support/written.ts'

function rendered (events: readonly ChatEvent[]): Record<string, unknown> {
  return JSON.parse(opened(callOf({})).renderResponse(events, REPLY).toString())
}

const PARSED: readonly ChatEvent[] = [
  { type: 'response-start', id: 'chatcmpl-39799876-eda8-9527-9e14-2214d641cf9a' },
  { type: 'text-delta', choice: 0, text: '我是来自阿里云的大规模语言模型，我叫通义千问。' },
  { type: 'choice-end', choice: 0, reason: 'stop' },
  { type: 'usage', usage: { inputTokens: 22, cachedInputTokens: 0, outputTokens: 17, reasoningTokens: 0, source: 'reported' } },
  { type: 'response-end' }
]

t.test('parses the vendor\'s sample', async t => {
  t.strictSame(openai.dialect.parseResponse(fixture('completion.json')), PARSED)
})

t.test('renders the vendor\'s sample, its counts explained', async t => {
  const sample = JSON.parse(fixture('completion.json').toString())
  const details = { prompt_tokens_details: { cached_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0 } }
  const answer = rendered(PARSED)
  t.strictSame(answer, { ...sample, usage: { ...sample.usage, ...details } })
  t.strictSame(Object.keys(answer), Object.keys(sample))
})

t.test('parses and renders an answer with tools, reasoning and several choices', async t => {
  const body = {
    id: 'x',
    choices: [
      {
        index: 0,
        finish_reason: 'stop',
        logprobs: null,
        message: {
          role: 'assistant',
          content: '',
          reasoning_content: 'hm',
          tool_calls: [{ id: 'c', index: 0, type: 'function', function: { name: 'f', arguments: '{"a":1}' } }]
        }
      },
      { index: 1, finish_reason: 'length', logprobs: { content: [] }, message: { role: 'assistant', content: 'cut' } }
    ],
    search_info: { search_results: [] }
  }
  t.match(rendered(openai.dialect.parseResponse(Buffer.from(JSON.stringify(body)))), {
    search_info: { search_results: [] },
    choices: [
      {
        message: {
          role: 'assistant',
          content: null,
          reasoning_content: 'hm',
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }]
        },
        finish_reason: 'tool_calls',
        index: 0,
        logprobs: null
      },
      { message: { role: 'assistant', content: 'cut' }, finish_reason: 'length', index: 1, logprobs: { content: [] } }
    ]
  })
})

t.test('has no usage where none is known, and no null content without calls', async t => {
  const answer = rendered([{ type: 'response-start', id: undefined }, { type: 'choice-end', choice: 0, reason: 'stop' }, { type: 'response-end' }])
  t.notOk('usage' in answer)
  t.match(answer, { choices: [{ message: { role: 'assistant', content: '' } }] })
})

t.test('throws the error its events end in', async t => {
  const error = new GatewayError('upstream_failed', 'x')
  t.equal(refusalOf(() => rendered([{ type: 'response-error', error }])), error)
})

t.test('refuses an error in a 200, and what is no answer, in both lanes', async t => {
  const cases: readonly [string, string][] = [
    ['{"error":{"code":"data_inspection_failed","message":"m","type":"t","param":null}}', 'content_filtered'],
    ['{"code":"Throttling.RateQuota","message":"m","request_id":"r"}', 'rate_limited'],
    ['{"choices":[{"finish_reason":"error_finish","message":{"content":"id:1\\nevent:error\\n:HTTP_STATUS/500\\ndata:{\\"code\\":\\"InternalError\\",\\"message\\":\\"m\\"}"}}]}', 'upstream_failed'],
    ['{"choices":[]}', 'upstream_protocol'],
    ['{"choices":[null]}', 'upstream_protocol'],
    ['{}', 'upstream_protocol'],
    ['[]', 'upstream_protocol'],
    ['', 'upstream_protocol'],
    ['<html>', 'upstream_protocol']
  ]
  for (const [body, kind] of cases) {
    t.equal(refusalOf(() => openai.dialect.parseResponse(Buffer.from(body))).kind, kind, body)
    t.equal(refusalOf(() => openai.dialect.observeResponse(Buffer.from(body))).kind, kind, body)
  }
})

t.test('observes a whole answer\'s usage and text', async t => {
  const observation = openai.dialect.observeResponse(fixture('completion.json'))
  t.equal(observation.usage()?.outputTokens, 17)
  t.equal(writtenIn(observation), '我是来自阿里云的大规模语言模型，我叫通义千问。')
  const body = { choices: [{ message: { content: null, reasoning_content: 'r', tool_calls: [{ function: { name: 'f', arguments: '{}' } }] } }] }
  const bare = openai.dialect.observeResponse(Buffer.from(JSON.stringify(body)))
  t.equal(bare.usage(), undefined)
  t.equal(writtenIn(bare), '<think>\nr\n</think>\n\n<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>')
})
