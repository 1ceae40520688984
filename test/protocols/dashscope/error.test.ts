import t from 'tap'
import { ERROR_KINDS, GatewayError } from '../../../src/core/errors.ts'
import type { ErrorKind } from '../../../src/core/errors.ts'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { refusalOf } from '../../support/refusal.ts'
import { callOf, opened } from './samples.ts'

const { renderError } = dashscope.surface

function rendered (error: GatewayError): { status: number, text: string } {
  const { status, body } = renderError(error, 'r')
  return { status, text: body.toString() }
}

t.test('writes three strings and nothing else', async t => {
  t.strictSame(rendered(new GatewayError('invalid_request', 'm', { param: 'input' })),
    { status: 400, text: '{"code":"InvalidParameter","message":"m","request_id":"r"}' })
})

t.test('has the vendor\'s code for the refusals it knows', async t => {
  const code = (kind: ErrorKind) => JSON.parse(rendered(new GatewayError(kind, 'm')).text).code
  t.strictSame((['unauthenticated', 'permission_denied', 'model_not_found', 'rate_limited', 'burst_limited', 'budget_exhausted', 'content_filtered',
    'request_too_large', 'no_upstream'] as const).map(code), ['InvalidApiKey', 'AccessDenied', 'ModelNotFound', 'Throttling.RateQuota',
    'Throttling.BurstRate', 'Throttling.AllocationQuota', 'DataInspectionFailed', 'BadRequest.TooLarge', 'ModelUnavailable'])
  for (const kind of Object.keys(ERROR_KINDS) as ErrorKind[]) {
    t.match(rendered(new GatewayError(kind, 'm')), { status: ERROR_KINDS[kind].status, text: /^\{"code":"[A-Za-z.]+"/ }, kind)
  }
})

t.test('names what is missing as the vendor does', async t => {
  const code = (body: object) => JSON.parse(rendered(refusalOf(() => opened(callOf(body)))).text).code
  t.equal(code({ model: undefined }), 'BadRequest.EmptyModel')
  t.equal(code({ input: undefined }), 'BadRequest.EmptyInput')
  t.equal(code({ input: 7 }), 'BadRequest.IllegalInput')
})

t.test('repeats this vendor\'s code to the letter, unless it speaks of our key', async t => {
  const upstream = { protocol: 'dashscope', code: 'AccessDenied.Unpurchased' }
  t.match(rendered(new GatewayError('permission_denied', 'm', { upstream })).text, /"AccessDenied.Unpurchased"/)
  t.match(rendered(new GatewayError('permission_denied', 'm', { upstream: { ...upstream, protocol: 'openai' } })).text, /"AccessDenied"/)
  t.match(rendered(new GatewayError('upstream_auth', 'm', { upstream: { protocol: 'dashscope', code: 'InvalidApiKey' } })).text, /"ModelServiceFailed"/)
})
