import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import t from 'tap'
import type { Test } from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { createPools } from '../../src/upstream/pools.ts'
import { createSend } from '../../src/upstream/send.ts'
import { createManualClock } from '../support/fixed.ts'
import { serve } from './server.ts'
import type { UpstreamCall } from '../../src/core/protocol.ts'
import type { UpstreamResponse } from '../../src/upstream/send.ts'

const CALL: UpstreamCall = { path: '/chat', headers: { authorization: 'Bearer sk-up' }, body: Buffer.from('{"a":1}'), stream: true, ignoredParameters: [] }

/** Turns of the event loop in which a piece from the loopback would have come. */
const PAUSE_TURNS = 200

async function start (t: Test, listener: RequestListener) {
  const { server, upstream } = await serve(t, listener)
  const pools = createPools()
  t.teardown(() => pools.close())
  const clock = createManualClock()
  const leaving = new AbortController()
  const send = createSend(pools, clock)
  const sent: true[] = []
  const watch = { signal: leaving.signal, headTimeoutMs: upstream.timeouts.firstByteTimeoutMs, onSent: () => { sent.push(true) } }
  return { server, upstream, clock, leaving, sent, send: async (): Promise<UpstreamResponse> => await send(upstream, CALL, watch) }
}

/** Reads a body to its end: the text, and the kind of the failure if it is one. */
async function read ({ body }: UpstreamResponse): Promise<{ text: string, failure: string | undefined }> {
  const { promise, resolve } = Promise.withResolvers<{ text: string, failure: string | undefined }>()
  let text = ''
  body.flow({
    onData (chunk) { text += chunk.toString() },
    onEnd () { resolve({ text, failure: undefined }) },
    onError (error) { resolve({ text, failure: error.kind }) }
  })
  return await promise
}

async function kindOf (answer: Promise<unknown>): Promise<string> {
  return await answer.then(() => 'answered', (caught: unknown) => GatewayError.from(caught).kind)
}

t.test('posts the body as it is and gives the answer\'s head, headers single-valued', async (t) => {
  let seen: unknown
  const { send, clock } = await start(t, (request, response) => {
    const { method, url, headers } = request
    let body = ''
    request.on('data', (chunk: Buffer) => { body += chunk.toString() }).on('end', () => {
      seen = { method, url, body, length: headers['content-length'], encoding: headers['accept-encoding'], key: headers.authorization }
      response.writeHead(201, { 'X-Request-Id': 'up-1', 'set-cookie': ['a=1', 'b=2'] }).end('done')
    })
  })
  const response = await send()
  t.match(response, { status: 201, headers: { 'x-request-id': 'up-1', 'set-cookie': 'a=1, b=2' } })
  t.same(await read(response), { text: 'done', failure: undefined })
  t.same(seen, { method: 'POST', url: '/v1/chat', body: '{"a":1}', length: '7', encoding: 'identity', key: 'Bearer sk-up' })
  t.equal(clock.pending, 0, 'no timer outlives the head')
})

t.test('what comes before anybody reads is kept for the reader', async (t) => {
  const { send } = await start(t, (_request, response) => { response.end('early') })
  const response = await send()
  await new Promise<void>((resolve) => { setImmediate(resolve) })
  t.same(await read(response), { text: 'early', failure: undefined })
})

t.test('an empty answer ends', async (t) => {
  const { send } = await start(t, (_request, response) => { response.writeHead(204).end() })
  t.same(await read(await send()), { text: '', failure: undefined })
})

t.test('informational answers are not the answer', async (t) => {
  const { send } = await start(t, (_request, response) => {
    response.writeProcessing()
    response.writeEarlyHints({ link: '</style>; rel=preload' })
    response.end('real')
  })
  const response = await send()
  t.equal(response.status, 200)
  t.same(await read(response), { text: 'real', failure: undefined })
})

t.test('an upstream that wants to speak another protocol has failed', async (t) => {
  const { send, clock } = await start(t, (_request, response) => {
    response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
  })
  t.equal(await kindOf(send()), 'upstream_failed')
  t.equal(clock.pending, 0)
})

t.test('redirects are an answer like any other', async (t) => {
  let requests = 0
  const { send } = await start(t, (_request, response) => {
    requests++
    response.writeHead(307, { location: '/elsewhere' }).end()
  })
  const response = await send()
  t.match(response, { status: 307, headers: { location: '/elsewhere' } })
  await read(response)
  t.equal(requests, 1)
})

t.test('a connection reset before the head is a failure of the upstream', async (t) => {
  const { send, clock } = await start(t, (_request, response) => { response.socket?.resetAndDestroy() })
  t.equal(await kindOf(send()), 'upstream_failed')
  t.equal(clock.pending, 0)
})

t.test('so is one that nobody accepts', async (t) => {
  const { server, send } = await start(t, () => undefined)
  server.close()
  await once(server, 'close')
  t.equal(await kindOf(send()), 'upstream_failed')
})

t.test('an answer that is no HTTP is a fault of its own', async (t) => {
  const { send } = await start(t, (_request, response) => { response.socket?.end('220 mail.example.com ESMTP\r\n\r\n') })
  t.equal(await kindOf(send()), 'upstream_protocol')
})

t.test('a head too long to be one is refused', async (t) => {
  const { send } = await start(t, (_request, response) => { response.setHeader('x-long', 'a'.repeat(40_000)).end() })
  t.equal(await kindOf(send()), 'upstream_protocol')
})

t.test('a connection reset within the body is the reader\'s failure, behind what came', async (t) => {
  const { send } = await start(t, (_request, response) => {
    response.write('half')
    setImmediate(() => response.socket?.resetAndDestroy())
  })
  const { text, failure } = await read(await send())
  t.equal(failure, 'upstream_failed')
  t.ok('half'.startsWith(text))
})

t.test('so is a body shorter than its head says, and a chunk that breaks off', async (t) => {
  for (const bytes of ['HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n40\r\nmo']) {
    const { send } = await start(t, (_request, response) => { response.socket?.end(bytes) })
    t.equal((await read(await send())).failure, 'upstream_failed')
  }
})

t.test('an upstream that says nothing is given up at the deadline, and hears of it', async (t) => {
  const { promise: arrived, resolve } = Promise.withResolvers<{ closed: Promise<unknown> }>()
  const { send, clock } = await start(t, (request) => { resolve({ closed: once(request.socket, 'close') }) })
  const kind = kindOf(send())
  const { closed } = await arrived
  clock.advance(4_999)
  t.equal(clock.pending, 1, 'not a moment before')
  clock.advance(1)
  t.equal(await kind, 'upstream_timeout')
  await closed
  t.equal(clock.pending, 0)
})

t.test('a client that has left asks nobody', async (t) => {
  let requests = 0
  const { send, leaving } = await start(t, () => { requests++ })
  leaving.abort()
  t.equal(await kindOf(send()), 'client_closed')
  t.equal(requests, 0)
})

t.test('one that leaves before the head cancels the request', async (t) => {
  const { promise: arrived, resolve } = Promise.withResolvers<{ closed: Promise<unknown> }>()
  const { send, leaving, clock } = await start(t, (request) => { resolve({ closed: once(request.socket, 'close') }) })
  const kind = kindOf(send())
  const { closed } = await arrived
  leaving.abort()
  t.equal(await kind, 'client_closed')
  await closed
  t.equal(clock.pending, 0)
})

t.test('aborting a body closes the connection, and its reader hears nothing more', async (t) => {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const { send } = await start(t, (_request, response) => {
    response.on('close', resolve)
    response.write('first')
  })
  const { body } = await send()
  const heard: string[] = []
  const { promise: first, resolve: hear } = Promise.withResolvers<void>()
  body.flow({
    onData (chunk) {
      heard.push(chunk.toString())
      hear()
    },
    onEnd () { heard.push('end') },
    onError () { heard.push('error') }
  })
  await first
  body.abort()
  await closed
  t.same(heard, ['first'])
})

t.test('a paused body gives nothing until it may go on', async (t) => {
  const { promise: rest, resolve: sendRest } = Promise.withResolvers<void>()
  const { send } = await start(t, (_request, response) => {
    response.write('a')
    rest.then(() => response.end('b'), () => undefined)
  })
  const { body } = await send()
  const heard: string[] = []
  const { promise: first, resolve: hear } = Promise.withResolvers<void>()
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  body.flow({
    onData (chunk) {
      if (heard.push(chunk.toString()) > 1) return
      body.pause()
      hear()
    },
    onEnd: end,
    onError: () => { heard.push('error') }
  })
  await first
  sendRest()
  for (let turn = 0; turn < PAUSE_TURNS; turn++) await new Promise<void>((resolve) => { setImmediate(resolve) })
  t.same(heard, ['a'])
  body.resume()
  await ended
  t.same(heard, ['a', 'b'])
})

t.test('a reader that throws ends its own exchange and no other', async (t) => {
  const { send } = await start(t, (_request, response) => { response.end('x') })
  const { body } = await send()
  const { promise, resolve } = Promise.withResolvers<GatewayError>()
  body.flow({ onData () { throw new GatewayError('upstream_protocol', 'bad') }, onEnd () { resolve(new GatewayError('internal', 'ended')) }, onError: resolve })
  t.equal((await promise).kind, 'upstream_protocol')
  t.same(await read(await send()), { text: 'x', failure: undefined })
})

t.test('says once that the request has gone out, and not where no connection was had', async (t) => {
  const { send, sent } = await start(t, (_request, response) => response.end())
  await read(await send())
  t.equal(sent.length, 1)
  const unreachable = await start(t, (_request, response) => response.end())
  await new Promise((resolve) => unreachable.server.close(resolve))
  t.equal(await kindOf(unreachable.send()), 'upstream_failed')
  t.equal(unreachable.sent.length, 0)
})
