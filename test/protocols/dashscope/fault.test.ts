import t from 'tap'
import type { ErrorKind } from '../../../src/core/errors.ts'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { fixture } from './samples.ts'

function parsed (status: number, body: object | string | Buffer, headers: Record<string, string> = {}) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return dashscope.dialect.parseError({ status, headers, body: bytes })
}

t.test('maps codes exactly, then by their family, then by status', async t => {
  const cases: readonly [number, string | undefined, ErrorKind][] = [
    [400, 'InvalidParameter', 'invalid_request'],
    [400, 'InvalidParameter.NotSupportEnableThinking', 'invalid_request'],
    [400, 'InternalError.Algo.InvalidParameter', 'invalid_request'],
    [400, 'BadRequest.EmptyInput', 'invalid_request'],
    [400, 'BadRequest.TooLarge', 'request_too_large'],
    [400, 'DataInspectionFailed', 'content_filtered'],
    [400, 'Arrearage', 'account_overdue'],
    [401, 'InvalidApiKey', 'upstream_auth'],
    [403, 'AccessDenied.Unpurchased', 'permission_denied'],
    [403, 'Workspace.AccessDenied', 'permission_denied'],
    [403, 'AllocationQuota.FreeTierOnly', 'free_tier_exhausted'],
    [404, 'ModelNotFound', 'model_not_found'],
    [429, 'Throttling', 'rate_limited'],
    [429, 'Throttling.RateQuota', 'rate_limited'],
    [429, 'Throttling.BurstRate', 'burst_limited'],
    [429, 'Throttling.AllocationQuota', 'budget_exhausted'],
    [500, 'InternalError.Algo', 'upstream_failed'],
    [500, 'RequestTimeOut', 'upstream_timeout'],
    [503, 'ModelUnavailable', 'upstream_failed'],
    [400, 'New.Code', 'invalid_request'],
    [401, undefined, 'upstream_auth'],
    [404, undefined, 'not_found'],
    [422, undefined, 'invalid_request'],
    [429, undefined, 'rate_limited'],
    [502, undefined, 'upstream_failed'],
    [504, undefined, 'upstream_timeout']
  ]
  for (const [status, code, kind] of cases) {
    const error = parsed(status, { ...(code === undefined ? {} : { code }), message: 'm', request_id: 'r' })
    t.match(error, { kind, upstream: { protocol: 'dashscope', status, requestId: 'r' } }, `${status} ${code}`)
  }
})

t.test('reads a body in any of its shapes', async t => {
  t.match(parsed(404, { error: { message: 'm', type: 'invalid_request_error', code: 'model_not_found' } }),
    { kind: 'model_not_found', message: 'm', upstream: { code: 'model_not_found', type: 'invalid_request_error' } })
  t.match(parsed(400, fixture('bad-request.sse')), { kind: 'invalid_request', message: 'Range of max_tokens should be [1, 8192]', upstream: { code: 'InvalidParameter' } })
  t.match(parsed(502, '<html>bad gateway</html>', { 'x-request-id': 'h' }), { kind: 'upstream_failed', message: '<html>bad gateway</html>', upstream: { requestId: 'h' } })
  t.equal(parsed(500, 'x'.repeat(9_000)).message.length, 500)
  t.match(parsed(500, ''), { message: 'The upstream answered with status 500.' })
})

t.test('shows a 4xx of the upstream\'s where that says more, and never a 401', async t => {
  t.equal(parsed(422, { code: 'InvalidParameter', message: 'm' }).status, 422)
  t.equal(parsed(400, { code: 'Throttling.RateQuota', message: 'm' }).status, 429)
  const auth = parsed(401, { code: 'InvalidApiKey', message: 'Incorrect key sk-abcdef' })
  t.equal(auth.status, 502)
  t.notMatch(auth.message, /sk-/)
})

t.test('masks keys', async t => {
  t.equal(parsed(400, { code: 'InvalidParameter', message: 'not for sk-ws-1234abcd***ef, sorry' }).message, 'not for sk-***, sorry')
})

t.test('waits as the upstream says, within what clients can wait', async t => {
  const wait = (headers: Record<string, string>) => parsed(429, {}, headers).retryAfterMs
  t.equal(wait({ 'retry-after': '5' }), 5_000)
  t.equal(wait({ 'retry-after': '0' }), 1_000)
  t.equal(wait({ 'retry-after': '3600' }), 60_000)
  t.equal(wait({ 'retry-after-ms': '1500', 'retry-after': '9' }), 1_500)
  t.equal(wait({ 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }), undefined)
  t.equal(wait({}), undefined)
})

t.test('takes the engine\'s status where there is no other', async t => {
  const [error] = dashscope.dialect.createDecoder(undefined as never).decode({
    raw: Buffer.alloc(0), type: 'result', status: 200, data: '{"code":"Unheard","message":"<429> InternalError: slow down"}'
  })
  t.match(error, { type: 'response-error', error: { kind: 'rate_limited', message: '<429> InternalError: slow down' } })
})
