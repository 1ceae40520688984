import t from 'tap'
import { ask, COMPATIBLE, compatibleBody, NATIVE, nativeBody, simulatorFor, STREAMED } from '../wire.ts'

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

async function answerWith (t: Parameters<typeof simulatorFor>[0], fault: string, dialect: 'native' | 'compatible'): Promise<any> {
  const simulator = await simulatorFor(t)
  simulator.enqueue(fault)
  const asked = dialect === 'native'
    ? { path: NATIVE, headers: STREAMED, body: nativeBody('hi') }
    : { path: COMPATIBLE, body: compatibleBody('hi', { stream: true }) }
  const { status, headers, text } = await ask(simulator, asked)
  t.equal(simulator.billed.size, 0, 'a refusal is free')
  return { status, headers, text: text.replace(UUID, '…') }
}

const MESSAGE = 'Model is unavailable, please try again later.'

t.test('an error has the body of its dialect, or the one it is told to have', async t => {
  const flat = `{"code":"ModelUnavailable","message":"${MESSAGE}","request_id":"…"}`
  const nested = `{"error":{"code":"service_unavailable","param":null,"message":"${MESSAGE}","type":"server_error"},"id":"chatcmpl-…","request_id":"…"}`
  const frame = `id:1\nevent:error\n:HTTP_STATUS/503\ndata:{"request_id":"…","code":"ModelUnavailable","message":"${MESSAGE}"}\n\n`
  const rows = [
    ['native', 'error=503', 'application/json', flat], ['compatible', 'error=503', 'application/json', nested],
    ['native', 'error=503:openai', 'application/json', nested], ['compatible', 'error=503:flat', 'application/json', flat],
    ['native', 'error=503:sse', 'application/json', frame], ['compatible', 'error=503:sse', 'application/json', `data: ${nested}\n\n`],
    ['native', 'error=503:text', 'text/plain', MESSAGE], ['compatible', 'error=503:empty', undefined, '']
  ] as const
  for (const [dialect, fault, type, body] of rows) {
    const { status, headers, text } = await answerWith(t, fault, dialect)
    t.same([status, headers['content-type'], text], [503, type, body], `${dialect} ${fault}`)
  }
})

t.test('a proxy in between answers in HTML', async t => {
  const { status, headers, text } = await answerWith(t, 'error=502:html', 'native')
  t.same([status, headers['content-type']], [502, 'text/html'])
  t.match(text, /^<html>[^]*502 Bad Gateway/)
})

t.test('throttling says when to come back', async t => {
  const { status, headers, text } = await answerWith(t, 'throttled=7', 'compatible')
  t.same([status, headers['retry-after'], JSON.parse(text).error.code], [429, '7', 'limit_requests'])
})

t.test('a spent quota, a lost key and an internal error have their codes', async t => {
  const rows = [['quota', 429, 'Throttling.AllocationQuota'], ['unauthorized', 401, 'InvalidApiKey'], ['error', 500, 'InternalError'],
    ['error=504', 504, 'RequestTimeOut'], ['error=418', 418, 'InvalidParameter'], ['error=599', 599, 'InternalError']] as const
  for (const [fault, expected, code] of rows) {
    const { status, text } = await answerWith(t, fault, 'native')
    t.same([status, JSON.parse(text).code], [expected, code], fault)
  }
})

t.test('an error with status 200 is JSON even where a stream was asked for', async t => {
  const { status, headers, text } = await answerWith(t, 'ok-error', 'native')
  t.same([status, headers['content-type'], JSON.parse(text).code], [200, 'application/json', 'InternalError'])
})

t.test('a redirect leads elsewhere', async t => {
  const { status, headers, text } = await answerWith(t, 'redirect=/here', 'native')
  t.same([status, headers.location, text], [302, '/here', ''])
})
