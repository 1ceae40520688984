import t from 'tap'
import type { GatewayError } from '../../../src/core/errors.ts'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { openai } from '../../../src/protocols/openai/index.ts'
import { eventsOf } from '../../support/sse.ts'
import { fixture, targetWith } from './samples.ts'

/** The error a stream ends in. */
function failure (stream: string | Buffer): GatewayError {
  const decoder = openai.dialect.createDecoder(targetWith())
  for (const event of eventsOf(stream).flatMap((event) => decoder.decode(event))) if (event.type === 'response-error') return event.error
  throw new Error('the stream did not fail')
}

function shown (surface: typeof openai.surface, error: GatewayError): Record<string, any> {
  return JSON.parse(surface.renderError(error, 'r').body.toString())
}

t.test('reads the vendor\'s SSE-framed reply', async t => {
  t.match(openai.dialect.parseError({ status: 400, headers: {}, body: fixture('bad-request.sse') }), {
    kind: 'invalid_request',
    message: /^<400> InternalError\.Algo\.InvalidParameter: parameter\.enable_thinking/,
    upstream: { protocol: 'openai', code: 'invalid_parameter_error', requestId: /^3bb05cf5/ }
  })
})

t.test('hands no native code to an OpenAI client, and the code to the letter to a native one', async t => {
  for (const name of ['error-native-frame.sse', 'error-finish.sse']) {
    const error = failure(fixture(name))
    t.match(shown(openai.surface, error), { error: { code: 'insufficient_quota', type: 'insufficient_quota' } }, name)
    t.match(shown(dashscope.surface, error), { code: 'Throttling.AllocationQuota' }, name)
    t.notMatch(openai.surface.renderError(error, 'r').body.toString(), /Throttling/, name)
  }
})

t.test('repeats an OpenAI-shaped error to the letter', async t => {
  const frame = (error: object): string => `data: ${JSON.stringify({ error })}\n\n`
  const error = failure(frame({ message: 'm', type: 'limit_requests', code: 'limit_requests' }))
  t.match(shown(openai.surface, error), { error: { code: 'limit_requests', type: 'limit_requests', message: 'm' } })
  t.match(shown(dashscope.surface, error), { code: 'Throttling.RateQuota', message: 'm' })
})

t.test('shows no page that a model server finished its answer with', async t => {
  const page = { choices: [{ index: 0, delta: { content: '<html><body>502</body></html>' }, finish_reason: 'error_finish' }] }
  t.equal(failure(`data: ${JSON.stringify(page)}\n\n`).message, 'The upstream reported an error without a message.')
})
