import t from 'tap'
import { ERROR_KINDS, GatewayError, invalidParameter } from '../../src/core/errors.ts'
import type { ErrorKind } from '../../src/core/errors.ts'

t.test('a kind has one status, and only a failure that another upstream may not share is tried again', async (t) => {
  const retryable: ErrorKind[] = []
  for (const [kind, { status, retryable: mayRetry }] of Object.entries(ERROR_KINDS) as [ErrorKind, { status: number, retryable: boolean }][]) {
    t.equal(new GatewayError(kind, 'x').status, status)
    t.ok(Number.isInteger(status) && status >= 400 && status <= 599, `${kind} ${status}`)
    if (mayRetry) retryable.push(kind)
  }
  t.same(retryable.sort(), [
    'account_overdue', 'budget_exhausted', 'burst_limited', 'free_tier_exhausted', 'rate_limited', 'upstream_auth', 'upstream_failed'
  ])
})

t.test('an error carries what its thrower knows, and the cause is for the log', async (t) => {
  const cause = new Error('secret')
  const error = new GatewayError('rate_limited', 'Slow down.', { param: 'n', status: 403, retryAfterMs: 1_000, upstream: { protocol: 'openai', code: 'x' }, cause })
  t.match(error, { name: 'GatewayError', kind: 'rate_limited', message: 'Slow down.', status: 403, param: 'n', retryAfterMs: 1_000, upstream: { protocol: 'openai', code: 'x' } })
  t.equal(error.cause, cause)
  t.notOk(error.message.includes('secret'))
  t.notOk('cause' in new GatewayError('internal', 'x'), 'no cause is no member')
})

t.test('whatever is caught becomes one of our errors and tells nothing of itself', async (t) => {
  const known = invalidParameter('seed', 'Range of seed')
  t.equal(GatewayError.from(known), known)
  t.match(known, { kind: 'invalid_request', status: 400, param: 'seed', message: 'Range of seed' })
  for (const caught of [new TypeError('sk-secret'), 'sk-secret', undefined, null, { code: 'sk-secret' }]) {
    const error = GatewayError.from(caught)
    t.match(error, { kind: 'internal', status: 500, message: 'An internal error has occurred in the gateway.' })
    t.equal(error.cause, caught)
  }
})
