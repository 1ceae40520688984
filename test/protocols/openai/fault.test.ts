import t from 'tap'
import type { GatewayError } from '../../../src/core/errors.ts'
import type { HeaderValues } from '../../../src/core/protocol.ts'
import { openai } from '../../../src/protocols/openai/index.ts'
import { fixture } from './samples.ts'

function parsed (status: number, body: object | string | Buffer, headers: HeaderValues = {}): GatewayError {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return openai.dialect.parseError({ status, headers, body: bytes })
}

function nested (code: string | null, type = 'invalid_request_error', message = 'm'): object {
  return { error: { message, type, param: null, code } }
}

t.test('tells the kinds of error apart by code, then type, then status', async t => {
  const cases: readonly [number, object | string, string, number][] = [
    [400, nested('invalid_parameter_error'), 'invalid_request', 400],
    [400, nested(null), 'invalid_request', 400],
    [400, nested('context_length_exceeded'), 'invalid_request', 400],
    [422, nested(null), 'invalid_request', 422],
    [415, nested(null), 'invalid_request', 415],
    [400, nested('unsupported_parameter'), 'unsupported_parameter', 400],
    [400, nested('data_inspection_failed', 'data_inspection_failed'), 'content_filtered', 400],
    [400, nested('content_policy_violation'), 'content_filtered', 400],
    [400, nested('Arrearage', 'Arrearage'), 'account_overdue', 400],
    [401, nested('invalid_api_key'), 'upstream_auth', 502],
    [401, nested(null), 'upstream_auth', 502],
    [403, nested(null), 'upstream_auth', 502],
    [403, nested('access_denied'), 'permission_denied', 403],
    [403, { code: 'Model.AccessDenied', message: 'Model access denied.' }, 'permission_denied', 403],
    [403, { code: 'AccessDenied.Unpurchased', message: 'm' }, 'permission_denied', 403],
    [403, { code: 'AllocationQuota.FreeTierOnly', message: 'm' }, 'free_tier_exhausted', 403],
    [404, nested('model_not_found'), 'model_not_found', 404],
    [404, { code: 'ModelNotFound', message: 'm' }, 'model_not_found', 404],
    [404, nested('something_else'), 'not_found', 404],
    [404, '<html>nginx</html>', 'upstream_protocol', 502],
    [408, nested(null), 'upstream_timeout', 504],
    [409, nested('Conflict'), 'conflict', 409],
    [413, nested(null), 'request_too_large', 413],
    [429, nested(null), 'rate_limited', 429],
    [429, nested('limit_requests', 'limit_requests'), 'rate_limited', 429],
    [429, nested('rate_limit_exceeded', 'requests'), 'rate_limited', 429],
    [429, nested('limit_burst_rate', 'limit_burst_rate'), 'burst_limited', 429],
    [429, nested('insufficient_quota', 'insufficient_quota'), 'budget_exhausted', 429],
    [429, nested(null, 'insufficient_quota'), 'budget_exhausted', 429],
    [429, { code: 'Throttling.AllocationQuota', message: 'm' }, 'budget_exhausted', 429],
    [429, { code: 'Throttling.SomethingNew', message: 'm' }, 'rate_limited', 429],
    [500, nested('internal_error', 'internal_error'), 'upstream_failed', 502],
    [500, { code: 'InternalError.Algo', message: 'm' }, 'upstream_failed', 502],
    [500, { code: 'RequestTimeOut', message: 'm' }, 'upstream_timeout', 504],
    [500, { code: 'InternalError.Timeout', message: 'm' }, 'upstream_timeout', 504],
    [503, nested(null), 'upstream_failed', 502],
    [504, 'gateway timeout', 'upstream_timeout', 504],
    [500, 'oops', 'upstream_failed', 502],
    [302, '', 'upstream_failed', 502]
  ]
  for (const [status, body, kind, clientStatus] of cases) {
    t.match(parsed(status, body), { kind, status: clientStatus }, `${status} ${JSON.stringify(body)}`)
  }
})

t.test('keeps what the upstream said', async t => {
  const error = parsed(400, {
    error: { message: "-1 is lesser than the minimum of 0 - 'seed'", type: 'invalid_request_error', param: 'seed', code: 'invalid_value' },
    request_id: 'r1'
  })
  t.match(error, {
    message: "-1 is lesser than the minimum of 0 - 'seed'",
    param: 'seed',
    upstream: { protocol: 'openai', status: 400, code: 'invalid_value', type: 'invalid_request_error', requestId: 'r1' }
  })
  t.match(parsed(500, 'oops', { 'x-request-id': 'r2' }).upstream, { requestId: 'r2', status: 500 })
})

t.test('reads an SSE-framed body whatever its content type says', async t => {
  t.match(parsed(400, fixture('bad-request.sse')), {
    kind: 'invalid_request',
    message: /^<400> InternalError\.Algo\.InvalidParameter: parameter\.enable_thinking/,
    upstream: { code: 'invalid_parameter_error', requestId: /^3bb05cf5/ }
  })
  const frame = 'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"InvalidParameter","message":"m","request_id":"r"}\n\n'
  t.match(parsed(400, frame), { kind: 'invalid_request', message: 'm', upstream: { code: 'InvalidParameter', requestId: 'r' } })
})

t.test('cuts text that is no error object, and says the status where there is none', async t => {
  t.equal(parsed(500, 'x'.repeat(9_000)).message.length, 500)
  t.equal(parsed(500, nested(null, 't', 'x'.repeat(9_000))).message.length, 2_000)
  t.match(parsed(503, '').message, '503')
  t.match(parsed(500, '{"error":{}}').message, 'without a message')
})

t.test('never shows a key, and never blames the client for the gateway\'s', async t => {
  t.equal(parsed(400, nested(null, 't', 'Bad key sk-ws-abc.DEF_123 here')).message, 'Bad key sk-*** here')
  t.notMatch(parsed(500, 'key sk-1234567890').message, '1234567890')
  const refused = parsed(401, nested('invalid_api_key', 't', 'Incorrect API key provided: sk-1234567890'))
  t.match(refused, { status: 502, message: 'The upstream refused the gateway\'s credentials.' })
  t.match(refused.cause, { message: 'Incorrect API key provided: sk-***' })
})

t.test('reads how long to wait, within a second and a minute', async t => {
  const wait = (headers: HeaderValues) => parsed(429, nested(null), headers).retryAfterMs
  t.equal(wait({}), undefined)
  t.equal(wait({ 'retry-after': '5' }), 5_000)
  t.equal(wait({ 'retry-after': '1.5' }), 1_500)
  t.equal(wait({ 'retry-after': '0' }), 1_000)
  t.equal(wait({ 'retry-after': '3600' }), 60_000)
  t.equal(wait({ 'retry-after-ms': '2500', 'retry-after': '9' }), 2_500)
  t.equal(wait({ 'retry-after-ms': 'soon', 'retry-after': '9' }), 9_000)
  t.equal(wait({ 'retry-after': 'Fri, 20 Nov 2026 10:00:30 GMT', date: 'Fri, 20 Nov 2026 10:00:00 GMT' }), 30_000)
  t.equal(wait({ 'retry-after': 'Fri, 20 Nov 2026 10:00:30 GMT' }), undefined)
  t.equal(wait({ 'retry-after': 'later' }), undefined)
})
