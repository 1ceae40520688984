import t from 'tap'
import { ask, exchange, statusesIn } from './wire.ts'
import { TokenCounterError } from '../../src/tokens/counter.ts'
import { startApp } from './listening-app.ts'
import { createOpenLimiter } from '../support/open-limiter.ts'

const CANARY = 'canary-of-an-inner-error'
const CHAT = JSON.stringify({ model: 'qwen-coder-turbo', messages: [{ role: 'user', content: 'hi' }] })
const NATIVE_PATH = '/api/v1/services/aigc/text-generation/generation'

t.test('whatever breaks inside is told in the words of the path, and its text is not', async (t) => {
  const broken = (): never => { throw new Error(CANARY) }
  for (const deps of [{ authenticate: broken }, { currentCatalog: broken }, { send: broken }]) {
    const app = await startApp({ deps })
    const headers = { authorization: `Bearer ${app.apiKey}`, 'content-type': 'application/json' }
    const openai = await ask(`${app.url}/v1/chat/completions`, { method: 'POST', headers, body: CHAT })
    t.equal(openai.status, 500)
    t.match(JSON.parse(openai.text), { error: { code: 'internal_error' }, request_id: openai.headers['x-request-id'] })
    const native = await ask(app.url + NATIVE_PATH, {
      method: 'POST', headers, body: JSON.stringify({ model: 'qwen-coder-turbo', input: { prompt: 'hi' } })
    })
    t.equal(native.status, 500)
    t.match(JSON.parse(native.text), { code: 'InternalError', request_id: native.headers['x-request-id'] })
    t.notMatch(openai.text + native.text, CANARY)
    await app.close()
  }
})

t.test('a prompt that cannot be counted now is put off, not failed', async (t) => {
  const busy = async (): Promise<number> => { throw new TokenCounterError('busy') }
  const app = await startApp({ deps: { tokens: { count: busy, countText: busy, close: async () => {} } } })
  t.teardown(() => app.close())
  const body = JSON.stringify({ model: 'qwen-coder-turbo', messages: [{ role: 'user', content: 'a'.repeat(200_000) }] })
  const { status, headers } = await ask(`${app.url}/v1/chat/completions`, {
    method: 'POST', headers: { authorization: `Bearer ${app.apiKey}`, 'content-type': 'application/json' }, body
  })
  t.equal(status, 503)
  t.equal(headers['retry-after'], '1')
  t.equal(app.simulator.requests.length, 0)
})

t.test('a settlement that fails costs the client nothing and is told to the log', async (t) => {
  const settle = async (): Promise<never> => { throw new Error(CANARY) }
  const told: unknown[] = []
  const app = await startApp({ deps: { limiter: createOpenLimiter({ settle }), unsettled: (_exchange, cause) => { told.push(cause) } } })
  t.teardown(() => app.close())
  const { status, text } = await ask(`${app.url}/v1/chat/completions`, {
    method: 'POST', headers: { authorization: `Bearer ${app.apiKey}`, 'content-type': 'application/json' }, body: CHAT
  })
  t.equal(status, 200)
  t.notMatch(text, CANARY)
  await app.ended(1)
  t.match(told, [{ message: CANARY }])
})

t.test('bytes that are no HTTP are refused in the words of the path they name', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  const native = await exchange(app.url, `POST ${NATIVE_PATH} HTTP/1.1\r\nHost: x\r\nBad Header: x\r\n\r\n`)
  t.same(statusesIn(native), [400])
  t.match(JSON.parse(native.split('\r\n\r\n')[1] ?? ''), { code: 'InvalidParameter', request_id: String })
  const nothing = await exchange(app.url, '\x16\x03\x01\x02\x00\x01\x00')
  t.same(statusesIn(nothing), [400], 'TLS spoken to a plain port')
  t.match(JSON.parse(nothing.split('\r\n\r\n')[1] ?? ''), { error: { code: 'invalid_parameter_error' } })
})

t.test('a content type other than JSON in UTF-8 is refused before the body is read', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  const refused = [
    'text/plain', 'application/json; charset=gbk', 'application/json;charset="utf-16"', 'application/jsonx', 'application/json, text/plain', '',
    'multipart/form-data; boundary=x'
  ]
  for (const type of refused) {
    const headers = { authorization: `Bearer ${app.apiKey}`, 'content-type': type }
    t.equal((await ask(`${app.url}/v1/chat/completions`, { method: 'POST', headers, body: CHAT })).status, 415, type)
  }
  for (const type of ['application/json', 'Application/JSON;charset=UTF-8', 'application/json; charset="utf8"', 'application/json; v=1']) {
    const headers = { authorization: `Bearer ${app.apiKey}`, 'content-type': type }
    t.equal((await ask(`${app.url}/v1/chat/completions`, { method: 'POST', headers, body: CHAT })).status, 200, type)
  }
  t.equal((await ask(`${app.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: CHAT })).status, 401, 'the key comes first')
})
