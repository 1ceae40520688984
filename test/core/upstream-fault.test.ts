import t from 'tap'
import type { GatewayError } from '../../src/core/errors.ts'
import type { HeaderValues } from '../../src/core/protocol.ts'
import { errorOfObject, errorOfReply, errorOfText, isErrorFrame } from '../../src/core/upstream-fault.ts'

function replied (status: number, body: object | string, headers: HeaderValues = {}): GatewayError {
  return errorOfReply({ status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) })
}

function nested (code: string | null, type = 'invalid_request_error', message = 'm'): object {
  return { error: { message, type, param: null, code } }
}

function flat (code: string, message = 'm'): object {
  return { code, message, request_id: 'r' }
}

const FRAME = 'id:1\nevent:error\n:HTTP_STATUS/429\ndata:{"code":"Throttling.RateQuota","message":"slow down","request_id":"r"}\n\n'

t.test('a reply is told by its code, then its type, then its status', async (t) => {
  const cases: readonly [number, object | string, string, number][] = [
    [400, nested('invalid_parameter_error'), 'invalid_request', 400],
    [400, nested(null), 'invalid_request', 400],
    [400, flat('New.Code'), 'invalid_request', 400],
    [422, nested(null), 'invalid_request', 422],
    [422, flat('InvalidParameter'), 'invalid_request', 422],
    [429, flat('InvalidParameter'), 'invalid_request', 400],
    [500, flat('InvalidParameter'), 'invalid_request', 400],
    [400, flat('Throttling.RateQuota'), 'rate_limited', 429],
    [400, nested('Arrearage', 'Arrearage'), 'account_overdue', 400],
    [401, nested('invalid_api_key'), 'upstream_auth', 502],
    [401, flat('InvalidApiKey'), 'upstream_auth', 502],
    [401, {}, 'upstream_auth', 502],
    [403, nested(null), 'upstream_auth', 502],
    [403, { message: 'm' }, 'upstream_auth', 502],
    [403, 'forbidden', 'upstream_auth', 502],
    [403, nested('access_denied'), 'permission_denied', 403],
    [403, flat('Model.AccessDenied'), 'permission_denied', 403],
    [403, nested(null, 'permission_error'), 'permission_denied', 403],
    [404, nested('something_else'), 'not_found', 404],
    [404, flat('ModelNotFound'), 'model_not_found', 404],
    [404, 'no such page', 'upstream_protocol', 502],
    [429, nested(null, 'insufficient_quota'), 'budget_exhausted', 429],
    [500, 'oops', 'upstream_failed', 502],
    [504, 'gateway timeout', 'upstream_timeout', 504],
    [302, '', 'upstream_failed', 502]
  ]
  for (const [status, body, kind, clientStatus] of cases) {
    t.match(replied(status, body), { kind, status: clientStatus }, `${status} ${JSON.stringify(body)}`)
  }
})

t.test('an error keeps what was said, and in whose words', async (t) => {
  const openai = replied(400, {
    error: { message: "-1 is lesser than the minimum of 0 - 'seed'", type: 'invalid_request_error', param: 'seed', code: 'invalid_value' }, request_id: 'r1'
  })
  t.match(openai, { message: "-1 is lesser than the minimum of 0 - 'seed'", param: 'seed' })
  t.strictSame(openai.upstream, { protocol: 'openai', status: 400, code: 'invalid_value', type: 'invalid_request_error', requestId: 'r1' })
  t.strictSame(replied(429, flat('Throttling.RateQuota')).upstream, { protocol: 'dashscope', status: 429, code: 'Throttling.RateQuota', requestId: 'r' })
  t.strictSame(replied(500, 'oops', { 'x-request-id': 'r2' }).upstream, { status: 500, requestId: 'r2' })
  t.match(errorOfObject({ error: 'overloaded' }), { message: 'overloaded', kind: 'upstream_failed' })
})

t.test('an SSE-framed body is read whatever its content type says', async (t) => {
  t.match(replied(429, FRAME, { 'content-type': 'application/json' }), { kind: 'rate_limited', message: 'slow down', upstream: { requestId: 'r' } })
  t.match(errorOfText(FRAME), { kind: 'rate_limited', status: 429, upstream: { protocol: 'dashscope', status: 429 } })
  t.match(errorOfText('{"error":{"code":"model_not_found","message":"m"}}', 404), { kind: 'model_not_found', upstream: { protocol: 'openai' } })
  t.match(errorOfText('out of memory'), { kind: 'upstream_failed', message: 'out of memory' })
})

t.test('a page never becomes a message, wherever it stands', async (t) => {
  const page = '\r\n<html>\r\n<head><title>502 Bad Gateway</title>'
  const message = 'The upstream answered with status 502.'
  t.equal(replied(502, page).message, message)
  t.equal(replied(502, '<!DOCTYPE html>').message, message)
  t.equal(replied(502, `\uFEFF${page}`).message, message)
  t.equal(replied(502, 'Bad <b>Gateway</b>', { 'content-type': 'text/html; charset=utf-8' }).message, message)
  t.equal(replied(502, nested(null, 't', page)).message, message)
  t.equal(replied(404, page).message, 'The upstream answered with status 404.')
  t.equal(errorOfText(page).message, 'The upstream reported an error without a message.')
})

t.test('an error without a message still has one', async (t) => {
  t.equal(replied(503, '').message, 'The upstream answered with status 503.')
  t.equal(replied(503, { error: {} }).message, 'The upstream answered with status 503.')
  t.equal(errorOfObject({ error: {} }).message, 'The upstream reported an error without a message.')
  t.equal(errorOfObject({ code: 'New.Code' }, 200).message, 'New.Code')
  t.equal(errorOfObject({ error: {} }, 200).message, 'The upstream reported an error without a message.')
})

t.test('long messages are cut with a mark, and plain text sooner than a message', async (t) => {
  t.match(replied(500, 'x'.repeat(9_000)).message, /^x{499}…$/)
  t.match(replied(500, nested(null, 't', 'x'.repeat(9_000))).message, /^x{1999}…$/)
  t.ok(replied(500, `${'x'.repeat(498)}😀😀`).message.isWellFormed())
})

t.test('a key is never shown, and the client never blamed for the gateway\'s', async (t) => {
  t.equal(replied(400, flat('InvalidParameter', 'not for sk-ws-1234abcd***ef, sorry')).message, 'not for sk-***, sorry')
  t.notMatch(replied(500, `${'x'.repeat(493)} sk-1234567890`).message, '12')
  const refused = replied(401, nested('invalid_api_key', 't', 'Incorrect API key provided: sk-1234567890'))
  t.match(refused, { status: 502, message: 'The upstream refused the gateway\'s credentials.' })
  t.match(refused.cause, { message: 'Incorrect API key provided: sk-***' })
})

t.test('the status inside an error counts where the reply\'s says nothing', async (t) => {
  t.match(errorOfObject({ error: { message: 'm', code: 429 } }), { kind: 'rate_limited' })
  t.match(errorOfObject({ object: 'error', message: 'm', code: 400 }), { kind: 'invalid_request' })
  t.match(errorOfObject(JSON.parse('{"code":"Unheard","message":"<429> InternalError: slow down"}'), 200), { kind: 'rate_limited', message: /^<429>/ })
  t.match(errorOfObject({ error: { message: '<400> InternalError.Algo: m' } }, 500), { kind: 'upstream_failed' })
})

t.test('the wait an upstream states is held within a second and a minute', async (t) => {
  const wait = (headers: HeaderValues): number | undefined => replied(429, nested(null), headers).retryAfterMs
  t.equal(wait({}), undefined)
  t.equal(wait({ 'retry-after': '5' }), 5_000)
  t.equal(wait({ 'retry-after': '1.5' }), 1_500)
  t.equal(wait({ 'retry-after': '0' }), 1_000)
  t.equal(wait({ 'retry-after': '3600' }), 60_000)
  t.equal(wait({ 'retry-after-ms': '2500', 'retry-after': '9' }), 2_500)
  t.equal(wait({ 'retry-after-ms': 'soon', 'retry-after': '9' }), 9_000)
  t.equal(wait({ 'retry-after': 'later' }), undefined)
})

t.test('a wait until a date is read by the upstream\'s own clock', async (t) => {
  const wait = (headers: HeaderValues): number | undefined => replied(429, nested(null), headers).retryAfterMs
  t.equal(wait({ 'retry-after': 'Fri, 20 Nov 2026 10:00:30 GMT', date: 'Fri, 20 Nov 2026 10:00:00 GMT' }), 30_000)
  t.equal(wait({ 'retry-after': 'Fri, 20 Nov 2026 10:00:30 GMT' }), undefined)
})

t.test('a frame is an error by its name or by its status', async (t) => {
  t.equal(isErrorFrame({ type: 'error', status: undefined }), true)
  t.equal(isErrorFrame({ type: 'result', status: 429 }), true)
  t.equal(isErrorFrame({ type: 'result', status: 200 }), false)
  t.equal(isErrorFrame({ type: '', status: undefined }), false)
})
