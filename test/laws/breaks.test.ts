import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { Protocol } from '../../src/core/protocol.ts'
import { NO_USAGE } from '../../src/core/usage.ts'
import { parseEvent } from '../../src/sse/parser.ts'
import { eventsOf } from '../support/sse.ts'
import { answers } from './answers.ts'
import type { Answer } from './answers.ts'
import { targetOf } from '../support/calls.ts'
import { EVERY_PAIR, EVERY_PROTOCOL, holds } from './protocols.ts'
import { chunksOf, cuts, decoded, piecesOf, relayed, streamOf } from './streams.ts'

const BLANK_LINE_BYTES = 2

/** How many bytes it takes until every choice that was asked for has said why it ended. */
function soundFromByte (dialect: Protocol, answer: Answer): number {
  const decoder = dialect.dialect.createDecoder(targetOf(dialect))
  let bytes = 0
  let ends = 0
  for (const piece of piecesOf(dialect, answer)) {
    bytes += piece.length
    for (const event of eventsOf(piece)) ends += decoder.decode(event).filter(({ type }) => type === 'choice-end').length
    if (ends === answer.choices) return bytes
  }
  return bytes
}

/** How often a stream says that it failed, as the byte lane's eye of its protocol sees it, and whether that is its last word. */
function failuresIn (protocol: Protocol, stream: Buffer): { count: number, isLast: boolean } {
  const observer = protocol.dialect.createObserver({ usage: true, cumulative: false })
  const failed = eventsOf(stream).filter(({ data }) => data !== undefined).map(({ raw }) => observer.observe(parseEvent(raw)).action === 'fail')
  return { count: failed.filter(Boolean).length, isLast: failed.at(-1) ?? false }
}

for (const { surface, dialect } of EVERY_PAIR) {
  t.test(`${surface.name} from ${dialect.name}: a stream cut before its end is one error and never a success`, async (t) => {
    holds(t, fc.property(answers, cuts, fc.nat(), (answer, cuts, cut) => {
      const stream = streamOf(dialect, answer)
      const length = cut % (soundFromByte(dialect, answer) - BLANK_LINE_BYTES)
      const { bytes, error } = relayed({ surface, dialect }, chunksOf(stream.subarray(0, length), cuts), answer.choices)
      assert.ok(error !== undefined, `cut at ${length} of ${stream.length} passed for whole: ${bytes.toString()}`)
      assert.deepStrictEqual(failuresIn(surface, bytes), { count: 1, isLast: true }, bytes.toString())
      assert.strictEqual(decoded(surface, [bytes]).at(-1)?.type, 'response-error')
    }), 400)
  })

  t.test(`${surface.name} from ${dialect.name}: a stream cut behind its last finish is whole or one error`, async (t) => {
    holds(t, fc.property(answers, cuts, fc.nat(), (answer, cuts, cut) => {
      const stream = streamOf(dialect, answer)
      const soundFrom = soundFromByte(dialect, answer)
      const length = soundFrom + cut % (stream.length - soundFrom + 1)
      const { bytes, error } = relayed({ surface, dialect }, chunksOf(stream.subarray(0, length), cuts), answer.choices)
      assert.strictEqual(failuresIn(surface, bytes).count, error === undefined ? 0 : 1)
    }))
  })
}

const SHORT: Answer = {
  choices: 1,
  events: [
    { type: 'reasoning-delta', choice: 0, text: 'hm' },
    { type: 'text-delta', choice: 0, text: '你好' },
    { type: 'tool-call-start', choice: 0, index: 0, id: 'call_1', name: 'f' },
    { type: 'tool-call-delta', choice: 0, index: 0, arguments: '{"a":{}}' },
    { type: 'choice-end', choice: 0, reason: 'tool-calls' },
    { type: 'usage', usage: { ...NO_USAGE, outputTokens: 9, source: 'reported' } },
    { type: 'response-end' }
  ]
}

for (const { surface, dialect } of EVERY_PAIR) {
  t.test(`${surface.name} from ${dialect.name}: there is no byte at which a stream could be cut unnoticed`, async (t) => {
    const stream = streamOf(dialect, SHORT)
    const passed: string[] = []
    for (let length = 0; length < soundFromByte(dialect, SHORT) - BLANK_LINE_BYTES; length++) {
      const { bytes, error } = relayed({ surface, dialect }, [stream.subarray(0, length)], 1)
      const { count, isLast } = failuresIn(surface, bytes)
      if (error === undefined || count !== 1 || !isLast) passed.push(stream.toString('utf8', Math.max(0, length - 60), length))
    }
    t.same(passed, [])
  })
}

t.test('the relay names no protocol', async (t) => {
  const folder = join(import.meta.dirname, '..', '..', 'src', 'relay')
  const names = EVERY_PROTOCOL.map(({ name }) => name.toLowerCase())
  for (const file of readdirSync(folder)) {
    const source = readFileSync(join(folder, file), 'utf8').toLowerCase()
    t.same(names.filter((name) => source.includes(name)), [], file)
  }
})
