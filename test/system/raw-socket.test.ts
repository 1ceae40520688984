import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Test } from 'tap'
import { badInputsOf } from '../fixtures/bad-inputs/cases.ts'
import { createSkippingClock } from '../support/watched-clock.ts'
import { exchange, openSocket, statusesIn } from '../http/wire.ts'
import { startApp } from '../http/listening-app.ts'
import type { ListeningApp } from '../http/listening-app.ts'

const CHAT = JSON.stringify({ model: 'qwen-coder-turbo', messages: [{ role: 'user', content: 'hi' }] })
const STREAMED_CHAT = CHAT.replace('{', '{"stream":true,')

/** Heads and bodies that may be read in two ways, or in none: one answer, then the connection is closed. */
const FRAMING: Readonly<Record<string, { readonly bytes: (app: ListeningApp) => string, readonly statuses: readonly number[] }>> = {
  'raw.cl_and_te': { bytes: (app) => post(app, ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n'), statuses: [400] },
  'raw.dup_cl_same': { bytes: (app) => post(app, [length(CHAT), length(CHAT)], CHAT), statuses: [400] },
  'raw.cl_list': { bytes: (app) => post(app, ['Content-Length: 2, 2'], '{}'), statuses: [400] },
  'raw.cl_plus': { bytes: (app) => post(app, ['Content-Length: +2'], '{}'), statuses: [400] },
  'raw.cl_negative': { bytes: (app) => post(app, ['Content-Length: -1'], '{}'), statuses: [400] },
  'raw.cl_overflow': { bytes: (app) => post(app, ['Content-Length: 99999999999999999999'], '{}'), statuses: [400] },
  'raw.cl_over_limit_body_withheld': { bytes: (app) => post(app, ['Content-Length: 10737418240'], ''), statuses: [413] },
  'raw.te_xchunked': { bytes: (app) => post(app, ['Transfer-Encoding: xchunked'], chunked(CHAT)), statuses: [400] },
  'raw.te_twice': { bytes: (app) => post(app, ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], chunked(CHAT)), statuses: [400] },
  'raw.te_obs_fold': { bytes: (app) => post(app, ['Transfer-Encoding:\r\n chunked'], chunked(CHAT)), statuses: [400] },
  'raw.chunk_size_overflow': { bytes: (app) => post(app, ['Transfer-Encoding: chunked'], 'FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n'), statuses: [400] },
  'raw.chunk_bare_lf': { bytes: (app) => post(app, ['Transfer-Encoding: chunked'], chunked(CHAT).replaceAll('\r\n', '\n')), statuses: [400] },
  'raw.trailer_injection': {
    bytes: (app) => post(app, ['Transfer-Encoding: chunked'], chunked(CHAT).replace(/\r\n$/, 'Content-Length: 3\r\n\r\n')), statuses: [400]
  },
  'raw.space_before_colon': { bytes: (app) => post(app, ['Content-Length : 2'], '{}'), statuses: [400] },
  'raw.bare_lf_lines': { bytes: (app) => post(app, [length(CHAT)], CHAT).replaceAll('\r\n', '\n'), statuses: [400] },
  'raw.bare_cr_in_header': { bytes: (app) => post(app, ['X-A: a\rb', length(CHAT)], CHAT), statuses: [400] },
  'raw.nul_in_header': { bytes: (app) => post(app, ['X-A: a\0b', length(CHAT)], CHAT), statuses: [400] },
  'raw.no_host': { bytes: () => 'GET /livez HTTP/1.1\r\n\r\n', statuses: [400] },
  'raw.two_hosts': { bytes: () => 'GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', statuses: [400] },
  'raw.http09': { bytes: () => 'GET /livez\r\n\r\n', statuses: [400] },
  'raw.bad_method': { bytes: () => 'FOO / HTTP/1.1\r\nHost: x\r\n\r\n', statuses: [400] },
  'raw.headers_3000': { bytes: (app) => post(app, Array.from({ length: 3_000 }, (_, index) => `X-${index}: a`), ''), statuses: [431] },
  'raw.url_20KB': { bytes: () => `GET /${'a'.repeat(20_480)} HTTP/1.1\r\nHost: x\r\n\r\n`, statuses: [431] },
  'raw.bad_percent': { bytes: () => 'GET /%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n', statuses: [400] },
  'raw.absolute_form_metadata': { bytes: () => get('http://169.254.169.254/', ['Connection: close']), statuses: [404] },
  'raw.auth_header_proto': { bytes: () => get('/v1/models', ['__proto__: x', 'Connection: close']), statuses: [401] },
  'raw.early_response_unread_body': {
    bytes: (app) => post({ ...app, apiKey: 'sk-wrong' }, ['Content-Length: 52428800'], 'x'.repeat(500_000)), statuses: [401]
  }
}

const LINGER_MS = 60_000

const CONNECTIONS = '../http/connections.test.ts'

/** The files with the cases that have a test of their own, whose name begins with the case's. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'raw.pipelining_3': './raw-socket.test.ts',
  'raw.pipelining_10k_without_reading': CONNECTIONS,
  'raw.slowloris_headers': CONNECTIONS,
  'raw.slowloris_body': CONNECTIONS,
  'raw.half_close_after_request': './raw-socket.test.ts',
  'raw.rst_before_first_byte': './raw-socket.test.ts',
  'raw.ten_thousand_idle_sockets': CONNECTIONS
}

t.test('every case of the study is tried', async (t) => {
  t.same([...Object.keys(FRAMING), ...Object.keys(ELSEWHERE)].sort(), badInputsOf('raw-socket').map(({ name }) => name).sort())
  for (const [name, file] of Object.entries(ELSEWHERE)) {
    t.match(readFileSync(new URL(file, import.meta.url), 'utf8'), `t.test('${name}: `, `${file} has a test of ${name}`)
  }
})

t.test('bytes that are no good request get one answer and the end of the connection', async (t) => {
  const app = await startApp({ limits: { lingerTimeoutMs: LINGER_MS }, deps: { clock: createSkippingClock(LINGER_MS) } })
  t.teardown(() => app.close())
  for (const [name, { bytes, statuses }] of Object.entries(FRAMING)) {
    const heard = await exchange(app.url, Buffer.from(bytes(app), 'latin1'))
    t.same(statusesIn(heard), statuses, `${name}: ${heard.slice(0, 200)}`)
    const [head = '', body = ''] = heard.split('\r\n\r\n')
    t.match(head.toLowerCase(), 'connection: close', name)
    t.match(head, /x-request-id: \S+/, name)
    t.type(JSON.parse(body).error.message, 'string', name)
  }
  t.equal(app.charged.length, 0, 'nothing is charged')
  t.equal(app.simulator.requests.length, 0, 'nothing is asked of the upstream')
})

t.test('raw.pipelining_3: answers come in the order of their requests, each charged once', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  const raw = await openSocket(app.url)
  app.simulator.enqueue('delay=30')
  raw.socket.write(post(app, [length(CHAT)], CHAT) + get('/livez') + post(app, [length(CHAT), 'Connection: close'], CHAT))
  const heard = await raw.closed()
  t.same(statusesIn(heard), [200, 200, 200])
  t.match(heard, /chat\.completion.*"status":"ok".*chat\.completion/s)
  await app.ended(2)
  t.equal(app.charged.length, 2)
})

t.test('raw.half_close_after_request: whoever has said all it wants to say still gets its answer', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  for (const body of [CHAT, STREAMED_CHAT]) {
    app.simulator.enqueue('delay=50')
    const raw = await openSocket(app.url)
    raw.socket.end(post(app, [length(body)], body))
    const heard = await raw.closed()
    t.same(statusesIn(heard), [200], heard.slice(0, 300))
    t.match(heard, body === CHAT ? '"finish_reason":"stop"' : 'data: [DONE]')
  }
  const exchanges = await app.ended(2)
  t.same(exchanges.map(({ outcome }) => outcome), ['completed', 'completed'])
  t.same(app.charged.map(({ usage }) => usage.source), ['reported', 'reported'])
})

t.test('a client that is gone altogether is not taken for one that waits', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  for (const [index, body] of [CHAT, STREAMED_CHAT].entries()) {
    await t.test(index === 0 ? 'before the answer' : 'inside a silent stream', async (t) => {
      app.simulator.enqueue(index === 0 ? 'stall-start' : 'stall=2')
      const raw = await openSocket(app.url)
      raw.socket.write(post(app, [length(body)], body))
      if (index === 0) await upstreamAsked(app, index + 1)
      else await raw.until((heard) => heard.includes('data: '))
      // With everything read, this is an orderly FIN, the same as a half-close.
      raw.socket.destroy()
      const exchanges = await app.ended(index + 1)
      t.equal(exchanges[index]?.outcome, 'client_closed')
    })
  }
  await assertUpstreamsLeft(t, app)
})

t.test('raw.rst_before_first_byte: the upstream is left at once, and what it may have charged is charged', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  app.simulator.enqueue('stall-start')
  const raw = await openSocket(app.url)
  raw.socket.write(post(app, [length(CHAT)], CHAT))
  await upstreamAsked(app, 1)
  raw.socket.resetAndDestroy()
  const [ended] = await app.ended(1)
  t.equal(ended?.outcome, 'client_closed')
  t.match(app.charged, [{ outcome: 'client_closed', usage: { source: 'estimated', outputTokens: 0 } }])
  await assertUpstreamsLeft(t, app)
})

function get (url: string, headers: readonly string[] = []): string {
  return `GET ${url} HTTP/1.1\r\nHost: x\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`
}

function post ({ apiKey }: Pick<ListeningApp, 'apiKey'>, headers: readonly string[], body: string): string {
  const lines = ['Host: x', 'Content-Type: application/json', `Authorization: Bearer ${apiKey}`, ...headers]
  return `POST /v1/chat/completions HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`
}

function length (body: string): string {
  return `Content-Length: ${Buffer.byteLength(body)}`
}

function chunked (body: string): string {
  return `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`
}

/** Resolves once the upstream has seen so many requests. */
async function upstreamAsked ({ simulator }: ListeningApp, count: number): Promise<void> {
  while (simulator.requests.length < count) await new Promise((resolve) => setImmediate(resolve))
}

async function assertUpstreamsLeft (t: Test, { simulator }: ListeningApp): Promise<void> {
  while (simulator.requests.some(({ ending }) => ending === 'open')) await new Promise((resolve) => setImmediate(resolve))
  t.ok(simulator.requests.every(({ ending }) => ending === 'client gone'))
}
