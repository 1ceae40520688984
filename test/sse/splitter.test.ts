import t from 'tap'
import fc from 'fast-check'
import { createParser } from 'eventsource-parser'
import { Splitter } from '../../src/sse/splitter.ts'
import { parseEvent } from '../../src/sse/parser.ts'

const EVENT_BYTES_MAX = 1 << 20

function split (chunks: readonly Buffer[]): { events: Buffer[], rest: Buffer } {
  const splitter = new Splitter(EVENT_BYTES_MAX)
  const events: Buffer[] = []
  for (const chunk of chunks) splitter.push(chunk, (raw) => events.push(raw))
  return { events, rest: splitter.rest() }
}

/** Text as streams carry it: fields, comments, Chinese, and every line end in any order. */
const streamText = fc.array(fc.oneof(
  fc.constantFrom('\n', '\r\n', '\r', '\n\n', '\r\n\r\n', '\r\r', ':HTTP_STATUS/200', ': keep-alive', 'event:result', 'id:1'),
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((value) => `data:${value}`),
  fc.constantFrom('data: 你好', 'data:{"a":1}', 'data', '数据')
), { maxLength: 40 }).map((pieces) => pieces.join(''))

function cutAt (bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  const chunks: Buffer[] = []
  let from = 0
  for (const place of [...places, bytes.length]) {
    chunks.push(bytes.subarray(from, place))
    from = place
  }
  return chunks
}

t.test('all events and the rest, in order, are the input byte for byte, wherever it is cut', async (t) => {
  fc.assert(fc.property(streamText, fc.array(fc.nat(), { maxLength: 12 }), (text, cuts) => {
    const bytes = Buffer.from(text)
    const { events, rest } = split(cutAt(bytes, cuts))
    return Buffer.concat([...events, rest]).equals(bytes)
  }), { numRuns: 3000 })
  t.pass('3,000 streams')
})

t.test('cutting a stream anywhere gives the same events as not cutting it', async (t) => {
  fc.assert(fc.property(streamText, fc.array(fc.nat(), { maxLength: 12 }), (text, cuts) => {
    const bytes = Buffer.from(`${text}\n\nx`)
    const whole = split([bytes]).events.map(String)
    const pieces = split(cutAt(bytes, cuts)).events.map(String)
    const single = split([...bytes].map((byte) => Buffer.from([byte]))).events.map(String)
    return JSON.stringify(whole) === JSON.stringify(pieces) && JSON.stringify(whole) === JSON.stringify(single)
  }), { numRuns: 2000 })
  t.pass('2,000 streams')
})

t.test('reads the data an established parser reads', async (t) => {
  fc.assert(fc.property(streamText, (text) => {
    const bytes = Buffer.from(`${text}\n\nx`)
    const theirs: { type: string, data: string }[] = []
    const parser = createParser({ onEvent: (event) => theirs.push({ type: event.event ?? '', data: event.data }) })
    parser.feed(bytes.toString('utf8'))
    const ours = split([bytes]).events.map(parseEvent)
      .filter((event) => event.data !== undefined && event.data !== '')
      .map((event) => ({ type: event.type, data: event.data }))
    const expected = theirs.filter((event) => event.data !== '').map((event) => ({ type: event.type.trim(), data: event.data }))
    return JSON.stringify(ours) === JSON.stringify(expected)
  }), { numRuns: 3000 })
  t.pass('3,000 streams')
})

t.test('a CRLF blank line cut in its middle belongs to the event before it', async (t) => {
  const { events } = split([Buffer.from('data:1\r\n\r'), Buffer.from('\ndata:2\r\n\r\n'), Buffer.from('x')])
  t.same(events.map(String), ['data:1\r\n\r\n', 'data:2\r\n\r\n'])
})

t.test('an event over the bound is refused instead of buffered', async (t) => {
  const splitter = new Splitter(10)
  splitter.push(Buffer.from('data:1234'), () => t.fail('no event yet'))
  t.throws(() => splitter.push(Buffer.from('5678'), () => t.fail('no event')), /longer than 10 bytes/)
})

t.test('a byte order mark before the first field hides nothing', async (t) => {
  t.equal(parseEvent(Buffer.from('\ufeffdata:1\n\n')).data, '1')
})

t.test('reads DashScope\'s status from its comment and from a status line', async (t) => {
  t.match(parseEvent(Buffer.from('id:1\nevent:error\n:HTTP_STATUS/429\ndata:{}\n\n')), { type: 'error', status: 429, data: '{}' })
  t.match(parseEvent(Buffer.from('event:error\nstatus:503\ndata:{}\n\n')), { status: 503 })
  t.equal(parseEvent(Buffer.from(': comment\n\n')).data, undefined)
  t.equal(parseEvent(Buffer.from('data:a\ndata: b\n\n')).data, 'a\nb')
})
