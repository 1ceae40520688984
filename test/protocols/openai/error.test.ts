import t from 'tap'
import { ERROR_KINDS, GatewayError } from '../../../src/core/errors.ts'
import type { ErrorKind } from '../../../src/core/errors.ts'
import { openai } from '../../../src/protocols/openai/index.ts'

function rendered (error: GatewayError): { status: number, json: Record<string, unknown> } {
  const { status, body } = openai.surface.renderError(error, 'r-1')
  return { status, json: JSON.parse(body.toString()) }
}

t.test('renders every kind with its status, all four keys and the request id', async t => {
  for (const kind of Object.keys(ERROR_KINDS) as ErrorKind[]) {
    const { status, json } = rendered(new GatewayError(kind, 'm'))
    t.equal(status, ERROR_KINDS[kind].status, kind)
    t.strictSame(Object.keys(json), ['error', 'request_id'])
    t.strictSame(Object.keys(json['error'] as object), ['message', 'type', 'param', 'code'], kind)
    t.match(json, { request_id: 'r-1', error: { message: 'm', type: /^\w+$/, param: null, code: /^\w+$/ } }, kind)
  }
})

t.test('uses the words clients look for', async t => {
  const cases: readonly [ErrorKind, number, string, string][] = [
    ['invalid_request', 400, 'invalid_request_error', 'invalid_parameter_error'],
    ['unauthenticated', 401, 'invalid_request_error', 'invalid_api_key'],
    ['model_not_found', 404, 'invalid_request_error', 'model_not_found'],
    ['rate_limited', 429, 'rate_limit_error', 'rate_limit_exceeded'],
    ['burst_limited', 429, 'limit_burst_rate', 'limit_burst_rate'],
    ['budget_exhausted', 429, 'insufficient_quota', 'insufficient_quota']
  ]
  for (const [kind, status, type, code] of cases) t.match(rendered(new GatewayError(kind, 'm')), { status, json: { error: { type, code } } }, kind)
})

t.test('repeats an upstream of the same protocol to the letter', async t => {
  const upstream = { protocol: 'openai', status: 429, code: 'limit_requests', type: 'limit_requests' }
  t.match(rendered(new GatewayError('rate_limited', 'm', { upstream })).json, { error: { type: 'limit_requests', code: 'limit_requests' } })
  t.match(rendered(new GatewayError('invalid_request', 'm', { param: 'seed', upstream: { protocol: 'openai', type: 'invalid_request_error' } })).json,
    { error: { type: 'invalid_request_error', code: null, param: 'seed' } })
})

t.test('translates any other upstream, and never repeats its word on the gateway\'s key', async t => {
  const native = { protocol: 'dashscope', code: 'Throttling.RateQuota' }
  t.match(rendered(new GatewayError('rate_limited', 'm', { upstream: native })).json, { error: { code: 'rate_limit_exceeded' } })
  const upstream = { protocol: 'openai', status: 401, code: 'invalid_api_key', type: 'invalid_request_error' }
  t.match(rendered(new GatewayError('upstream_auth', 'm', { upstream })), { status: 502, json: { error: { code: 'upstream_auth_failed' } } })
})

t.test('shows the message and never the cause', async t => {
  t.notMatch(openai.surface.renderError(GatewayError.from(new Error('secret')), 'r').body.toString(), 'secret')
})
