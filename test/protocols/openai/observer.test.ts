import t from 'tap'
import type { Observer, Verdict } from '../../../src/core/protocol.ts'
import { openai } from '../../../src/protocols/openai/index.ts'
import { eventsOf } from '../../support/sse.ts'
import { fixture } from './samples.ts'
import { writtenIn } from '../../support/written.ts'

interface Observed {
  readonly observer: Observer
  readonly verdicts: readonly Verdict[]
  /** What a client gets. */
  readonly relayed: string
}

function observed (stream: string | Buffer, wanted = { usage: true }): Observed {
  const observer = openai.dialect.createObserver({ ...wanted, cumulative: false })
  const events = eventsOf(stream)
  const verdicts = events.map((event) => observer.observe(event))
  const relayed = verdicts.map((verdict, index) => {
    if (verdict.action === 'replace') return verdict.bytes.toString()
    return verdict.action === 'relay' ? events[index]?.raw.toString() : ''
  }).join('')
  return { observer, verdicts, relayed }
}

function delta (content: object, finishReason: string | null = null, index = 0): string {
  return `data: ${JSON.stringify({ choices: [{ delta: content, finish_reason: finishReason, index }], usage: null })}\n\n`
}

t.test('relays a whole stream byte for byte and knows its usage and text', async t => {
  const stream = fixture('text-with-usage.sse')
  const { observer, relayed } = observed(stream)
  t.equal(relayed, stream.toString())
  t.equal(observer.complete, true)
  t.equal(observer.contentSeen, true)
  t.strictSame(observer.usage(), { inputTokens: 22, cachedInputTokens: 8, outputTokens: 17, reasoningTokens: 0, source: 'reported' })
  t.equal(writtenIn(observer), '我是来自阿里云的"超大"规模\n语言模型。😀')
})

t.test('withholds the usage chunk from a client that did not ask for it', async t => {
  const stream = fixture('text-with-usage.sse').toString()
  const { observer, relayed } = observed(stream, { usage: false })
  t.equal(relayed, stream.replace(/data: \{"choices":\[\].*\n\n/, ''))
  t.equal(observer.usage()?.outputTokens, 17)
})

t.test('collects reasoning and calls as well', async t => {
  t.equal(writtenIn(observed(fixture('thinking.sse')).observer), '<think>\nOkay, the user\n</think>\n\nHello!')
  t.equal(writtenIn(observed(fixture('parallel-tools.sse')).observer), '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "London"}}\n</tool_call>')
})

t.test('reads spaced JSON, CRLF and escaped text alike', async t => {
  const spaced = (text: string, finish = 'null') =>
    `data: {"choices": [{"delta": {"content": ${text}}, "finish_reason" : ${finish}, "index": 0}], "usage": null}\r\n\r\n`
  const { observer } = observed(spaced('"\\ud83d"') + spaced('"\\ude00 \\\\\\"finish_reason\\":\\"stop\\" "') + spaced('"end"', '"stop"'))
  t.equal(writtenIn(observer), '😀 \\"finish_reason":"stop" end')
  t.equal(observer.complete, true)
})

t.test('is not taken in by the model quoting the protocol', async t => {
  const text = JSON.stringify({ choices: [], error: 'x', usage: { prompt_tokens: 1, completion_tokens: 1 }, finish_reason: 'stop' })
  const { observer, verdicts } = observed(delta({ content: text }), { usage: false })
  t.strictSame(verdicts, [{ action: 'relay' }])
  t.equal(observer.complete, false)
  t.equal(observer.usage(), undefined)
  t.equal(writtenIn(observer), text)
})

t.test('repairs continuations that strict clients cannot read', async t => {
  const { verdicts, relayed } = observed(fixture('parallel-tools.sse'))
  t.strictSame(verdicts.map(({ action }) => action), [
    'relay', 'replace', 'replace', 'replace', 'replace', 'relay', 'replace', 'replace', 'relay', 'relay'
  ])
  t.notMatch(relayed, /"id":""|"name":(?:null|"")|"arguments":null/)
  t.equal(relayed.match(/"name":"get_weather"/g)?.length, 2)
  t.match(relayed, '{"tool_calls":[{"index":0,"type":"function","function":{"arguments":"{\\"city\\": \\"Paris"}}]},"finish_reason":null')
  t.match(relayed, '"id":"chatcmpl-3bb05cf5-cd81-9d4e-bd56-e5ff1ab2a1a5"}\n\n')
})

t.test('repairs one defect as well as many, and leaves the rest of a call alone', async t => {
  const repaired = (call: object) => JSON.parse(observed(delta({ tool_calls: [call] })).relayed.slice('data: '.length)).choices[0].delta.tool_calls[0]
  t.strictSame(repaired({ index: 0, id: 'c', function: { name: 'f', arguments: null } }), { index: 0, id: 'c', function: { name: 'f', arguments: '' } })
  t.strictSame(repaired({ index: 0, id: null, x: 1 }), { index: 0, x: 1 })
  t.strictSame(repaired({ index: 0, function: { name: null, arguments: '{', x: 1 } }), { index: 0, function: { x: 1, arguments: '{' } })
})

t.test('ends an answer that calls tools with tool_calls', async t => {
  const call = { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] }
  const { verdicts, relayed } = observed(delta(call) + delta({}, 'stop'))
  t.strictSame(verdicts.map(({ action }) => action), ['relay', 'replace'])
  t.match(relayed, '"finish_reason":"tool_calls"')
  t.strictSame(observed(delta({ content: 'a', tool_calls: [] }) + delta({}, 'stop')).verdicts.map(({ action }) => action), ['relay', 'relay'])
})

t.test('fails on every shape of failure and lets none of it through', async t => {
  const cases: readonly [string, object][] = [
    ['error-object.sse', { kind: 'content_filtered' }],
    ['error-native-frame.sse', { kind: 'budget_exhausted', upstream: { status: 429 } }],
    ['error-finish.sse', { kind: 'budget_exhausted' }]
  ]
  for (const [name, error] of cases) {
    const { observer, verdicts, relayed } = observed(fixture(name))
    t.match(verdicts.at(-1), { action: 'fail', error }, name)
    t.notMatch(relayed, /Throttling|inappropriate/, name)
    t.equal(observer.complete, false, name)
  }
  t.equal(observed(fixture('cut.sse')).observer.complete, false)
  t.match(observed('data: {"choices":\n\n').verdicts, [{ action: 'fail', error: { kind: 'upstream_protocol' } }])
  t.match(observed('data: [DONE]\n\n').verdicts, [{ action: 'fail', error: { kind: 'upstream_failed' } }])
})

t.test('is complete when every choice has ended, or at [DONE]', async t => {
  const both = delta({ content: 'a' }) + delta({ content: 'b' }, null, 1)
  t.equal(observed(both).observer.complete, false)
  t.equal(observed(both + delta({}, 'stop')).observer.complete, false)
  t.equal(observed(both + delta({}, 'stop') + delta({}, 'stop')).observer.complete, false)
  t.equal(observed(both + delta({}, 'stop') + delta({}, 'length', 1)).observer.complete, true)
  t.equal(observed(`${both}data: [DONE]\n\n`).observer.complete, true)
  t.equal(observed(`${both}data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n`).observer.complete, true)
  t.equal(observed('').observer.complete, false)
})

t.test('relays comments and empty chunks without taking them for content', async t => {
  const stream = `: ping\n\n${delta({ role: 'assistant', content: '' })}data: {"choices":[],"prompt_filter_results":[]}\n\n`
  const { observer, relayed } = observed(stream)
  t.equal(relayed, stream)
  t.equal(observer.contentSeen, false)
  t.equal(writtenIn(observer), '')
})

t.test('lets no field through but data, and no event without any', async t => {
  const chunk = delta({ content: 'a' })
  const end = delta({}, 'stop')
  const cases: readonly [string, string][] = [
    ['event: ping\n\n', ''],
    ['retry: 1000\n\n', ''],
    ['id: 1\n: comment\n\n', ''],
    ['data:\n\n', ''],
    ['data\r\n\r\n', ''],
    ['data: \n\n', ''],
    [': one\r\n:two\r\n\r\n', ': one\r\n:two\r\n\r\n'],
    [`id: 1\nevent: message\n${chunk}`, chunk],
    [`\ufeff${chunk}`, chunk],
    [`: comment\n${chunk}`, `: comment\n${chunk}`],
    [`retry: 1\r${end}`, end],
    ['id: 3\ndata: {"choices":[],\ndata: "prompt_filter_results":[]}\n\n', 'data: {"choices":[],\ndata: "prompt_filter_results":[]}\n\n'],
    [`event: done\n${chunk}id: 4\ndata: [DONE]\n\n`, `${chunk}data: [DONE]\n\n`]
  ]
  for (const [stream, relayed] of cases) {
    const seen = observed(stream)
    t.equal(seen.relayed, relayed, JSON.stringify(stream))
    t.notOk(seen.verdicts.some(({ action }) => action === 'fail'))
  }
  t.equal(writtenIn(observed(`id: 1\n${chunk}`).observer), 'a')
  t.match(observed('event: error\ndata:\n\n').verdicts, [{ action: 'fail', error: { kind: 'upstream_failed' } }])
})

t.test('keeps the usage a vendor puts into ordinary chunks', async t => {
  const chunk = { choices: [{ delta: { content: 'a' }, finish_reason: null, index: 0 }], usage: { prompt_tokens: 1, completion_tokens: 2 } }
  const { observer, verdicts } = observed(`data: ${JSON.stringify(chunk)}\n\n${delta({}, 'stop')}`, { usage: false })
  t.strictSame(verdicts, [{ action: 'relay' }, { action: 'relay' }])
  t.equal(observer.usage()?.outputTokens, 2)
})

t.test('refuses an index no choice can have', async t => {
  const impossible = { action: 'fail', error: { kind: 'upstream_protocol' } }
  for (const index of [128, 99_999]) t.match(observed(delta({ content: 'a' }, null, index)).verdicts, [impossible])
  for (const index of [128, -1, 0.5]) t.match(observed(delta({ content: 'a' }, 'stop', index)).verdicts, [impossible])
})

t.test('stops collecting at a mebibyte', async t => {
  const piece = 'x'.repeat(100_000)
  const { observer } = observed(delta({ content: piece }).repeat(12))
  t.equal(writtenIn(observer).length, 1_000_000)
})
