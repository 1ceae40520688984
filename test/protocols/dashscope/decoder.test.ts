import t from 'tap'
import { collect } from '../../../src/core/collect.ts'
import type { ChatEvent } from '../../../src/core/event.ts'
import { decoded, fixture } from './samples.ts'

function frame (data: unknown, head = 'event:result\n:HTTP_STATUS/200\n'): string {
  return `id:1\n${head}data:${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

function choice (message: object, finish: unknown = 'null', more: object = {}): object {
  return { output: { choices: [{ message: { role: 'assistant', content: '', ...message }, finish_reason: finish, ...more }] } }
}

function call (fragment: object, finish?: unknown): string {
  return frame(choice({ tool_calls: [fragment] }, finish))
}

function failure (stream: string | Buffer): unknown {
  const errors = decoded(stream).filter((event): event is Extract<ChatEvent, { type: 'response-error' }> => event.type === 'response-error')
  t.equal(errors.length, 1)
  t.notOk(decoded(stream).some(({ type }) => type === 'response-end'))
  return errors[0]?.error
}

t.test('reads an incremental stream in order', async t => {
  const events = decoded(fixture('message.sse'))
  t.strictSame(events.map(({ type }) => type), ['response-start', 'text-delta', 'usage', 'text-delta', 'usage', 'text-delta', 'usage',
    'choice-end', 'usage', 'response-end'])
  t.match(collect(events), { choices: [{ text: '我是通义千问。', reason: 'stop' }], usage: { inputTokens: 26, outputTokens: 5 } })
})

t.test('merges parallel calls by index and loses nothing in the finish frame', async t => {
  const { choices } = collect(decoded(fixture('parallel-tools.sse')))
  t.strictSame(choices[0]?.calls, [
    { id: 'call_f0df466b1fd44f7590ebf389', name: 'get_weather', arguments: '{"city": "Paris"}' },
    { id: 'call_85d6e563c2e94bb68c5abea3', name: 'get_weather', arguments: '{"city": "Tokyo"}' }
  ])
  t.equal(choices[0]?.reason, 'tool-calls')
})

t.test('reads thinking apart from text', async t => {
  const collected = collect(decoded(fixture('thinking.sse')))
  t.match(collected, { choices: [{ reasoning: 'Two and two.', text: 'Four', reason: 'stop' }], usage: { reasoningTokens: 4, outputTokens: 5 } })
})

t.test('reads fragments as badly as they come', async t => {
  const opener = { id: 'a', type: 'function', function: { name: 'f', arguments: '{' } }
  const calls = (...frames: string[]) => collect(decoded(frames.join(''))).choices[0]?.calls
  const stop = frame(choice({}, 'stop'))
  t.strictSame(calls(call(opener), call({ function: { arguments: '}' } }), stop), [{ id: 'a', name: 'f', arguments: '{}' }], 'no index')
  t.strictSame(calls(call({ ...opener, index: 0 }), call({ id: 'a', index: 0, function: { name: 'f', arguments: '}' } }), stop),
    [{ id: 'a', name: 'f', arguments: '{}' }], 'id and name repeated')
  t.strictSame(calls(call({ ...opener, index: 1 }), call({ id: null, index: 1, function: { name: null, arguments: null } }), stop),
    [{ id: 'a', name: 'f', arguments: '{' }], 'nulls')
  t.strictSame(calls(call(opener), call({ ...opener, id: 'b' }), call({ id: 'a', function: { arguments: '}' } }), stop),
    [{ id: 'a', name: 'f', arguments: '{}' }, { id: 'b', name: 'f', arguments: '{' }], 'ids without index')
  t.strictSame(calls(call({ id: 'a', index: 0, function: { arguments: '{' } }), call({ index: 0, function: { name: 'f', arguments: '}' } }), stop),
    [{ id: 'a', name: 'f', arguments: '{}' }], 'arguments before the name')
  t.strictSame(calls(call({ id: 'a', index: 0, function: { arguments: '{' } }), stop), [{ id: 'a', name: '', arguments: '{' }], 'no name at all')
})

t.test('gives a call without an id the same id every time', async t => {
  const stream = call({ function: { name: 'f', arguments: '{}' } }, 'tool_calls')
  const [first, second] = [collect(decoded(stream)), collect(decoded(stream))].map(({ choices }) => choices[0]?.calls[0]?.id)
  t.match(first, /^call_[0-9a-f]{24}$/)
  t.equal(first, second)
})

t.test('corrects stop beside a call, and leaves length, whose arguments may be cut', async t => {
  const reason = (finish: string) => collect(decoded(call({ id: 'a', index: 0, function: { name: 'f' } }, finish))).choices[0]?.reason
  t.equal(reason('stop'), 'tool-calls')
  t.equal(reason('length'), 'length')
})

t.test('reads text format, every word for unfinished, candidates and search results', async t => {
  const text = (finish: unknown) => frame({ output: { text: 'a', finish_reason: finish } })
  const stream = text(null) + text('') + text('null') + text('stop')
  t.match(collect(decoded(stream)), { choices: [{ text: 'aaaa', reason: 'stop' }] })
  const two = frame(choice({ content: 'a' }, 'stop', { index: 0 })) + frame(choice({ content: 'b' }, 'stop', { index: 1 }))
  t.match(collect(decoded(two)).choices.map(({ text }) => text), ['a', 'b'])
  const search = frame({ output: { search_info: { search_results: [] }, choices: [] }, usage: {} }) + frame(choice({ content: 'a' }, 'stop'))
  t.match(collect(decoded(search)), { extensions: { search_info: { search_results: [] } }, usage: undefined })
})

t.test('takes every form of error for one, and gives nothing after it', async t => {
  t.match(failure(fixture('error-frame.sse')), {
    kind: 'budget_exhausted', status: 429, upstream: { protocol: 'dashscope', code: 'Throttling.AllocationQuota', requestId: '6d1f6a2c-3a57-9c5e-8a41-5b2f8f3a9f10' }
  })
  t.match(failure(fixture('error-by-status.sse')), { kind: 'content_filtered', status: 400 })
  t.match(failure(frame({ code: 'InternalError', message: 'm' }) + fixture('message.sse')), { kind: 'upstream_failed', message: 'm' })
  t.match(failure(frame({ error: { code: 'model_not_found', message: 'm' } })), { kind: 'model_not_found' })
  t.match(failure(frame({ code: 'New.Code' }, 'event:error\n:HTTP_STATUS/200\n')), { kind: 'upstream_failed', message: 'New.Code' })
  t.match(failure(frame('overloaded', 'event:error\n')), { kind: 'upstream_failed', message: 'overloaded' })
  t.match(failure(frame('{"output":')), { kind: 'upstream_protocol' })
  t.match(failure(frame({ id: 1 })), { kind: 'upstream_protocol' })
  t.match(failure(frame(choice({ content: 'a' }, 'stop')) + frame(choice({ content: 'b' }))), { kind: 'upstream_protocol' })
})

t.test('takes a stream that closes early for cut', async t => {
  t.match(failure(fixture('cut.sse')), { kind: 'upstream_failed' })
  t.match(failure(''), { kind: 'upstream_failed' })
  t.match(failure(frame(choice({ content: 'a' }, 'stop', { index: 0 })) + frame(choice({ content: 'b' }, 'null', { index: 1 }))), { kind: 'upstream_failed' })
})

t.test('bounds what an upstream can make it keep', async t => {
  t.match(failure(frame(choice({}, 'null', { index: 128 }))), { kind: 'upstream_protocol' })
  const calls = Array.from({ length: 129 }, (_, index) => call({ id: `c${index}`, index, function: { name: 'f' } })).join('')
  t.match(failure(calls), { kind: 'upstream_protocol' })
  t.match(failure(call({ index: 0, function: { arguments: 'x'.repeat(1_048_577) } })), { kind: 'upstream_protocol' })
})

t.test('passes over comments, empty data, a repeated end and the marker of other protocols', async t => {
  const stream = ':keepalive\n\n' + 'data:\n\n' + frame(choice({ content: 'a' }, 'stop')) + frame(choice({}, 'stop')) + 'data:[DONE]\n\n'
  t.strictSame(decoded(stream).map(({ type }) => type), ['response-start', 'text-delta', 'choice-end', 'response-end'])
})
