import t from 'tap'
import { collect } from '../../../src/core/collect.ts'
import type { ChatEvent } from '../../../src/core/event.ts'
import { openai } from '../../../src/protocols/openai/index.ts'
import { eventsOf } from '../../support/sse.ts'
import { fixture, targetWith } from './samples.ts'

function decoded (stream: string | Buffer): ChatEvent[] {
  const decoder = openai.dialect.createDecoder(targetWith())
  return [...eventsOf(stream).flatMap((event) => decoder.decode(event)), ...decoder.end()]
}

/** A stream of these chunks; a string is sent as it stands. */
function streamOf (...chunks: readonly (object | string)[]): string {
  return chunks.map((chunk) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`).join('')
}

function chunk (delta: object, finishReason: string | null = null, index = 0): object {
  return { id: 'chatcmpl-1', choices: [{ index, delta, finish_reason: finishReason }] }
}

function calls (...toolCalls: readonly object[]): object {
  return chunk({ tool_calls: toolCalls })
}

const END: ChatEvent = { type: 'response-end' }

t.test('decodes text, its end and its usage', async t => {
  t.strictSame(decoded(fixture('text-with-usage.sse')), [
    { type: 'response-start', id: 'chatcmpl-3bb05cf5-cd81-9d4e-bd56-e5ff1ab2a1a5' },
    { type: 'text-delta', choice: 0, text: '我是来自' },
    { type: 'text-delta', choice: 0, text: '阿里云的"超大"规模\n' },
    { type: 'text-delta', choice: 0, text: '语言模型。😀' },
    { type: 'choice-end', choice: 0, reason: 'stop' },
    { type: 'usage', usage: { inputTokens: 22, cachedInputTokens: 8, outputTokens: 17, reasoningTokens: 0, source: 'reported' } },
    END
  ])
})

t.test('keeps reasoning apart from text', async t => {
  const { choices: [choice], usage } = collect(decoded(fixture('thinking.sse')))
  t.match(choice, { reasoning: 'Okay, the user', text: 'Hello!', reason: 'stop' })
  t.match(usage, { outputTokens: 9, reasoningTokens: 5 })
})

t.test('merges parallel calls by index, the last fragment in the chunk that ends the choice', async t => {
  const events = decoded(fixture('parallel-tools.sse'))
  t.strictSame(collect(events).choices[0]?.calls, [
    { id: 'call_f0df466b1fd44f7590ebf389', name: 'get_weather', arguments: '{"city": "Paris"}' },
    { id: 'call_85d6e563c2e94bb68c5abea3', name: 'get_weather', arguments: '{"city": "London"}' }
  ])
  t.equal(events.filter(({ type }) => type === 'tool-call-start').length, 2)
  t.match(events.slice(-3), [{ type: 'choice-end', reason: 'tool-calls' }, { type: 'usage' }, END])
})

t.test('turns each shape of failure into one error and nothing after it', async t => {
  const cases: readonly [string, object][] = [
    ['error-object.sse', { kind: 'content_filtered', message: 'Output data may contain inappropriate content.' }],
    ['error-native-frame.sse', { kind: 'budget_exhausted', upstream: { code: 'Throttling.AllocationQuota', status: 429, requestId: /^3bb05cf5/ } }],
    ['error-finish.sse', { kind: 'budget_exhausted', upstream: { code: 'Throttling.AllocationQuota', status: 429 } }],
    ['cut.sse', { kind: 'upstream_failed' }]
  ]
  for (const [name, error] of cases) {
    const events = decoded(`${fixture(name).toString()}${name === 'cut.sse' ? '' : streamOf(chunk({ content: 'more' }), '[DONE]')}`)
    t.match(events.at(-1), { type: 'response-error', error }, name)
    t.equal(events.filter(({ type }) => ['response-error', 'response-end', 'choice-end'].includes(type)).length, 1, name)
    t.notMatch(JSON.stringify(events.slice(0, -1)), 'HTTP_STATUS', name)
  }
})

t.test('recognises failures in other dresses', async t => {
  const cases: readonly [string, string][] = [
    [streamOf({ error: 'overloaded' }), 'upstream_failed'],
    [streamOf({ error: { message: 'm', code: 429 } }), 'rate_limited'],
    [streamOf({ object: 'error', message: 'm', code: 400 }), 'invalid_request'],
    [streamOf({ error: { message: '<400> InternalError.Algo.InvalidParameter: m' } }), 'invalid_request'],
    ['event:result\n:HTTP_STATUS/500\ndata:{}\n\n', 'upstream_failed'],
    [streamOf(chunk({ content: 'out of memory' }, 'error_finish')), 'upstream_failed'],
    [streamOf('{"choices":[{"delta":'), 'upstream_protocol'],
    [streamOf('[]'), 'upstream_protocol'],
    [streamOf('[DONE]'), 'upstream_failed'],
    [streamOf({ error: {} }), 'upstream_failed'],
    ['', 'upstream_failed'],
    [': ping\n\n', 'upstream_failed']
  ]
  for (const [stream, kind] of cases) t.match(decoded(stream), [{ type: 'response-error', error: { kind } }], stream)
})

t.test('is whole without [DONE] once every choice has ended', async t => {
  t.strictSame(decoded(streamOf(chunk({ content: 'a' }, 'length'))).slice(-2), [{ type: 'choice-end', choice: 0, reason: 'length' }, END])
  t.match(decoded(streamOf(chunk({ content: 'a' }, 'stop'), chunk({ content: 'b' }, null, 1))).at(-1), { error: { kind: 'upstream_failed' } })
})

t.test('makes up the end of an answer that only [DONE] or its usage says is whole', async t => {
  const usage = { choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }
  const call = calls({ index: 0, id: 'c', function: { name: 'f', arguments: '{}' } })
  t.match(decoded(streamOf(chunk({ content: 'a' }), '[DONE]')).slice(-2), [{ type: 'choice-end', reason: 'stop' }, END])
  t.match(decoded(streamOf(chunk({ content: 'a' }), usage)).slice(-2), [{ type: 'choice-end', reason: 'stop' }, END])
  t.match(decoded(streamOf(call, '[DONE]')).slice(-2), [{ type: 'choice-end', reason: 'tool-calls' }, END])
})

t.test('takes an event without data for none', async t => {
  const said = decoded(streamOf(chunk({ content: 'a' }), '', ' ', chunk({}, 'stop')))
  t.strictSame(said, decoded(streamOf(chunk({ content: 'a' }), chunk({}, 'stop'))))
  t.match(said.at(-1), END)
})

t.test('takes usage without an answer for no answer', async t => {
  t.match(decoded(streamOf({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 0 } })).at(-1), { error: { kind: 'upstream_failed' } })
})

t.test('ignores everything behind [DONE]', async t => {
  t.match(decoded(streamOf(chunk({ content: 'a' }, 'stop'), '[DONE]', chunk({ content: 'b' }))).slice(-2), [{ type: 'choice-end' }, END])
})

t.test('says tool-calls where an answer with calls ends with stop, and length where it was cut', async t => {
  const call = calls({ index: 0, id: 'c', function: { name: 'f', arguments: '{' } })
  t.match(decoded(streamOf(call, chunk({}, 'stop'))).at(-2), { reason: 'tool-calls' })
  t.match(decoded(streamOf(call, chunk({}, 'length'))).at(-2), { reason: 'length' })
  t.match(decoded(streamOf(chunk({ content: 'a' }, 'eos'))).at(-2), { reason: 'stop' })
  t.match(decoded(streamOf(chunk({ content: 'a' }, 'content_filter'))).at(-2), { reason: 'content-filter' })
  t.match(decoded(streamOf(chunk({ content: 'a' }, 'null'))).at(-1), { type: 'response-error' })
})

t.test('places calls that come without an index', async t => {
  const events = decoded(streamOf(
    calls({ id: 'a', function: { name: 'f', arguments: '{' } }),
    calls({ function: { arguments: '}' } }),
    calls({ id: 'b', function: { name: 'f', arguments: '[' } }),
    calls({ id: 'b', function: { arguments: ']' } }),
    calls({ id: 'c', function: { name: 'g', arguments: { x: 1 } } }, { id: 'd', function: { name: 'g' } }),
    '[DONE]'
  ))
  t.strictSame(collect(events).choices[0]?.calls, [
    { id: 'a', name: 'f', arguments: '{}' },
    { id: 'b', name: 'f', arguments: '[]' },
    { id: 'c', name: 'g', arguments: '{"x":1}' },
    { id: 'd', name: 'g', arguments: '' }
  ])
})

t.test('gives every call without an id an id of its own', async t => {
  const stream = (id: string) => streamOf({ id, choices: [{ delta: { tool_calls: [{ function: { name: 'g' } }, { function: { name: 'g' } }] } }] }, '[DONE]')
  const ids = [...decoded(stream('1')), ...decoded(stream('2'))].flatMap((event) => event.type === 'tool-call-start' ? [event.id] : [])
  t.equal(new Set(ids).size, 4)
  t.strictSame(decoded(stream('1')), decoded(stream('1')))
})

t.test('waits for the name of a call and counts calls from zero', async t => {
  const events = decoded(streamOf(
    calls({ index: 3, id: 'c', function: { arguments: null } }),
    calls({ index: 3, id: 'c', function: { arguments: '{"a"' } }),
    calls({ index: 3, id: '', function: { name: 'f', arguments: ':1}' } }),
    '[DONE]'
  ))
  t.strictSame(events.slice(1, 3), [
    { type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' },
    { type: 'tool-call-delta', choice: 0, index: 0, arguments: '{"a":1}' }
  ])
})

t.test('refuses what no answer can be', async t => {
  const cases: readonly [string, object][] = [
    ['a choice index out of range', chunk({ content: 'a' }, null, 128)],
    ['a fractional choice index', chunk({ content: 'a' }, null, 0.5)],
    ['a call index out of range', calls({ index: 1024, id: 'c', function: { name: 'f' } })],
    ['a negative call index', calls({ index: -1, id: 'c', function: { name: 'f' } })],
    ['a fragment of no call', calls({ function: { arguments: '{' } })],
    ['too many calls', calls(...Array.from({ length: 1025 }, () => ({ function: { name: 'f' } })))]
  ]
  for (const [name, broken] of cases) t.match(decoded(streamOf(broken)).at(-1), { type: 'response-error', error: { kind: 'upstream_protocol' } }, name)
  const nameless = decoded(streamOf(calls({ index: 0, id: 'c', function: { arguments: '{}' } }), '[DONE]'))
  t.match(nameless.at(-1), { error: { kind: 'upstream_protocol' } })
  const revived = decoded(streamOf(chunk({ content: 'a' }, 'stop'), chunk({ content: 'b' })))
  t.match(revived.at(-1), { error: { kind: 'upstream_protocol' } })
  t.match(decoded(streamOf(chunk({ content: 'a' }, 'stop'), chunk({ content: '' }, 'stop'))).at(-1), END, 'saying the end twice is harmless')
})

t.test('does not believe impossible usage', async t => {
  for (const usage of [{ prompt_tokens: -1, completion_tokens: 1 }, { prompt_tokens: '5', completion_tokens: 1 }, { prompt_tokens: 1e12, completion_tokens: 1 }, {}, null]) {
    const events = decoded(streamOf(chunk({ content: 'a' }, 'stop'), { choices: [], usage }, '[DONE]'))
    t.notOk(events.some(({ type }) => type === 'usage'), JSON.stringify(usage))
  }
})

t.test('hands on logprobs, refusals, content parts and search results', async t => {
  const logprobs = { content: [{ token: 'a', logprob: -0.1 }] }
  const events = decoded(streamOf(
    { choices: [{ delta: { content: 'a' }, logprobs }], search_info: { search_results: [] } },
    chunk({ refusal: 'no' }),
    chunk({ content: [{ text: 'b' }, { type: 'text', text: 'c' }, null] }),
    '[DONE]'
  ))
  t.strictSame(events.slice(1, -2), [
    { type: 'extension', name: 'search_info', value: { search_results: [] } },
    { type: 'logprobs', choice: 0, value: logprobs },
    { type: 'text-delta', choice: 0, text: 'a' },
    { type: 'text-delta', choice: 0, text: 'no' },
    { type: 'text-delta', choice: 0, text: 'bc' }
  ])
})
