import t from 'tap'
import type { GatewayError } from '../../../src/core/errors.ts'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { openai } from '../../../src/protocols/openai/index.ts'
import { refusalOf } from '../../support/refusal.ts'
import { decoded, fixture } from './samples.ts'

function failure (data: object): GatewayError {
  const last = decoded(`id:1\nevent:result\n:HTTP_STATUS/200\ndata:${JSON.stringify(data)}\n\n`).at(-1)
  if (last?.type !== 'response-error') throw new Error('the stream did not fail')
  return last.error
}

function shown (surface: typeof dashscope.surface, error: GatewayError): Record<string, any> {
  return JSON.parse(surface.renderError(error, 'r').body.toString())
}

t.test('reads the vendor\'s SSE-framed reply', async t => {
  t.match(dashscope.dialect.parseError({ status: 400, headers: {}, body: fixture('bad-request.sse') }), {
    kind: 'invalid_request', message: 'Range of max_tokens should be [1, 8192]', upstream: { protocol: 'dashscope', code: 'InvalidParameter' }
  })
})

t.test('hands no OpenAI code to a native client, and the code to the letter to an OpenAI one', async t => {
  const error = failure({ error: { message: 'm', type: 'limit_burst_rate', code: 'limit_burst_rate' } })
  t.match(shown(dashscope.surface, error), { code: 'Throttling.BurstRate', message: 'm' })
  t.match(shown(openai.surface, error), { error: { code: 'limit_burst_rate', type: 'limit_burst_rate' } })
})

t.test('repeats a native error to the letter', async t => {
  const error = failure({ code: 'Throttling.SomethingNew', message: 'm' })
  t.match(shown(dashscope.surface, error), { code: 'Throttling.SomethingNew' })
  t.match(shown(openai.surface, error), { error: { code: 'rate_limit_exceeded' } })
})

t.test('takes an answer for no error because an empty code stands beside it', async t => {
  const answer = { code: '', message: '', output: { text: 'a', finish_reason: 'stop' } }
  t.match(dashscope.dialect.parseResponse(Buffer.from(JSON.stringify(answer))).at(-1), { type: 'response-end' })
  t.equal(refusalOf(() => dashscope.dialect.parseResponse(Buffer.from('{"code":"InternalError","message":"m"}'))).kind, 'upstream_failed')
})

t.test('takes the engine\'s status where there is no other', async t => {
  t.match(failure({ code: 'Unheard', message: '<429> InternalError: slow down' }), { kind: 'rate_limited', message: '<429> InternalError: slow down' })
})
