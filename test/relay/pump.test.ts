import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { pump } from '../../src/relay/pump.ts'
import { createScene } from './fakes.ts'
import type { Lane } from '../../src/relay/lane.ts'

/** A lane that hands bytes on; `!` in a chunk fails, `:` counts as a comment, and `.` is the last word. */
function echoLane (write: (bytes: Buffer) => void): Lane {
  let eventsSeen = 0
  let whole = false
  return {
    push (chunk) {
      if (chunk.includes('!')) throw new GatewayError('upstream_protocol', 'bad event')
      if (!chunk.includes(':')) eventsSeen++
      whole = chunk.includes('.')
      write(chunk)
    },
    end () { if (eventsSeen === 0) throw new GatewayError('upstream_failed', 'empty') },
    get ended () { return whole },
    endWhole: () => whole,
    cut () { write(Buffer.from('cut')) },
    errorBytes: (error) => Buffer.from(`error:${error.kind}`),
    get eventsSeen () { return eventsSeen }
  }
}

function start (policy: 'cancel' | 'drain' = 'cancel') {
  const scene = createScene(policy)
  return { ...scene, done: pump(scene.exchange, scene.answer, echoLane, scene) }
}

const outcomeOf = async (done: Promise<void>): Promise<string> =>
  await done.then(() => 'done', (caught: unknown) => GatewayError.from(caught).kind)

const text = (written: readonly Buffer[]): string => Buffer.concat(written).toString()

t.test('writes what comes, ends when the upstream ends, and leaves no timer', async (t) => {
  const { body, reply, clock, done } = start()
  body.sink.onData(Buffer.from('a'))
  body.sink.onData(Buffer.from('b'))
  body.sink.onEnd()
  await done
  t.equal(text(reply.written), 'ab')
  t.same(reply.ends, ['end'])
  t.equal(clock.pending, 0)
})

t.test('a full client pauses the upstream until it drains', async (t) => {
  const { body, reply, done } = start()
  reply.full = true
  body.sink.onData(Buffer.from('a'))
  body.sink.onData(Buffer.from('b'))
  t.same(body.calls, ['pause'], 'paused once')
  reply.full = false
  reply.drain()
  t.same(body.calls, ['pause', 'resume'])
  body.sink.onEnd()
  await done
})

t.test('a client that takes nothing for a minute is cut', async (t) => {
  const { body, reply, clock, done } = start()
  reply.full = true
  body.sink.onData(Buffer.from('a'))
  clock.advance(59_999)
  t.same(reply.ends, [], 'the idle deadline does not count the client\'s silence')
  clock.advance(1)
  t.equal(await outcomeOf(done), 'client_closed')
  t.same(reply.ends, ['destroy'])
  t.ok(body.calls.includes('abort'), 'and the upstream let go')
})

t.test('a failure before the head is thrown, for an HTTP error', async (t) => {
  const { body, reply, done } = start()
  body.sink.onData(Buffer.from('!'))
  t.equal(await outcomeOf(done), 'upstream_protocol')
  t.same(reply.written, [])
  t.same(body.calls, ['abort'])
})

t.test('a failure after the head is told in the stream, once, and ends it', async (t) => {
  const { body, reply, exchange, done } = start()
  body.sink.onData(Buffer.from('a'))
  body.sink.onData(Buffer.from('!'))
  body.sink.onData(Buffer.from('b'))
  body.sink.onEnd()
  await done
  t.equal(text(reply.written), 'aerror:upstream_protocol')
  t.same(reply.ends, ['end'])
  t.equal(exchange.error?.kind, 'upstream_protocol')
})

t.test('silence of content ends the stream even while comments flow', async (t) => {
  const { body, reply, clock, exchange, done } = start()
  body.sink.onData(Buffer.from('a'))
  for (let seconds = 0; seconds < 10; seconds++) {
    clock.advance(1_000)
    body.sink.onData(Buffer.from(':'))
  }
  await done
  t.equal(exchange.error?.kind, 'upstream_timeout')
  t.ok(text(reply.written).startsWith('a:'))
  t.ok(text(reply.written).includes('error:upstream_timeout'))
  t.ok(body.calls.includes('abort'))
})

t.test('content keeps a stream alive up to the total deadline', async (t) => {
  const { body, clock, exchange, done } = start()
  for (let seconds = 0; seconds < 600; seconds += 5) {
    t.equal(exchange.error, undefined)
    body.sink.onData(Buffer.from('a'))
    clock.advance(5_000)
  }
  await done
  t.equal(exchange.error?.kind, 'upstream_timeout')
})

t.test('a client that leaves cancels the upstream at once', async (t) => {
  const { body, reply, clock, done } = start()
  body.sink.onData(Buffer.from('a'))
  reply.leave()
  t.same(body.calls, ['abort'])
  t.equal(await outcomeOf(done), 'client_closed')
  t.equal(clock.pending, 0)
})

t.test('under drain the answer is read on without writing, and for less than a second', async (t) => {
  const scene = start('drain')
  scene.body.sink.onData(Buffer.from('a'))
  scene.reply.leave()
  scene.body.sink.onData(Buffer.from('b'))
  t.same(scene.body.calls, [])
  t.equal(text(scene.reply.written), 'a')
  scene.body.sink.onEnd()
  t.equal(await outcomeOf(scene.done), 'client_closed')

  const endless = start('drain')
  endless.reply.leave()
  endless.clock.advance(999)
  t.equal(await outcomeOf(endless.done), 'client_closed')
  t.same(endless.body.calls, ['abort'])
})

t.test('an upstream that breaks off after its last word has answered', async (t) => {
  for (const breakOff of ['reset', 'silence'] as const) {
    const { body, reply, clock, exchange, done } = start()
    body.sink.onData(Buffer.from('a.'))
    if (breakOff === 'reset') body.sink.onError(new GatewayError('upstream_failed', 'reset'))
    else clock.advance(10_000)
    await done
    t.equal(text(reply.written), 'a.')
    t.same(reply.ends, ['end'])
    t.equal(exchange.error, undefined)
    t.equal(clock.pending, 0)
  }
})

t.test('the upstream\'s own failure is the stream\'s', async (t) => {
  const { body, reply, done } = start()
  body.sink.onData(Buffer.from('a'))
  body.sink.onError(new GatewayError('upstream_failed', 'reset'))
  await done
  t.equal(text(reply.written), 'aerror:upstream_failed')
})

t.test('a lane that cannot even be asked whether it is whole ends in an error and not in an exception', async (t) => {
  const scene = createScene()
  const done = pump(scene.exchange, scene.answer, (write) => ({ ...echoLane(write), endWhole: () => { throw new RangeError('a bug') } }), scene)
  scene.body.sink.onData(Buffer.from('a'))
  scene.clock.advance(10_000)
  await done
  t.equal(scene.exchange.error?.kind, 'internal')
  t.equal(text(scene.reply.written), 'aerror:internal')
})

t.test('an answer past its hold is ended where it stands, and nothing more is taken', async (t) => {
  const scene = createScene()
  let chunks = 0
  const meter = { pastHold: () => ++chunks === 2 }
  const done = pump(scene.exchange, scene.answer, echoLane, { clock: scene.clock, meter })
  scene.body.sink.onData(Buffer.from('a'))
  t.equal(scene.exchange.cut, false)
  scene.body.sink.onData(Buffer.from('b'))
  scene.body.sink.onData(Buffer.from('c'))
  await done
  t.equal(text(scene.reply.written), 'abcut')
  t.same(scene.body.calls, ['abort'])
  t.same(scene.reply.ends, ['end'])
  t.equal(scene.exchange.cut, true)
  t.equal(scene.exchange.error, undefined)
  t.equal(scene.clock.pending, 0)
})

t.test('an answer that has ended within its last chunk is not cut, however long it is', async (t) => {
  const scene = createScene()
  const done = pump(scene.exchange, scene.answer, echoLane, { clock: scene.clock, meter: { pastHold: () => true } })
  scene.body.sink.onData(Buffer.from('a.'))
  await done
  t.equal(text(scene.reply.written), 'a.')
  t.same([scene.exchange.cut, scene.reply.ends], [false, ['end']])
})

t.test('of an answer that has ended the usage is waited for, also when the client has left', async (t) => {
  const { body, reply, done, clock } = start('cancel')
  body.sink.onData(Buffer.from('a.'))
  reply.leave()
  t.same(body.calls, [])
  body.sink.onEnd()
  t.equal(await outcomeOf(done), 'client_closed')
  t.equal(clock.pending, 0)
  const waiting = start('cancel')
  waiting.body.sink.onData(Buffer.from('a.'))
  waiting.reply.leave()
  waiting.clock.advance(999)
  t.equal(await outcomeOf(waiting.done), 'client_closed')
  t.same(waiting.body.calls, ['abort'], 'but not for ever')
})
