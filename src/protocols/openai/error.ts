import type { ErrorKind, GatewayError } from '../../core/errors.ts'
import type { ErrorReply } from '../../core/protocol.ts'
import { PROTOCOL } from './wire.ts'
import type { WireError } from './wire.ts'

/** How each kind is worded where no upstream of this protocol has worded it already. */
const WORDING = {
  invalid_request: { type: 'invalid_request_error', code: 'invalid_parameter_error' },
  unsupported_parameter: { type: 'invalid_request_error', code: 'unsupported_parameter' },
  content_filtered: { type: 'invalid_request_error', code: 'data_inspection_failed' },
  account_overdue: { type: 'Arrearage', code: 'Arrearage' },
  unauthenticated: { type: 'invalid_request_error', code: 'invalid_api_key' },
  permission_denied: { type: 'permission_error', code: 'access_denied' },
  free_tier_exhausted: { type: 'insufficient_quota', code: 'insufficient_quota' },
  model_not_found: { type: 'invalid_request_error', code: 'model_not_found' },
  not_found: { type: 'invalid_request_error', code: 'not_found' },
  method_not_allowed: { type: 'invalid_request_error', code: 'method_not_allowed' },
  request_timeout: { type: 'invalid_request_error', code: 'request_timeout' },
  conflict: { type: 'invalid_request_error', code: 'conflict' },
  request_too_large: { type: 'invalid_request_error', code: 'request_too_large' },
  unsupported_media_type: { type: 'invalid_request_error', code: 'unsupported_media_type' },
  headers_too_large: { type: 'invalid_request_error', code: 'headers_too_large' },
  rate_limited: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  burst_limited: { type: 'limit_burst_rate', code: 'limit_burst_rate' },
  budget_exhausted: { type: 'insufficient_quota', code: 'insufficient_quota' },
  client_closed: { type: 'server_error', code: 'client_closed_request' },
  internal: { type: 'server_error', code: 'internal_error' },
  upstream_failed: { type: 'server_error', code: 'upstream_failed' },
  upstream_auth: { type: 'server_error', code: 'upstream_auth_failed' },
  upstream_protocol: { type: 'server_error', code: 'upstream_protocol_error' },
  no_upstream: { type: 'server_error', code: 'service_unavailable' },
  overloaded: { type: 'server_error', code: 'overloaded' },
  store_unavailable: { type: 'server_error', code: 'service_unavailable' },
  upstream_timeout: { type: 'server_error', code: 'request_timeout' }
} as const satisfies Record<ErrorKind, { type: string, code: string }>

export function renderError (error: GatewayError, requestId: string): ErrorReply {
  return { status: error.status, body: Buffer.from(errorJson(error, requestId)) }
}

/** The body of an error reply and, behind `data: `, of a stream that fails. OpenAI's clients need all four keys. */
export function errorJson (error: GatewayError, requestId: string): string {
  return JSON.stringify({ error: wireError(error), request_id: requestId })
}

function wireError (error: GatewayError): WireError {
  const { type, code } = wordingOf(error)
  const words = { message: error.message, type, param: error.param ?? null, code }
  return error.limit === undefined ? words : { ...words, limit: error.limit }
}

/** An error in this protocol's words is repeated to the letter. */
function wordingOf (error: GatewayError): { type: string, code: string | null } {
  const { upstream } = error
  const own = WORDING[error.kind]
  // The upstream's word on our key would tell the client that its own is wrong.
  if (upstream?.protocol !== PROTOCOL || error.kind === 'upstream_auth') return own
  if (upstream.code === undefined && upstream.type === undefined) return own
  return { type: upstream.type ?? own.type, code: upstream.code ?? null }
}
