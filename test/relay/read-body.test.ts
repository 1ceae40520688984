import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { readBody } from '../../src/relay/read-body.ts'
import { createManualClock } from '../support/fixed.ts'
import { createFakeBody } from './fakes.ts'

function start ({ bytesMax = 8, timeoutMs = 1_000, isGone = false } = {}) {
  const clock = createManualClock()
  const body = createFakeBody()
  const gone = new AbortController()
  if (isGone) gone.abort()
  const read = readBody(body, { bytesMax, timeoutMs, clock, signal: gone.signal })
  const outcome = read.then((bytes) => bytes.toString(), (caught: unknown) => GatewayError.from(caught).kind)
  return { clock, body, gone, outcome }
}

t.test('joins the chunks and leaves no timer', async (t) => {
  const { clock, body, outcome } = start()
  body.sink.onData(Buffer.from('ab'))
  body.sink.onData(Buffer.from('cd'))
  body.sink.onEnd()
  t.equal(await outcome, 'abcd')
  t.equal(clock.pending, 0)
  t.same(body.calls, [])
})

t.test('takes as many bytes as it may and not one more', async (t) => {
  const { body, outcome } = start({ bytesMax: 4 })
  body.sink.onData(Buffer.from('abcd'))
  body.sink.onEnd()
  t.equal(await outcome, 'abcd')
  const longer = start({ bytesMax: 4 })
  longer.body.sink.onData(Buffer.from('abcde'))
  t.equal(await longer.outcome, 'upstream_protocol')
  t.same(longer.body.calls, ['abort'])
  t.equal(longer.clock.pending, 0)
})

t.test('gives up at its deadline, however much flows', async (t) => {
  const { clock, body, outcome } = start()
  clock.advance(999)
  body.sink.onData(Buffer.from('a'))
  t.same(body.calls, [])
  clock.advance(1)
  t.equal(await outcome, 'upstream_timeout')
  t.same(body.calls, ['abort'])
})

t.test('gives up when the client leaves, also if it has left already', async (t) => {
  const { clock, gone, body, outcome } = start()
  gone.abort()
  t.equal(await outcome, 'client_closed')
  t.same(body.calls, ['abort'])
  t.equal(clock.pending, 0)
  const late = start({ isGone: true })
  t.equal(await late.outcome, 'client_closed')
  t.same(late.body.calls, ['abort'])
})

t.test('hands the upstream\'s failure on', async (t) => {
  const { clock, body, outcome } = start()
  body.sink.onError(new GatewayError('upstream_failed', 'reset'))
  t.equal(await outcome, 'upstream_failed')
  t.equal(clock.pending, 0)
})
