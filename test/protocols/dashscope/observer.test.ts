import t from 'tap'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { parseEvent } from '../../../src/sse/parser.ts'
import { eventsOf } from '../../support/sse.ts'
import { decoded, fixture } from './samples.ts'
import { writtenIn } from '../../support/written.ts'

function watched (stream: string | Buffer, { cumulative = false } = {}) {
  const observer = dashscope.dialect.createObserver({ usage: true, cumulative })
  const verdicts = eventsOf(stream).map((event) => observer.observe(event))
  return { observer, verdicts, actions: verdicts.map(({ action }) => action) }
}

function frame (data: object | string, head = 'event:result\n:HTTP_STATUS/200\n'): string {
  return `id:1\n${head}data:${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

t.test('relays a whole stream and reports what it used', async t => {
  for (const name of ['message.sse', 'parallel-tools.sse', 'thinking.sse']) {
    const { observer, actions } = watched(fixture(name))
    t.ok(actions.every((action) => action === 'relay'), name)
    t.match(observer, { complete: true, contentSeen: true }, name)
  }
  t.match(watched(fixture('message.sse')).observer.usage(), { inputTokens: 26, outputTokens: 5 })
})

t.test('sees that a stream was cut', async t => {
  const { observer } = watched(fixture('cut.sse'))
  t.match(observer, { complete: false, contentSeen: true })
  t.match(observer.usage(), { outputTokens: 2 })
})

t.test('misses a choice that has not ended although another has', async t => {
  const choice = (index: number, finish: string) => frame({ output: { choices: [{ index, message: { content: 'a' }, finish_reason: finish }] } })
  const isComplete = (...frames: string[]) => watched(frames.join('')).observer.complete
  t.equal(isComplete(choice(0, 'null'), choice(1, 'null'), choice(0, 'stop')), false)
  t.equal(isComplete(choice(0, 'null'), choice(1, 'stop')), false)
  t.equal(isComplete(choice(0, 'null'), choice(1, 'null'), choice(0, 'stop'), choice(1, 'length')), true)
  t.equal(isComplete(choice(0, 'stop'), choice(1, 'stop'), choice(0, 'null')), true)
  t.match(watched(choice(128, 'null')).verdicts, [{ action: 'fail', error: { kind: 'upstream_protocol' } }])
})

t.test('takes any word for an end, also one that objects know', async t => {
  t.match(decoded(frame({ output: { text: 'a', finish_reason: 'constructor' } })), [{}, {}, { type: 'choice-end', reason: 'stop' }, { type: 'response-end' }])
  t.equal(watched(frame({ output: { text: 'a', finish_reason: 'constructor' } })).observer.complete, true)
})

t.test('is not fooled by what a model or a user writes', async t => {
  const text = '"finish_reason":"stop","output_tokens":9,"code":"x"\nevent:error\n:HTTP_STATUS/500'
  const { observer, actions } = watched(frame({ output: { choices: [{ message: { content: text }, finish_reason: 'null' }] } }))
  t.strictSame(actions, ['relay'])
  t.equal(observer.complete, false)
  t.equal(observer.usage(), undefined)
})

t.test('tells content from its absence', async t => {
  const seen = (message: object) => watched(frame({ output: { choices: [{ message, finish_reason: 'null' }] } })).observer.contentSeen
  t.equal(seen({ content: '', reasoning_content: '' }), false)
  t.equal(seen({ content: [] }), false)
  t.equal(seen({ content: [{ text: '' }], tool_calls: [] }), false)
  t.equal(seen({ content: 'a' }), true)
  t.equal(seen({ content: [{ text: 'a' }] }), true)
  t.equal(seen({ content: '', reasoning_content: 'a' }), true)
  t.equal(seen({ content: '', tool_calls: [{ id: '' }] }), true)
  t.equal(watched(frame({ output: { text: 'a', finish_reason: 'null' } })).observer.contentSeen, true)
})

t.test('fails on every form of error', async t => {
  t.match(watched(fixture('error-frame.sse')).verdicts.at(-1), { action: 'fail', error: { kind: 'budget_exhausted', status: 429 } })
  t.match(watched(fixture('error-by-status.sse')).verdicts.at(-1), { action: 'fail', error: { kind: 'content_filtered' } })
  t.match(watched(frame({ code: 'InternalError', message: 'm' })).verdicts, [{ action: 'fail', error: { kind: 'upstream_failed' } }])
  t.match(watched(frame('{"x"')).verdicts, [{ action: 'fail', error: { kind: 'upstream_protocol' } }])
  const cut = parseEvent(Buffer.from('data:{"output":{"choices":[{"message":{}'))
  t.match(dashscope.dialect.createObserver({ usage: true, cumulative: false }).observe(cut), { action: 'fail', error: { kind: 'upstream_protocol' } })
  t.match(watched(frame('{"output":{"choices":[{"message":{"content":"a')).verdicts, [{ action: 'fail', error: { kind: 'upstream_protocol' } }])
})

t.test('relays a whole frame however its lines end', async t => {
  const answer = '{"output":{"text":"a","finish_reason":"stop"}}'
  for (const stream of [`data:${answer}\r\n\r\n`, `data:${answer} \n\n`, `data:${answer}\nid:1\n\n`, 'data:{"output":\ndata:{"text":"a","finish_reason":"stop"}}\n\n']) {
    t.match(watched(stream), { actions: ['relay'], observer: { complete: true, contentSeen: true } }, JSON.stringify(stream))
  }
})

t.test('relays comments and withholds the marker this protocol does not have', async t => {
  t.strictSame(watched(':keepalive\n\ndata:\n\ndata:[DONE]\n\n' + frame({ usage: {} })).actions, ['relay', 'withhold', 'withhold', 'relay'])
})

t.test('has the text to count where no usage came, of both kinds of stream', async t => {
  const stream = (...texts: string[]) => texts.map((text) => frame({ output: { text, finish_reason: 'null' }, usage: { input_tokens: 0, output_tokens: 0 } })).join('')
  t.equal(writtenIn(watched(stream('I', ' like', ' apple')).observer), 'I like apple')
  t.equal(writtenIn(watched(stream('I', 'I like', 'I like apple'), { cumulative: true }).observer), 'I like apple')
  t.equal(writtenIn(watched(stream('ho', 'ho', 'ho')).observer), 'hohoho', 'pieces that are alike are pieces all the same')
  t.equal(watched(stream('I')).observer.usage(), undefined)
  t.equal(writtenIn(watched('').observer), '')
})

t.test('has the text to count where the usage cannot be believed', async t => {
  for (const usage of [undefined, null, {}, { input_tokens: -1, output_tokens: 2 }, { input_tokens: 1, output_tokens: 1e12 }, { input_tokens: 1, output_tokens: 0.5 }]) {
    const { observer } = watched(['I', ' like', ' apple'].map((text, index) => frame({ output: { text, finish_reason: index === 2 ? 'stop' : 'null' }, usage })).join(''))
    t.equal(observer.usage(), undefined, JSON.stringify(usage))
    t.equal(writtenIn(observer), 'I like apple', JSON.stringify(usage))
  }
})

t.test('believes zero output of an answer that is whole', async t => {
  const { observer } = watched(frame({ output: { text: '', finish_reason: 'stop' }, usage: { input_tokens: 5, output_tokens: 0 } }))
  t.match(observer.usage(), { inputTokens: 5, outputTokens: 0 })
})

t.test('reads what stands in several lines of data', t => {
  const lines = (data: object): string => JSON.stringify(data, null, 1).split('\n').map((line) => `data:${line}\n`).join('') + '\n'
  const output = { text: 'I like apple', finish_reason: 'stop' }
  t.match(watched(lines({ output, usage: { input_tokens: 5, output_tokens: 3 } })).observer.usage(), { inputTokens: 5, outputTokens: 3 })
  t.equal(writtenIn(watched(lines({ output })).observer), 'I like apple')
  t.end()
})
