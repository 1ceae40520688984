import Type from 'typebox'
import { ERROR_KINDS } from '../core/errors.ts'
import { isWrite } from './route.ts'
import type { AdminRoute } from './route.ts'
import type { ErrorKind } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'

interface Refusal {
  readonly name: string
  readonly description: string
  readonly example: string
  readonly field?: string
  /** Whether the answer may say when to try again. */
  readonly retries?: true
}

/** Every way in which the admin API says no. */
const REFUSALS = {
  invalid_request: { name: 'InvalidRequest', description: 'Something that was sent is wrong; field names the first of it.', example: 'concurrent_requests must be a whole number.', field: 'concurrent_requests' },
  unauthenticated: { name: 'Unauthenticated', description: 'The token is missing, wrong, revoked or expired.', example: 'The admin token is missing or wrong. Send it as "Authorization: Bearer <token>".' },
  permission_denied: { name: 'PermissionDenied', description: 'The token\'s role may not do this.', example: 'The role viewer may not do this.' },
  not_found: { name: 'NotFound', description: 'There is no such thing, or none that the token may know of.', example: 'There is no such team.', field: 'team' },
  conflict: { name: 'Conflict', description: 'It is otherwise by now than the request takes it to be, or its Idempotency-Key is taken.', example: 'The revision is 2 by now.', field: 'revision', retries: true },
  request_too_large: { name: 'TooLarge', description: 'The body is larger than 1 MiB.', example: 'The body is larger than 1 MiB.' },
  unsupported_media_type: { name: 'UnsupportedMediaType', description: 'The body is no JSON.', example: 'The content type must be application/json.' },
  rate_limited: { name: 'RateLimited', description: 'Too many wrong tokens came from this address.', example: 'Too many wrong admin tokens came from this address. Try again later.', retries: true },
  internal: { name: 'Internal', description: 'A fault of the gateway\'s. Its log says more.', example: 'An internal error has occurred in the gateway.' },
  store_unavailable: { name: 'Unavailable', description: 'The store is away, or too much is under way.', example: 'The store of teams and keys cannot be reached. Try again shortly.', retries: true }
} as const satisfies Partial<Record<ErrorKind, Refusal>>

type RefusalKind = keyof typeof REFUSALS

/** The answer of status 503 for want of a place. */
const FURTHER_CODES: readonly ErrorKind[] = ['overloaded', 'method_not_allowed']

export const errorSchema = Type.Object({
  error: Type.Object({
    code: Type.Enum([...Object.keys(REFUSALS), ...FURTHER_CODES]),
    message: Type.String({ description: 'For people.' }),
    field: Type.Optional(Type.String({ description: 'What is at fault, such as budgets[0].amount.' }))
  }, { additionalProperties: false })
}, { additionalProperties: false, title: 'Error' })

/** All refusals by their names. */
export function errorResponses (schema: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries<Refusal>(REFUSALS).map(([code, refusal]) => {
    const { name, description, example: message, field, retries } = refusal
    const example = { error: { code, message, ...field === undefined ? {} : { field } } }
    const headers = retries === undefined ? {} : { headers: { 'Retry-After': RETRY_AFTER } }
    return [name, { description, ...headers, content: { 'application/json': { schema, example } } }]
  }))
}

const RETRY_AFTER: JsonObject = { description: 'Seconds after which it may be tried again.', schema: { type: 'integer', minimum: 1 } }

/** How a route may refuse: statuses and the names of the responses. */
export function statusesOf (route: AdminRoute): (readonly [status: string, name: string])[] {
  const may: Readonly<Record<RefusalKind, boolean>> = {
    invalid_request: true,
    unauthenticated: true,
    permission_denied: route.access.team === false || !route.access.viewer,
    not_found: route.path.includes(':') || route.access.team === 'own' || isWrite(route),
    conflict: isWrite(route),
    request_too_large: route.body !== undefined,
    unsupported_media_type: route.body !== undefined,
    rate_limited: true,
    internal: true,
    store_unavailable: true
  }
  return (Object.keys(REFUSALS) as RefusalKind[]).filter((kind) => may[kind])
    .map((kind) => [String(ERROR_KINDS[kind].status), REFUSALS[kind].name] as const)
}
