import t from 'tap'
import { GatewayError } from '../../../src/core/errors.ts'
import type { ChatEvent } from '../../../src/core/event.ts'
import { REPLY, callOf, opened } from './samples.ts'

const START: ChatEvent = { type: 'response-start', id: 'upstream' }
const END: ChatEvent = { type: 'response-end' }
const STOP: ChatEvent = { type: 'choice-end', choice: 0, reason: 'stop' }
const USAGE: ChatEvent = { type: 'usage', usage: { inputTokens: 22, cachedInputTokens: 8, outputTokens: 17, reasoningTokens: 3, source: 'reported' } }
const TAIL = '"object":"chat.completion.chunk","created":1728353155,"system_fingerprint":null,"model":"qwen-coder-turbo",' +
  '"id":"chatcmpl-39799876-eda8-9527-9e14-2214d641cf9a"'

function encoded (events: readonly ChatEvent[], body: object = {}): string {
  const encoder = opened(callOf({ stream: true, ...body })).createEncoder(REPLY)
  return events.map((event) => encoder.encode(event)?.toString() ?? '').join('')
}

function choice (delta: string, finishReason = 'null', index = 0): string {
  return `{"delta":${delta},"finish_reason":${finishReason},"index":${index},"logprobs":null}`
}

t.test('writes exactly these bytes', async t => {
  t.equal(encoded([START, { type: 'text-delta', choice: 0, text: 'say "hi"\n' }, STOP, USAGE, END]), [
    `data: {"choices":[${choice('{"role":"assistant","content":""}')}],${TAIL}}\n\n`,
    `data: {"choices":[${choice('{"content":"say \\"hi\\"\\n"}')}],${TAIL}}\n\n`,
    `data: {"choices":[${choice('{}', '"stop"')}],${TAIL}}\n\n`,
    'data: [DONE]\n\n'
  ].join(''))
})

t.test('writes usage null in every chunk and the last usage before [DONE] where it was asked for', async t => {
  const earlier: ChatEvent = { type: 'usage', usage: { inputTokens: 22, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0, source: 'reported' } }
  const usage = '{"prompt_tokens":22,"completion_tokens":17,"total_tokens":39,"prompt_tokens_details":{"cached_tokens":8},' +
    '"completion_tokens_details":{"reasoning_tokens":3}}'
  t.equal(encoded([START, earlier, { type: 'text-delta', choice: 0, text: 'a' }, STOP, USAGE, END], { stream_options: { include_usage: true } }), [
    `data: {"choices":[${choice('{"role":"assistant","content":""}')}],"usage":null,${TAIL}}\n\n`,
    `data: {"choices":[${choice('{"content":"a"}')}],"usage":null,${TAIL}}\n\n`,
    `data: {"choices":[${choice('{}', '"stop"')}],"usage":null,${TAIL}}\n\n`,
    `data: {"choices":[],"usage":${usage},${TAIL}}\n\n`,
    'data: [DONE]\n\n'
  ].join(''))
})

t.test('writes no usage chunk where none is known', async t => {
  t.notMatch(encoded([START, STOP, END], { stream_options: { include_usage: true } }), '"choices":[]')
})

t.test('names a call once and continues it by index alone', async t => {
  const stream = encoded([
    START,
    { type: 'tool-call-start', choice: 0, index: 1, id: 'call_1', name: 'f' },
    { type: 'tool-call-delta', choice: 0, index: 1, arguments: '{"a"' },
    { type: 'choice-end', choice: 0, reason: 'tool-calls' },
    END
  ])
  t.match(stream, `"choices":[${choice('{"tool_calls":[{"index":1,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}')}]`)
  t.match(stream, `"choices":[${choice('{"tool_calls":[{"index":1,"function":{"arguments":"{\\"a\\""}}]}')}]`)
  t.match(stream, `"choices":[${choice('{}', '"tool_calls"')}]`)
})

t.test('opens every choice with its role', async t => {
  const stream = encoded([
    START,
    { type: 'text-delta', choice: 1, text: 'b' },
    { type: 'reasoning-delta', choice: 0, text: 'a' },
    { type: 'text-delta', choice: 1, text: 'c' },
    { type: 'choice-end', choice: 1, reason: 'length' },
    { type: 'choice-end', choice: 0, reason: 'content-filter' },
    END
  ])
  t.strictSame([...stream.matchAll(/"choices":\[(.*?)\],"object"/g)].map(([, choices]) => choices), [
    choice('{"role":"assistant","content":""}', 'null', 1),
    choice('{"content":"b"}', 'null', 1),
    choice('{"role":"assistant","content":""}'),
    choice('{"reasoning_content":"a"}'),
    choice('{"content":"c"}', 'null', 1),
    choice('{}', '"length"', 1),
    choice('{}', '"content_filter"')
  ])
})

t.test('ends a failed stream with the error and without [DONE]', async t => {
  const error = new GatewayError('upstream_timeout', 'Too slow.', { cause: new Error('secret') })
  t.equal(encoded([{ type: 'response-error', error }, STOP, END]),
    'data: {"error":{"message":"Too slow.","type":"server_error","param":null,"code":"request_timeout"},' +
    '"request_id":"39799876-eda8-9527-9e14-2214d641cf9a"}\n\n')
})

t.test('says nothing after the end', async t => {
  t.match(encoded([START, STOP, END, { type: 'text-delta', choice: 0, text: 'late' }, END]), /"stop".*\n\ndata: \[DONE\]\n\n$/)
})

t.test('carries search results and logprobs', async t => {
  const extension: ChatEvent = { type: 'extension', name: 'search_info', value: { search_results: [] } }
  const stream = encoded([START, { type: 'logprobs', choice: 0, value: { content: [] } }, extension, STOP, extension, END])
  t.match(stream, '"delta":{},"finish_reason":null,"index":0,"logprobs":{"content":[]}}')
  t.match(stream, `"finish_reason":"stop","index":0,"logprobs":null}],${TAIL},"search_info":{"search_results":[]}}\n\n`)
  t.match(stream, `data: {"choices":[],${TAIL},"search_info":{"search_results":[]}}\n\ndata: [DONE]\n\n`)
})

t.test('keeps the line alive with a comment', async t => {
  t.equal(opened(callOf({ stream: true })).createEncoder(REPLY).keepAlive().toString(), ': keep-alive\n\n')
})
