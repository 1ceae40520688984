import t from 'tap'
import fc from 'fast-check'
import { GatewayError } from '../../src/core/errors.ts'
import { NO_USAGE } from '../../src/core/usage.ts'
import { collect } from '../../src/core/collect.ts'
import { outputTextOf } from '../../src/core/event.ts'
import type { ChatEvent } from '../../src/core/event.ts'

const usage = { ...NO_USAGE, inputTokens: 22, outputTokens: 17, source: 'reported' as const }

t.test('nothing adds up to nothing', async (t) => {
  t.strictSame(collect([]), { choices: [], usage: undefined, extensions: {} })
  t.strictSame(collect([{ type: 'response-start', id: 'a' }, { type: 'response-end' }]), { choices: [], usage: undefined, extensions: {} })
  t.strictSame(collect([{ type: 'response-error', error: new GatewayError('internal', 'x') }]).choices, [])
})

t.test('pieces are joined, each to its kind and its choice', async (t) => {
  const collected = collect([
    { type: 'reasoning-delta', choice: 0, text: 'Hm' }, { type: 'reasoning-delta', choice: 0, text: '…' },
    { type: 'text-delta', choice: 0, text: '我是' }, { type: 'text-delta', choice: 1, text: 'I am' }, { type: 'text-delta', choice: 0, text: '通义千问' },
    { type: 'choice-end', choice: 1, reason: 'length' }, { type: 'choice-end', choice: 0, reason: 'stop' }, { type: 'usage', usage }
  ])
  t.strictSame(collected, {
    choices: [
      { text: '我是通义千问', reasoning: 'Hm…', calls: [], reason: 'stop', logprobs: undefined },
      { text: 'I am', reasoning: '', calls: [], reason: 'length', logprobs: undefined }
    ],
    usage,
    extensions: {}
  })
})

t.test('calls take their own fragments, however they are mixed', async (t) => {
  const { choices } = collect([
    { type: 'tool-call-start', choice: 0, index: 0, id: 'a', name: 'f' }, { type: 'tool-call-delta', choice: 0, index: 0, arguments: '{"x"' },
    { type: 'tool-call-start', choice: 0, index: 1, id: 'b', name: 'g' }, { type: 'tool-call-delta', choice: 0, index: 1, arguments: '{}' },
    { type: 'tool-call-delta', choice: 0, index: 0, arguments: ':1}' }, { type: 'choice-end', choice: 0, reason: 'tool-calls' }
  ])
  t.strictSame(choices[0]?.calls, [{ id: 'a', name: 'f', arguments: '{"x":1}' }, { id: 'b', name: 'g', arguments: '{}' }])
  t.equal(choices[0]?.reason, 'tool-calls')
})

t.test('a choice that is heard of first leaves no gap before it', async (t) => {
  const { choices } = collect([{ type: 'text-delta', choice: 2, text: 'c' }])
  t.same(choices.map(({ text }) => text), ['', '', 'c'])
  t.not(choices[0], choices[1])
})

t.test('the last usage and the last value of an extension hold', async (t) => {
  const collected = collect([{ type: 'usage', usage: NO_USAGE }, { type: 'usage', usage }, { type: 'extension', name: 'search_info', value: [] },
    { type: 'extension', name: 'search_info', value: { search_results: [1] } }])
  t.equal(collected.usage, usage)
  t.strictSame(collected.extensions, { search_info: { search_results: [1] } })
})

t.test('the log probabilities of all pieces are one list', async (t) => {
  const piece = (...tokens: string[]): ChatEvent => ({ type: 'logprobs', choice: 0, value: { content: tokens.map((token) => ({ token, logprob: -0.1 })), refusal: null } })
  const { choices } = collect([piece('我'), piece(), piece('是', '通'), { type: 'logprobs', choice: 0, value: { content: null } }])
  t.strictSame(choices[0]?.logprobs, { content: ['我', '是', '通'].map((token) => ({ token, logprob: -0.1 })), refusal: null })
  t.strictSame(collect([piece('a')]).choices[0]?.logprobs, { content: [{ token: 'a', logprob: -0.1 }], refusal: null })
})

t.test('what counts as output is the text and the names and arguments of calls', async (t) => {
  const events: ChatEvent[] = [
    { type: 'response-start', id: 'x' }, { type: 'reasoning-delta', choice: 0, text: 'r' }, { type: 'text-delta', choice: 0, text: 't' },
    { type: 'tool-call-start', choice: 0, index: 0, id: 'id', name: 'n' }, { type: 'tool-call-delta', choice: 0, index: 0, arguments: 'a' },
    { type: 'extension', name: 'e', value: 'v' }, { type: 'logprobs', choice: 0, value: 'l' }, { type: 'choice-end', choice: 0, reason: 'stop' },
    { type: 'usage', usage }, { type: 'response-end' }
  ]
  t.equal(events.map(outputTextOf).join(''), 'rtna')
})

t.test('cutting a text into other pieces changes nothing that is collected', async (t) => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.nat()), (text, cuts) => {
    const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length]
    const events = places.slice(1).map((place, index): ChatEvent => ({ type: 'text-delta', choice: 0, text: text.slice(places[index], place) }))
    return collect(events).choices[0]?.text === text
  }), { numRuns: 500 })
  t.pass('500 texts')
})
