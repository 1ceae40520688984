import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { createByteLane } from '../../src/relay/byte-lane.ts'
import { EVENT_BYTES_MAX } from '../../src/relay/lane.ts'
import { callOf, createFakeMeter, openedOf, targetWith, failing } from './calls.ts'
import type { Observer, Verdict } from '../../src/core/protocol.ts'
import { writtenIn } from '../support/written.ts'

interface Script {
  readonly verdicts?: Readonly<Record<string, Verdict>>
  readonly complete?: boolean
  /** The data at which content is seen. */
  readonly contentAt?: string
  readonly body?: object
}

/** A lane whose observer judges events by their data, and relays what it was told nothing of. */
function laneWith ({ verdicts = {}, complete = true, contentAt, body = {} }: Script = {}) {
  const written: string[] = []
  const wanted: boolean[] = []
  let contentSeen = false
  const observer: Observer = {
    observe ({ data = '' }) {
      contentSeen ||= data === contentAt
      return verdicts[data] ?? { action: 'relay' }
    },
    complete,
    get contentSeen () { return contentSeen },
    usage: () => undefined,
    transcripts: () => [{ text: 'watched', isFramed: false }],
    hasThoughts: false,
    repeatedText: () => 'repeated',
    outputBytes: () => 7,
    told: () => ({ id: undefined, model: undefined, finishReasons: [] })
  }
  const meter = createFakeMeter()
  const target = targetWith({ createObserver: ({ usage }) => { wanted.push(usage); return observer } })
  const lane = createByteLane({
    opened: openedOf(callOf({ stream: true, ...body })),
    target,
    meter,
    write: (bytes) => { written.push(bytes.toString()) },
    identity: { requestId: 'r', model: 'm', createdSeconds: 0 }
  })
  return { lane, written, wanted, meter, push: (text: string) => lane.push(Buffer.from(text)) }
}

t.test('hands events on as they are, once they are whole', async (t) => {
  const { written, push, lane } = laneWith()
  push('data: a\n')
  t.same(written, [])
  push('\ndata: b\n\n: note\n\n')
  t.same(written, ['data: a\n\n', 'data: b\n\n', ': note\n\n'])
  lane.end()
  t.equal(written.length, 3)
})

t.test('withholds, replaces and fails as the observer says', async (t) => {
  const { written, push } = laneWith({
    verdicts: {
      hidden: { action: 'withhold' },
      wrong: { action: 'replace', bytes: Buffer.from('data: right\n\n') },
      broken: { action: 'fail', error: new GatewayError('rate_limited', 'slow down') }
    }
  })
  push('data: hidden\n\ndata: wrong\n\n')
  t.same(written, ['data: right\n\n'])
  t.throws(() => push('data: broken\n\ndata: after\n\n'), failing({ kind: 'rate_limited' }))
  t.same(written, ['data: right\n\n'], 'nothing goes out behind the failure')
})

t.test('ends an event that no blank line ends', async (t) => {
  const { written, push, lane } = laneWith()
  push('data: a\n\ndata: b')
  lane.end()
  t.equal(written.join(''), 'data: a\n\ndata: b\n\n')
})

t.test('adds nothing to one that a bare CR ends, however long it waited for an LF', async (t) => {
  for (const end of ['\r\r', '\n\r', '\r\n\r']) {
    const { written, push, lane } = laneWith()
    push(`data: a${end}`)
    t.same(written, [])
    lane.end()
    t.equal(written.join(''), `data: a${end}`)
  }
})

t.test('a stream that closes before its end is a failure, with whatever it said', async (t) => {
  const { written, push, lane } = laneWith({ complete: false })
  push('data: a\n\n')
  t.throws(() => lane.end(), failing({ kind: 'upstream_failed' }))
  t.same(written, ['data: a\n\n'])
})

t.test('tells the meter of the first content, and lets it read the observer', async (t) => {
  const { push, meter } = laneWith({ contentAt: 'word' })
  push('data: role\n\n')
  t.same(meter.told, [])
  push('data: word\n\n')
  t.same(meter.told, ['content'])
  t.equal(writtenIn(meter.tally), 'watched')
})

t.test('counts events and no comments', async (t) => {
  const { lane, push } = laneWith()
  push(': a\n\n: b\n\n')
  t.equal(lane.eventsSeen, 0)
  push('data: a\n\n')
  t.equal(lane.eventsSeen, 1)
})

t.test('asks for usage only on behalf of a client that wants it', async (t) => {
  t.same(laneWith().wanted, [false])
  t.same(laneWith({ body: { stream_options: { include_usage: true } } }).wanted, [true])
})

t.test('refuses an event without end', async (t) => {
  const { lane, written } = laneWith()
  lane.push(Buffer.alloc(EVENT_BYTES_MAX, 'x'))
  t.throws(() => lane.push(Buffer.from('x')), failing({ kind: 'upstream_protocol' }))
  t.same(written, [])
})

t.test('words a failure in the client\'s protocol', async (t) => {
  const bytes = laneWith().lane.errorBytes(new GatewayError('upstream_failed', 'gone'))
  t.match(JSON.parse(bytes?.toString().slice('data: '.length) ?? ''), { error: { message: 'gone', code: 'upstream_failed' }, request_id: 'r' })
})

t.test('an answer that is cut ends as one that has reached its length', async (t) => {
  const { lane, written, push } = laneWith({ verdicts: {} })
  push('data: a\n\n')
  lane.cut()
  t.equal(written[0], 'data: a\n\n')
  t.match(written[1], /^data: .*"finish_reason":"length","index":0/)
  t.equal(written[2], 'data: [DONE]\n\n')
  t.equal(written.length, 3)
  t.notMatch(written.join(''), 'repeated', 'the client has the text already')
})

t.test('of several choices nobody can say which is too long', async (t) => {
  const { lane } = laneWith({ body: { n: 2 } })
  t.throws(() => lane.cut(), { kind: 'upstream_protocol' } as unknown as Error)
})
