import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { collect } from '../../../src/core/collect.ts'
import type { ChatEvent, FinishReason } from '../../../src/core/event.ts'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { eventsOf } from '../../support/sse.ts'
import { REPLY, callOf, decoded, encoded, opened } from './samples.ts'

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })

type Said =
  | { readonly kind: 'text', readonly text: string }
  | { readonly kind: 'reasoning', readonly text: string }
  | { readonly kind: 'call', readonly text: string, readonly fragments: readonly string[] }

const said: fc.Arbitrary<Said> = fc.oneof(
  fc.record({ kind: fc.constant('text' as const), text }),
  fc.record({ kind: fc.constant('reasoning' as const), text }),
  fc.record({ kind: fc.constant('call' as const), text, fragments: fc.array(text, { maxLength: 3 }) })
)

/** Two candidates, each with text, reasoning and calls in any order. */
const answer = fc.record({
  said: fc.array(fc.record({ choice: fc.nat({ max: 1 }), piece: said }), { maxLength: 15 }),
  reasons: fc.array(fc.constantFrom<FinishReason[]>('length', 'content-filter', 'tool-calls'), { minLength: 2, maxLength: 2 }),
  input: fc.nat({ max: 100_000 }),
  output: fc.nat({ max: 100_000 })
}).map(({ said, reasons, input, output }): readonly ChatEvent[] => {
  const calls = [0, 0]
  return [
    { type: 'response-start', id: REPLY.requestId },
    ...said.flatMap(({ choice, piece }) => eventsFor(piece, choice, calls)),
    ...reasons.map((reason, choice): ChatEvent => ({ type: 'choice-end', choice, reason })),
    { type: 'usage', usage: { inputTokens: input, cachedInputTokens: 0, outputTokens: output, reasoningTokens: 0, source: 'reported' } },
    { type: 'response-end' }
  ]
})

function eventsFor (piece: Said, choice: number, calls: number[]): ChatEvent[] {
  if (piece.kind === 'text') return [{ type: 'text-delta', choice, text: piece.text }]
  if (piece.kind === 'reasoning') return [{ type: 'reasoning-delta', choice, text: piece.text }]
  const index = calls[choice] as number
  calls[choice] = index + 1
  return [
    { type: 'tool-call-start', choice, index, id: `call_${choice}_${index}`, name: piece.text },
    ...piece.fragments.map((fragment): ChatEvent => ({ type: 'tool-call-delta', choice, index, arguments: fragment }))
  ]
}

/** Usage stands in every frame, between events; what counts is the last. */
function withLastUsage (events: readonly ChatEvent[]): ChatEvent[] {
  const last = events.findLast(({ type }) => type === 'usage')
  return [...events.filter(({ type }) => type !== 'usage'), ...(last === undefined ? [] : [last])]
}

t.test('an incremental stream says what it was made from', async () => {
  fc.assert(fc.property(answer, (events) => {
    const parameters = { n: 2, result_format: 'message', incremental_output: true }
    assert.deepEqual(withLastUsage(decoded(encoded(events, parameters))), withLastUsage(events))
  }), { numRuns: 100 })
})

t.test('the last frames of a cumulative stream are the whole answer', async () => {
  fc.assert(fc.property(answer, (events) => {
    const stream = encoded(events, { n: 2, result_format: 'message' })
    const last = eventsOf(stream).slice(-2).flatMap(({ data }) => JSON.parse(data ?? '').output.choices)
    const whole = JSON.parse(opened(callOf({ parameters: { n: 2, result_format: 'message' } })).renderResponse(events, REPLY).toString())
    assert.deepEqual(last, whole.output.choices)
  }), { numRuns: 100 })
})

t.test('a whole answer says what it was made from', async () => {
  fc.assert(fc.property(answer, (events) => {
    const body = opened(callOf({ parameters: { n: 2 } })).renderResponse(events, REPLY)
    assert.deepEqual(collect(dashscope.dialect.parseResponse(body)), collect(events))
  }), { numRuns: 100 })
})

t.test('the byte lane sees of a stream what its reader reads', async () => {
  fc.assert(fc.property(answer, fc.boolean(), (events, incremental) => {
    const observer = dashscope.dialect.createObserver({ usage: true, cumulative: false })
    for (const event of eventsOf(encoded(events, { n: 2, incremental_output: incremental }))) {
      assert.deepEqual(observer.observe(event), { action: 'relay' })
    }
    assert.equal(observer.complete, true)
    assert.deepEqual(observer.usage(), collect(events).usage)
    assert.equal(observer.contentSeen, events.length > 5)
  }), { numRuns: 100 })
})
