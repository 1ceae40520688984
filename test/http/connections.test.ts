import t from 'tap'
import { ask, exchange, openSocket, statusesIn } from './wire.ts'
import { createManualClock } from '../support/fixed.ts'
import { createSkippingClock } from '../support/watched-clock.ts'
import { startApp } from './listening-app.ts'
import type { ListeningApp } from './listening-app.ts'

const CHAT = JSON.stringify({ model: 'qwen-coder-turbo', messages: [{ role: 'user', content: 'hi' }] })
/** Limits of Node's own, which know no other clock than the real one. */
const SLOW = { headTimeoutMs: 60, requestTimeoutMs: 120, checkIntervalMs: 20 }
const LINGER_MS = 60_000

t.test('raw.slowloris_headers: a head that drips in is answered by 408 and closed', async (t) => {
  const app = await startApp({ limits: SLOW })
  t.teardown(() => app.close())
  const heard = await exchange(app.url, 'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Slow: ')
  t.same(statusesIn(heard), [408])
  t.match(heard, '"code":"request_timeout"')
  t.equal((await ask(`${app.url}/livez`)).status, 200, 'others are served')
})

t.test('raw.slowloris_body: a body that drips in is answered by 408 in the words of its path and closed', async (t) => {
  const app = await startApp({ limits: SLOW })
  t.teardown(() => app.close())
  const heard = await exchange(app.url, head(app, ['Content-Length: 1000'], '/api/v1/services/aigc/text-generation/generation') + '{')
  t.same(statusesIn(heard), [408])
  t.match(heard, '"code":"RequestTimeOut"')
  t.equal(app.simulator.requests.length, 0)
})

t.test('raw.ten_thousand_idle_sockets: connections are bounded, and silent ones are closed', async (t) => {
  const app = await startApp({ limits: { ...SLOW, connectionsMax: 5 } })
  t.teardown(() => app.close())
  const sockets = await Promise.all(Array.from({ length: 20 }, () => openSocket(app.url)))
  const heard = await Promise.all(sockets.map((socket) => socket.closed()))
  t.ok(heard.filter((text) => text !== '').length <= 5, 'no more than the bound were let in')
  t.ok(heard.every((text) => text === '' || statusesIn(text).join() === '408'))
  t.equal((await ask(`${app.url}/livez`)).status, 200, 'there is room again')
})

t.test('a connection is closed in good order after its last request', async (t) => {
  const app = await startApp({ limits: { requestsPerConnectionMax: 2 } })
  t.teardown(() => app.close())
  const raw = await openSocket(app.url)
  raw.socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
  await raw.until((heard) => heard.includes('{"status":"ok"}'))
  raw.socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
  const heard = await raw.closed()
  t.same(statusesIn(heard), [200, 200])
  t.match(heard, /connection: close/i)
})

t.test('raw.pipelining_10k_without_reading: whoever sends too far ahead is cut off', async (t) => {
  const app = await startApp({ limits: { pipelinedRequestsMax: 4 } })
  t.teardown(() => app.close())
  const raw = await openSocket(app.url)
  raw.socket.pause()
  raw.socket.write((head(app, [`Content-Length: ${CHAT.length}`]) + CHAT).repeat(10_000))
  raw.socket.resume()
  await raw.closed()
  t.ok(app.simulator.requests.length <= 4, `${app.simulator.requests.length} went upstream`)
  t.equal((await ask(`${app.url}/livez`)).status, 200)
})

t.test('rubbish behind a request that is still owed its answer is not answered in its place', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  app.simulator.enqueue('stall-start')
  const heard = await exchange(app.url, `${head(app, [`Content-Length: ${CHAT.length}`])}${CHAT}rubbish\r\n\r\n`)
  t.equal(heard, '')
  const [ended] = await app.ended(1)
  t.equal(ended?.outcome, 'client_closed')
})

t.test('what is left of a refused body is never taken for the next request', async (t) => {
  const app = await startApp({ limits: { lingerTimeoutMs: LINGER_MS }, deps: { clock: createSkippingClock(LINGER_MS) } })
  t.teardown(() => app.close())
  const smuggled = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'
  const refused = head({ apiKey: 'sk-wrong' }, ['Content-Length: 1000'])
  t.same(statusesIn(await exchange(app.url, refused + smuggled)), [401])
})

t.test('a refused body is read on for a while, so that its sender sees why, and then no more', async (t) => {
  const app = await startApp({ bodyBytesMax: 1_000, limits: { lingerTimeoutMs: LINGER_MS, lingerBytesMax: 100_000 }, deps: { clock: createManualClock() } })
  t.teardown(() => app.close())
  await t.test('it ends within the bound', async (t) => {
    const heard = await exchange(app.url, head(app, ['Content-Length: 50000']) + 'x'.repeat(50_000))
    t.same(statusesIn(heard), [413])
  })
  await t.test('it goes on and on', async (t) => {
    const raw = await openSocket(app.url)
    raw.socket.write(head(app, ['Content-Length: 100000000']))
    const pour = (): void => { raw.socket.write('x'.repeat(65_536), (error) => { if (error == null) pour() }) }
    pour()
    t.same(statusesIn(await raw.closed()), [413])
  })
})

t.test('a body that turns out too long on its way is refused', async (t) => {
  const app = await startApp({ bodyBytesMax: 1_000, limits: { lingerTimeoutMs: LINGER_MS }, deps: { clock: createSkippingClock(LINGER_MS) } })
  t.teardown(() => app.close())
  const heard = await exchange(app.url, `${head(app, ['Transfer-Encoding: chunked'])}7d0\r\n${'x'.repeat(2_000)}\r\n`)
  t.same(statusesIn(heard), [413])
})

t.test('chunk extensions are bounded', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  const heard = await exchange(app.url, `${head(app, ['Transfer-Encoding: chunked'])}2;${'x'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`)
  t.same(statusesIn(heard), [413])
})

t.test('nothing is tunnelled', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  t.same(statusesIn(await exchange(app.url, 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n')), [405])
})

t.test('headers are bounded in number, so that none is dropped unseen', async (t) => {
  const app = await startApp({ limits: { headersMax: 20 } })
  t.teardown(() => app.close())
  const lines = (count: number): string => Array.from({ length: count }, (_, index) => `X-${index}: a\r\n`).join('')
  t.same(statusesIn(await exchange(app.url, `GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines(18)}\r\n`)), [200])
  t.same(statusesIn(await exchange(app.url, `GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines(19)}\r\n`)), [431])
  t.same(statusesIn(await exchange(app.url, `GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines(200)}\r\n`)), [431])
})

t.test('a client of HTTP/1.0 that closes its half is told nothing before its answer', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  app.simulator.enqueue('delay=50')
  const raw = await openSocket(app.url)
  raw.socket.end((head(app, [`Content-Length: ${CHAT.length}`]) + CHAT).replace('HTTP/1.1', 'HTTP/1.0'))
  t.match(await raw.closed(), /^HTTP\/1\.1 200 OK/)
})

t.test('whoever waits for leave to send its body gets it once its head is good', async (t) => {
  const app = await startApp({ limits: { lingerTimeoutMs: LINGER_MS }, deps: { clock: createSkippingClock(LINGER_MS) } })
  t.teardown(() => app.close())
  const raw = await openSocket(app.url)
  raw.socket.write(head(app, [`Content-Length: ${CHAT.length}`, 'Expect: 100-continue']))
  await raw.until((heard) => heard === 'HTTP/1.1 100 Continue\r\n\r\n')
  raw.socket.write(CHAT)
  t.same(statusesIn(await raw.closed()), [200])
  for (const [asked, status] of [
    [head({ apiKey: 'sk-wrong' }, ['Content-Length: 5', 'Expect: 100-continue']), 401],
    [head(app, ['Content-Length: 99999999', 'Expect: 100-continue']), 413],
    [head(app, ['Content-Length: 5', 'Expect: 100-continue'], '/v1/nothing'), 404]
  ] as const) {
    const heard = await exchange(app.url, asked)
    t.same(statusesIn(heard), [status])
    t.notMatch(heard, '100 Continue', `${status} comes at once`)
  }
})

t.test('a connection that became idle while draining is closed behind its answer', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  app.simulator.enqueue('delay=50')
  const raw = await openSocket(app.url)
  raw.socket.write(head(app, [`Content-Length: ${CHAT.length}`]) + CHAT)
  while (app.simulator.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const closing = app.app.close()
  t.same(statusesIn(await raw.closed()), [200])
  await closing
})

function head ({ apiKey }: Pick<ListeningApp, 'apiKey'>, headers: readonly string[], path = '/v1/chat/completions'): string {
  const lines = ['Host: x', 'Content-Type: application/json', `Authorization: Bearer ${apiKey}`, ...headers]
  return `POST ${path} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`
}
