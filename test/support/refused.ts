import type { Test } from 'tap'
import type { Reply } from './http.ts'
import type { Side } from './scene.ts'

/** How a refusal is worded on each side. */
export type RefusalKind = 'rate' | 'budget' | 'impossible' | 'forbidden'

interface Words { readonly status: number, readonly type: string, readonly code: string, readonly native: string }

const WORDS: Readonly<Record<RefusalKind, Words>> = {
  rate: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded', native: 'Throttling.RateQuota' },
  budget: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota', native: 'Throttling.AllocationQuota' },
  impossible: { status: 400, type: 'invalid_request_error', code: 'invalid_parameter_error', native: 'InvalidParameter' },
  forbidden: { status: 403, type: 'permission_error', code: 'access_denied', native: 'AccessDenied' }
}

export interface ExpectedRefusal {
  readonly kind: RefusalKind
  readonly message: string | RegExp
  /** As the answer shows it, to the letter; undefined where none may be shown. */
  readonly limit: object | undefined
  readonly retryAfter: string | null
  /** OpenAI's headers without their beginning: `limit-requests` and so on. No others may be there. */
  readonly rateHeaders?: Readonly<Record<string, string>>
  /** OpenAI's way to name the parameter at fault. */
  readonly param?: string
}

/** All that a client sees of a refusal, whichever side it is on and whether or not it wanted a stream. */
export function assertRefused (t: Test, surface: Side, reply: Reply, expected: ExpectedRefusal, label: string): void {
  const { status, type, code, native } = WORDS[expected.kind]
  const { kind, message, limit, param = null } = expected
  t.equal(reply.status, status, label)
  t.equal(reply.headers.get('content-type'), 'application/json; charset=utf-8')
  const requestId = reply.headers.get('x-request-id')
  const shown = surface === 'openai' ? reply.json.error : reply.json
  t.equal(reply.json.request_id, requestId)
  t.match(shown.message, message)
  t.same(withoutMessage(shown), {
    ...(surface === 'openai' ? { type, param, code } : { code: native, request_id: requestId }),
    ...(limit === undefined ? {} : { limit })
  }, `${label}: its words and the limit's figures`)
  t.equal(reply.headers.get('retry-after'), expected.retryAfter, `${label}: when to come again`)
  t.equal(reply.headers.get('x-should-retry'), kind === 'budget' ? 'false' : null, `${label}: whether to come again`)
  assertRateHeaders(t, reply, expected.rateHeaders ?? {}, label)
}

export function assertRateHeaders (t: Test, { headers }: Reply, expected: Readonly<Record<string, string>>, label: string): void {
  const shown = [...headers].filter(([name]) => name.startsWith('x-ratelimit-')).map(([name, value]) => [name.slice('x-ratelimit-'.length), value])
  t.same(Object.fromEntries(shown), expected, `${label}: x-ratelimit-*`)
}

function withoutMessage ({ message: _, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest
}
