import t from 'tap'
import { GatewayError } from '../../../src/core/errors.ts'
import type { ChatEvent } from '../../../src/core/event.ts'
import { refusalOf } from '../../support/refusal.ts'
import { MULTIMODAL_PATH, REPLY, STREAM, TOOLS, callOf, encoded, opened } from './samples.ts'
import { eventsOf } from '../../support/sse.ts'

const APPLE: readonly ChatEvent[] = [
  { type: 'response-start', id: 'x' },
  { type: 'text-delta', choice: 0, text: 'I' },
  { type: 'text-delta', choice: 0, text: ' like' },
  { type: 'text-delta', choice: 0, text: ' apple' },
  { type: 'choice-end', choice: 0, reason: 'stop' },
  { type: 'usage', usage: { inputTokens: 22, cachedInputTokens: 0, outputTokens: 3, reasoningTokens: 0, source: 'reported' } },
  { type: 'response-end' }
]
const CALLS: readonly ChatEvent[] = [
  { type: 'tool-call-start', choice: 0, index: 0, id: 'call_a', name: 'f' },
  { type: 'tool-call-delta', choice: 0, index: 0, arguments: '{"a"' },
  { type: 'tool-call-delta', choice: 0, index: 0, arguments: ':1}' },
  { type: 'tool-call-start', choice: 0, index: 1, id: 'call_b', name: 'g' },
  { type: 'choice-end', choice: 0, reason: 'tool-calls' },
  { type: 'response-end' }
]

function outputs (stream: string): any[] {
  return eventsOf(stream).map(({ data }) => JSON.parse(data ?? '').output)
}

t.test('writes the safe frame to the byte', async t => {
  const zeros = '"usage":{"total_tokens":0,"output_tokens":0,"input_tokens":0},"request_id":"75138129-60ee-996d-abe2-f08ef0153523"}\n\n'
  const frames = encoded(APPLE, { result_format: 'message', incremental_output: true }).split(/(?<=\n\n)/)
  t.strictSame(frames, [
    'id:1\nevent:result\n:HTTP_STATUS/200\ndata:{"output":{"choices":[{"finish_reason":"null","message":{"role":"assistant","content":"I"}}]},' + zeros,
    'id:2\nevent:result\n:HTTP_STATUS/200\ndata:{"output":{"choices":[{"finish_reason":"null","message":{"role":"assistant","content":" like"}}]},' + zeros,
    'id:3\nevent:result\n:HTTP_STATUS/200\ndata:{"output":{"choices":[{"finish_reason":"null","message":{"role":"assistant","content":" apple"}}]},' + zeros,
    'id:4\nevent:result\n:HTTP_STATUS/200\ndata:{"output":{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":""}}]},' +
      '"usage":{"total_tokens":25,"output_tokens":3,"input_tokens":22},"request_id":"75138129-60ee-996d-abe2-f08ef0153523"}\n\n'
  ])
})

t.test('repeats all so far unless increments are asked for, in text format unless messages are', async t => {
  t.strictSame(outputs(encoded(APPLE, {})), [
    { text: 'I', finish_reason: 'null' },
    { text: 'I like', finish_reason: 'null' },
    { text: 'I like apple', finish_reason: 'null' },
    { text: 'I like apple', finish_reason: 'stop' }
  ])
  t.strictSame(outputs(encoded(APPLE, { incremental_output: true })).map(({ text }) => text), ['I', ' like', ' apple', ''])
  t.strictSame(outputs(encoded(APPLE, { incremental_output: false }, MULTIMODAL_PATH)).map(({ choices }) => choices[0].message.content),
    [[{ text: 'I' }], [{ text: 'I like' }], [{ text: 'I like apple' }], [{ text: 'I like apple' }]])
  t.strictSame(outputs(encoded(APPLE, { incremental_output: true }, MULTIMODAL_PATH)).at(-1).choices[0].message.content, [])
})

t.test('holds the last frame until usage comes or the answer ends', async t => {
  const encoder = opened(callOf({}, STREAM)).createEncoder(REPLY)
  const sizes = APPLE.map((event) => encoder.encode(event) !== undefined)
  t.strictSame(sizes, [false, true, true, true, false, true, false])
  const late = opened(callOf({}, STREAM)).createEncoder(REPLY)
  t.equal(late.encode({ type: 'choice-end', choice: 0, reason: 'length' }), undefined)
  t.match(late.encode({ type: 'response-end' })?.toString(), /"finish_reason":"length"/)
})

t.test('writes fragments of calls with every key clients need and no null', async t => {
  const frames = outputs(encoded(CALLS, { tools: TOOLS, incremental_output: true }))
  t.strictSame(frames.map(({ choices }) => choices[0].message.tool_calls), [
    [{ id: 'call_a', index: 0, type: 'function', function: { name: 'f', arguments: '' } }],
    [{ id: '', index: 0, type: 'function', function: { arguments: '{"a"' } }],
    [{ id: '', index: 0, type: 'function', function: { arguments: ':1}' } }],
    [{ id: 'call_b', index: 1, type: 'function', function: { name: 'g', arguments: '' } }],
    undefined
  ])
  t.equal(frames.at(-1).choices[0].finish_reason, 'tool_calls')
})

t.test('cumulates calls: the last frame holds each whole', async t => {
  const last = outputs(encoded(CALLS, { tools: TOOLS })).at(-1)
  t.strictSame(last.choices[0], {
    finish_reason: 'tool_calls',
    message: {
      role: 'assistant',
      content: '',
      tool_calls: [
        { id: 'call_a', index: 0, type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
        { id: 'call_b', index: 1, type: 'function', function: { name: 'g', arguments: '' } }
      ]
    },
    index: 0
  })
})

t.test('goes on in messages once a call has come, even where text was asked for', async t => {
  const frames = outputs(encoded(CALLS, { result_format: 'text', incremental_output: true }))
  t.ok(frames.every(({ choices }) => choices.length === 1))
})

t.test('says reasoning first and then that there is none', async t => {
  const events: ChatEvent[] = [
    { type: 'reasoning-delta', choice: 0, text: 'hm' }, { type: 'text-delta', choice: 0, text: 'a' }, { type: 'choice-end', choice: 0, reason: 'stop' }, { type: 'response-end' }
  ]
  const reasoning = (incremental: boolean) => outputs(encoded(events, { result_format: 'message', incremental_output: incremental }))
    .map(({ choices }) => choices[0].message.reasoning_content)
  t.strictSame(reasoning(true), ['hm', '', ''])
  t.strictSame(reasoning(false), ['hm', 'hm', 'hm'])
})

t.test('gives each candidate frames of its own', async t => {
  const events: ChatEvent[] = [
    { type: 'text-delta', choice: 0, text: 'a' }, { type: 'text-delta', choice: 1, text: 'b' },
    { type: 'choice-end', choice: 1, reason: 'stop' }, { type: 'choice-end', choice: 0, reason: 'length' }, { type: 'response-end' }
  ]
  t.strictSame(outputs(encoded(events, { n: 2, incremental_output: true })).map(({ choices }) => [choices[0].index, choices[0].finish_reason]),
    [[0, 'null'], [1, 'null'], [1, 'stop'], [0, 'length']])
  t.equal(outputs(encoded(events, { n: 2, result_format: 'text' })).length, 2)
})

t.test('sends an extension with the next frame, and logprobs with theirs', async t => {
  const events: ChatEvent[] = [
    { type: 'extension', name: 'search_info', value: { a: 1 } }, { type: 'text-delta', choice: 0, text: 'a' },
    { type: 'logprobs', choice: 0, value: { content: [] } }, { type: 'choice-end', choice: 0, reason: 'stop' }, { type: 'response-end' }
  ]
  const frames = outputs(encoded(events, { result_format: 'message', incremental_output: true }))
  t.strictSame(frames.map(({ search_info: info }) => info), [{ a: 1 }, undefined, undefined])
  t.strictSame(frames[1].choices[0].logprobs, { content: [] })
})

t.test('ends in exactly one error frame that tells its status to every kind of client', async t => {
  const error = new GatewayError('budget_exhausted', 'The budget is spent.')
  const stream = encoded([...APPLE.slice(0, 2), { type: 'choice-end', choice: 0, reason: 'stop' }, { type: 'response-error', error }], {})
  t.equal(stream.split(/(?<=\n\n)/).at(-1), 'id:2\nevent:error\n:HTTP_STATUS/429\nstatus:429\n' +
    'data:{"code":"Throttling.AllocationQuota","message":"The budget is spent.","request_id":"75138129-60ee-996d-abe2-f08ef0153523"}\n\n')
  t.notMatch(stream, /"stop"|\[DONE\]/)
})

t.test('keeps every line of increments under 128 KiB, however large a delta and whatever is in it', async t => {
  const text = '\u0000😀'.repeat(40_000)
  const stream = encoded([{ type: 'text-delta', choice: 0, text }], { incremental_output: true })
  t.ok(stream.split('\n').every((line) => Buffer.byteLength(line) < 131_072))
  const frames = outputs(stream)
  t.equal(frames.map(({ text }) => text).join(''), text)
  t.ok(frames.every(({ text }) => text.isWellFormed()))
})

t.test('refuses to cumulate without end', async t => {
  const encoder = opened(callOf({}, STREAM)).createEncoder(REPLY)
  encoder.encode({ type: 'text-delta', choice: 0, text: 'x'.repeat(4_194_304) })
  t.equal(refusalOf(() => encoder.encode({ type: 'text-delta', choice: 0, text: 'x' })).kind, 'upstream_protocol')
})

t.test('keeps the line alive with a comment', async t => {
  t.equal(opened(callOf({}, STREAM)).createEncoder(REPLY).keepAlive().toString(), ':keepalive\n\n')
})
