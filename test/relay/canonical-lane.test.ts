import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { createCanonicalLane, createCollectingLane } from '../../src/relay/canonical-lane.ts'
import { callOf, createFakeMeter, openedOf, targetWith, failing } from './calls.ts'
import type { ChatEvent } from '../../src/core/event.ts'
import { writtenIn } from '../support/written.ts'

const START: ChatEvent = { type: 'response-start', id: undefined }
const HI: ChatEvent = { type: 'text-delta', choice: 0, text: 'hi' }
const STOP: ChatEvent = { type: 'choice-end', choice: 0, reason: 'stop' }
const END: ChatEvent = { type: 'response-end' }
const BROKEN: ChatEvent = { type: 'response-error', error: new GatewayError('upstream_protocol', 'bad') }

/** An upstream dialect that is told what each event's data means. */
function targetOf (meanings: Readonly<Record<string, ChatEvent[]>>, ending: ChatEvent[]) {
  return targetWith({ createDecoder: () => ({ decode: ({ data = '' }) => meanings[data] ?? [], end: () => ending }) })
}

function laneWith (meanings: Readonly<Record<string, ChatEvent[]>> = {}, ending: ChatEvent[] = [END]) {
  const written: string[] = []
  const meter = createFakeMeter()
  const lane = createCanonicalLane({
    opened: openedOf(callOf({ stream: true })),
    target: targetOf(meanings, ending),
    meter,
    write: (bytes) => { written.push(bytes.toString()) },
    identity: { requestId: 'r', model: 'm', createdSeconds: 0 }
  })
  return { lane, written, meter, push: (text: string) => lane.push(Buffer.from(text)) }
}

t.test('writes what events are to the client, and nothing for those that are nothing to it', async (t) => {
  const { lane, written, push } = laneWith({ start: [START], hi: [HI], stop: [STOP] })
  push('data: start\n\n')
  t.same(written, [])
  push('data: hi\n\ndata: stop\n\n')
  lane.end()
  t.match(written.join(''), /^data: \{[^]*"content":"hi"[^]*"finish_reason":"stop"[^]*data: \[DONE\]\n\n$/)
})

t.test('an error among the events ends the lane, and is worded once', async (t) => {
  const { lane, written, push } = laneWith({ hi: [HI], bad: [HI, BROKEN, HI] })
  push('data: hi\n\n')
  t.throws(() => push('data: bad\n\n'), failing({ kind: 'upstream_protocol' }))
  t.equal(written.length, 2, 'what came before it is out, what comes after is not')
  t.match(lane.errorBytes(BROKEN.error)?.toString(), /^data: \{"error":\{"message":"bad"/)
  t.equal(lane.errorBytes(BROKEN.error), undefined, 'nothing follows an error')
})

t.test('the decoder has the last word on a stream that closes', async (t) => {
  const { lane, written } = laneWith({}, [BROKEN])
  t.throws(() => lane.end(), failing({ kind: 'upstream_protocol' }))
  t.same(written, [])
})

t.test('reads an event that no blank line ends', async (t) => {
  const { lane, written, push } = laneWith({ hi: [HI] })
  push('data: hi')
  lane.end()
  t.match(written.join(''), /"content":"hi"/)
})

t.test('tells the meter of content, and keeps a tally for it', async (t) => {
  const { lane, push, meter } = laneWith({ start: [START, STOP], hi: [HI] })
  push('data: start\n\n')
  t.same(meter.told, [])
  push('data: hi\n\ndata: hi\n\n')
  t.same(meter.told, ['content', 'content'])
  t.equal(writtenIn(meter.tally), 'hihi')
  t.equal(lane.eventsSeen, 4)
})

t.test('comments are no events', async (t) => {
  const { lane, push } = laneWith()
  push(': a\n\n: b\n\n')
  t.equal(lane.eventsSeen, 0)
})

t.test('a collecting lane keeps the events and writes nothing', async (t) => {
  const events: ChatEvent[] = []
  const meter = createFakeMeter()
  const lane = createCollectingLane({ target: targetOf({ hi: [START, HI, STOP] }, [END]), meter, events, bytesMax: 64 })
  lane.push(Buffer.from('data: hi\n\n'))
  lane.end()
  t.same(events, [START, HI, STOP, END])
  t.equal(writtenIn(meter.tally), 'hi')
  t.equal(lane.errorBytes(BROKEN.error), undefined, 'its failure is an HTTP error')
})

t.test('a collecting lane keeps no more than it is allowed', async (t) => {
  const lane = createCollectingLane({ target: targetOf({ hi: [START, HI] }, [END]), meter: createFakeMeter(), events: [], bytesMax: 20 })
  lane.push(Buffer.from('data: hi\n\n'))
  t.equal(lane.eventsSeen, 2)
  lane.push(Buffer.from('data: hi\n\n'))
  t.throws(() => lane.push(Buffer.from('data: hi\n\n')), /longer than 20 bytes/)
})

t.test('an answer that is cut ends every choice that has begun and not ended, as one that has reached its length', async (t) => {
  const other: ChatEvent = { type: 'text-delta', choice: 1, text: 'ho' }
  const { lane, written, push } = laneWith({ both: [START, HI, other], stop: [STOP] })
  push('data: both\n\ndata: stop\n\n')
  lane.cut()
  const ends = written.join('').match(/"finish_reason":"\w+","index":\d/g)
  t.same(ends, ['"finish_reason":"stop","index":0', '"finish_reason":"length","index":1'])
  t.match(written.at(-1), /data: \[DONE\]\n\n$/)
})
