import type { Dialect } from './call.ts'
import type { JsonObject } from './wire-json.ts'

/** A refusal by the service. Both dialects say the same thing with another code and another shape. */
export interface VendorError {
  readonly status: number
  readonly code: string
  readonly message: string
  /** The compatible mode's words where they differ from the native ones. */
  readonly compatible?: { readonly code?: string, readonly message?: string }
}

/** The codes of the compatible mode by the native ones, with the `type` that goes with them. */
const COMPATIBLE: Readonly<Record<string, readonly [code: string, type: string]>> = {
  InvalidParameter: ['invalid_parameter_error', 'invalid_request_error'],
  InvalidApiKey: ['invalid_api_key', 'invalid_request_error'],
  DataInspectionFailed: ['data_inspection_failed', 'data_inspection_failed'],
  Arrearage: ['Arrearage', 'Arrearage'],
  AccessDenied: ['access_denied', 'invalid_request_error'],
  ModelNotFound: ['model_not_found', 'invalid_request_error'],
  NotFound: ['not_found', 'invalid_request_error'],
  'Throttling.RateQuota': ['limit_requests', 'limit_requests'],
  'Throttling.AllocationQuota': ['insufficient_quota', 'insufficient_quota'],
  InternalError: ['internal_error', 'internal_error'],
  ModelUnavailable: ['service_unavailable', 'server_error'],
  RequestTimeOut: ['request_timeout', 'internal_error']
}
const COMPATIBLE_OTHERWISE = ['invalid_parameter_error', 'invalid_request_error'] as const

export function invalidParameter (message: string): VendorError {
  return { status: 400, code: 'InvalidParameter', message }
}

/** A refusal by the engine behind the service: the compatible mode lets its prefix through. */
export function engineRefusal (message: string): VendorError {
  return { ...invalidParameter(message), compatible: { message: `<400> InternalError.Algo.InvalidParameter: ${message}` } }
}

/** What the service usually says with a status. */
export function errorOfStatus (status: number): VendorError {
  const known = STATUS_ERRORS[status]
  if (known !== undefined) return { status, ...known }
  return status < 500 ? { ...invalidParameter('Required body invalid, please check the request body format.'), status } : { status, ...INTERNAL_ERROR }
}

const INTERNAL_ERROR = {
  code: 'InternalError', message: 'An internal error has occured, please try again later or contact service support.'
}
const STATUS_ERRORS: Readonly<Record<number, Omit<VendorError, 'status'>>> = {
  401: { code: 'InvalidApiKey', message: 'Invalid API-key provided.', compatible: { message: 'Incorrect API key provided.' } },
  403: { code: 'AccessDenied', message: 'Access denied.' },
  404: { code: 'ModelNotFound', message: 'Model can not be found.' },
  429: { code: 'Throttling.RateQuota', message: 'Requests rate limit exceeded, please try again later.' },
  500: INTERNAL_ERROR,
  503: { code: 'ModelUnavailable', message: 'Model is unavailable, please try again later.' },
  504: { code: 'RequestTimeOut', message: 'Request timed out, please try again later.' }
}

/** The flat native body, or the compatible mode's nested one. */
export function errorDocument (error: VendorError, dialect: Dialect, requestId: string): JsonObject {
  if (dialect === 'native') return { code: error.code, message: error.message, request_id: requestId }
  const [code, type] = COMPATIBLE[error.code] ?? COMPATIBLE_OTHERWISE
  return {
    error: { code: error.compatible?.code ?? code, param: null, message: error.compatible?.message ?? error.message, type },
    id: `chatcmpl-${requestId}`,
    request_id: requestId
  }
}
