import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Test } from 'tap'
import { collect } from '../../../src/core/collect.ts'
import type { ChatEvent, FinishReason } from '../../../src/core/event.ts'
import { openai } from '../../../src/protocols/openai/index.ts'
import { eventsOf } from '../../support/sse.ts'
import { REPLY, callOf, opened, targetWith } from './samples.ts'
import { tallyOf } from '../../../src/relay/tally.ts'

const START: ChatEvent = { type: 'response-start', id: `chatcmpl-${REPLY.requestId}` }
const END: ChatEvent = { type: 'response-end' }

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
const count = fc.nat({ max: 100_000 })
const usage = fc.record({ input: count, output: count, cached: count, reasoning: count }).map(({ input, output, cached, reasoning }): ChatEvent => ({
  type: 'usage',
  usage: {
    inputTokens: input, cachedInputTokens: Math.min(cached, input), outputTokens: output, reasoningTokens: Math.min(reasoning, output), source: 'reported'
  }
}))

type Piece = { readonly kind: 'text' | 'reasoning' | 'logprobs' | 'extension', readonly text: string } |
  { readonly kind: 'call', readonly text: string, readonly fragments: readonly string[] }

const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc.record({ kind: fc.constantFrom('text', 'reasoning', 'logprobs', 'extension'), text }),
  fc.record({ kind: fc.constant('call' as const), text, fragments: fc.array(text, { maxLength: 3 }) })
)

const answer = fc.record({
  pieces: fc.array(fc.record({ choice: fc.nat({ max: 2 }), piece }), { maxLength: 20 }),
  reasons: fc.array(fc.constantFrom<FinishReason[]>('length', 'content-filter', 'tool-calls'), { minLength: 3, maxLength: 3 }),
  usage
}).map(({ pieces, reasons, usage }): readonly ChatEvent[] => {
  const callsMade = [0, 0, 0]
  const middle = pieces.flatMap(({ choice, piece }) => eventsFor(piece, choice, callsMade))
  return [START, ...middle, ...reasons.map((reason, choice): ChatEvent => ({ type: 'choice-end', choice, reason })), usage, END]
})

function eventsFor (piece: Piece, choice: number, callsMade: number[]): ChatEvent[] {
  switch (piece.kind) {
    case 'text': return [{ type: 'text-delta', choice, text: piece.text }]
    case 'reasoning': return [{ type: 'reasoning-delta', choice, text: piece.text }]
    case 'logprobs': return [{ type: 'logprobs', choice, value: { content: [{ token: piece.text }] } }]
    // An extension travels in the chunk behind it.
    case 'extension': return [{ type: 'extension', name: 'search_info', value: { note: piece.text } }, { type: 'text-delta', choice, text: piece.text }]
    case 'call': {
      const index = callsMade[choice] as number
      callsMade[choice] = index + 1
      return [
        { type: 'tool-call-start', choice, index, id: `call_${choice}_${index}`, name: piece.text },
        ...piece.fragments.map((fragment): ChatEvent => ({ type: 'tool-call-delta', choice, index, arguments: fragment }))
      ]
    }
  }
}

function encoded (events: readonly ChatEvent[]): string {
  const encoder = opened(callOf({ stream: true, stream_options: { include_usage: true } })).createEncoder(REPLY)
  return events.map((event) => encoder.encode(event)?.toString() ?? '').join('')
}

function decoded (stream: string): ChatEvent[] {
  const decoder = openai.dialect.createDecoder(targetWith())
  return [...eventsOf(stream).flatMap((event) => decoder.decode(event)), ...decoder.end()]
}

/** Assertions inside a law throw, so that fast-check can shrink what breaks it. */
function holds<Values> (t: Test, law: fc.IProperty<Values>): void {
  t.doesNotThrow(() => fc.assert(law, { numRuns: 200 }))
}

t.test('decoding what was encoded gives the same events', async t => {
  holds(t, fc.property(answer, (events) => { assert.deepStrictEqual(decoded(encoded(events)), events) }))
})

t.test('every stream is chunks of one answer, each choice opened once and ended once, then usage, then [DONE]', async t => {
  holds(t, fc.property(answer, (events) => {
    const frames = encoded(events).split('\n\n')
    assert.deepStrictEqual(frames.splice(-2), ['data: [DONE]', ''])
    const chunks = frames.map((frame) => JSON.parse(frame.slice('data: '.length)))
    const last = chunks.pop()
    assert.deepStrictEqual(last.choices, [])
    assert.strictEqual(typeof last.usage.total_tokens, 'number')
    const choices = chunks.flatMap((chunk) => chunk.choices)
    assert.ok(chunks.every((chunk) => chunk.id === last.id && chunk.created === last.created && chunk.usage === null && chunk.choices.length === 1))
    for (const index of [0, 1, 2]) {
      const own = choices.filter((choice) => choice.index === index)
      assert.strictEqual(own.findIndex((choice) => choice.delta.role !== undefined), 0)
      assert.strictEqual(own.findIndex((choice) => choice.finish_reason !== null), own.length - 1)
    }
  }))
})

t.test('a whole answer says what the stream would have said', async t => {
  holds(t, fc.property(answer, (events) => {
    const parsed = openai.dialect.parseResponse(opened(callOf({})).renderResponse(events, REPLY))
    assert.deepStrictEqual(collect(parsed), collect(events))
  }))
})

t.test('the byte lane sees the text, usage and end that the canonical lane reads', async t => {
  holds(t, fc.property(answer, (events) => {
    const observer = openai.dialect.createObserver({ usage: true, cumulative: false })
    const stream = eventsOf(encoded(events))
    assert.ok(stream.every((event) => observer.observe(event).action === 'relay'))
    const tally = tallyOf(events)
    assert.deepStrictEqual(observer.transcripts(), tally.transcripts())
    assert.strictEqual(observer.hasThoughts, tally.hasThoughts)
    assert.deepStrictEqual(observer.usage(), collect(events).usage)
    assert.strictEqual(observer.complete, true)
  }))
})

t.test('no upstream makes the decoder throw or say anything after an end', async t => {
  const line = fc.oneof(fc.json(), fc.constant('[DONE]'), fc.record({ index: fc.integer(), tool_calls: fc.anything(), content: fc.anything() })
    .map(({ index, ...delta }) => JSON.stringify({ choices: [{ index, delta, finish_reason: null }] })))
  holds(t, fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
    const events = decoded(lines.map((data) => `data: ${data}\n\n`).join(''))
    const ends = events.filter(({ type }) => type === 'response-end' || type === 'response-error')
    assert.strictEqual(ends.length, 1)
    assert.strictEqual(events.at(-1), ends[0])
  }))
})
