import type { ErrorKind, GatewayError } from '../../core/errors.ts'
import type { ErrorReply } from '../../core/protocol.ts'
import type { WireError } from './wire.ts'

export const PROTOCOL_NAME = 'dashscope'

export const EMPTY_MODEL = 'Required parameter "model" missing from request.'
export const EMPTY_INPUT = 'Required input parameter missing from request.'
export const ILLEGAL_INPUT = 'The input parameter requires json format.'

/** The vendor's code for each kind, from its error catalogue. */
const CODES = {
  invalid_request: 'InvalidParameter',
  unsupported_parameter: 'InvalidParameter',
  content_filtered: 'DataInspectionFailed',
  account_overdue: 'Arrearage',
  unauthenticated: 'InvalidApiKey',
  permission_denied: 'AccessDenied',
  free_tier_exhausted: 'AllocationQuota.FreeTierOnly',
  model_not_found: 'ModelNotFound',
  not_found: 'NotFound',
  method_not_allowed: 'InvalidParameter',
  request_timeout: 'RequestTimeOut',
  conflict: 'Conflict',
  request_too_large: 'BadRequest.TooLarge',
  unsupported_media_type: 'InvalidParameter',
  headers_too_large: 'BadRequest.TooLarge',
  rate_limited: 'Throttling.RateQuota',
  burst_limited: 'Throttling.BurstRate',
  budget_exhausted: 'Throttling.AllocationQuota',
  client_closed: 'InternalError',
  internal: 'InternalError',
  upstream_failed: 'ModelServiceFailed',
  upstream_auth: 'ModelServiceFailed',
  upstream_protocol: 'ModelServiceFailed',
  no_upstream: 'ModelUnavailable',
  overloaded: 'ModelServingError',
  store_unavailable: 'ServiceUnavailable',
  upstream_timeout: 'InternalError.Timeout'
} as const satisfies Record<ErrorKind, string>

/** Refusals whose code says more than their kind's. */
const CODES_BY_MESSAGE: Readonly<Record<string, string>> = {
  [EMPTY_MODEL]: 'BadRequest.EmptyModel',
  [EMPTY_INPUT]: 'BadRequest.EmptyInput',
  [ILLEGAL_INPUT]: 'BadRequest.IllegalInput'
}

export function renderError (error: GatewayError, requestId: string): ErrorReply {
  return { status: error.status, body: Buffer.from(JSON.stringify(errorDocument(error, requestId))) }
}

export function errorDocument (error: GatewayError, requestId: string): WireError {
  const words = { code: codeOf(error), message: error.message, request_id: requestId }
  return error.limit === undefined ? words : { ...words, limit: error.limit }
}

/** An error in this protocol's words is repeated to the letter, unless it is about our key: the client would suspect its own. */
function codeOf (error: GatewayError): string {
  const { upstream, kind } = error
  if (upstream?.protocol === PROTOCOL_NAME && upstream.code !== undefined && kind !== 'upstream_auth') return upstream.code
  return CODES_BY_MESSAGE[error.message] ?? CODES[kind]
}
