import { ERROR_KINDS, GatewayError } from '../../core/errors.ts'
import type { ErrorKind, UpstreamFault } from '../../core/errors.ts'
import { isObject, objectAt, parseJsonObject, stringAt } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import type { HeaderValues, UpstreamReply } from '../../core/protocol.ts'
import { PROTOCOL_NAME } from './error.ts'

/** The vendor's codes, native and compatible: its newer hosts answer either shape here. Source: DashScope's error catalogue. */
const KINDS: Readonly<Record<string, ErrorKind>> = {
  InvalidParameter: 'invalid_request',
  DataInspectionFailed: 'content_filtered',
  data_inspection_failed: 'content_filtered',
  content_filter: 'content_filtered',
  IPInfringementSuspect: 'content_filtered',
  FaqRuleBlocked: 'content_filtered',
  CustomRoleBlocked: 'content_filtered',
  Arrearage: 'account_overdue',
  CommodityNotPurchased: 'account_overdue',
  PrepaidBillOverdue: 'account_overdue',
  PostpaidBillOverdue: 'account_overdue',
  InvalidApiKey: 'upstream_auth',
  invalid_api_key: 'upstream_auth',
  'NOT AUTHORIZED': 'upstream_auth',
  AccessDenied: 'permission_denied',
  access_denied: 'permission_denied',
  'AllocationQuota.FreeTierOnly': 'free_tier_exhausted',
  ModelNotFound: 'model_not_found',
  model_not_found: 'model_not_found',
  model_not_supported: 'model_not_found',
  NotFound: 'not_found',
  WorkSpaceNotFound: 'not_found',
  Conflict: 'conflict',
  'BadRequest.TooLarge': 'request_too_large',
  LimitRequests: 'rate_limited',
  limit_requests: 'rate_limited',
  'Throttling.BurstRate': 'burst_limited',
  limit_burst_rate: 'burst_limited',
  'Throttling.AllocationQuota': 'budget_exhausted',
  insufficient_quota: 'budget_exhausted',
  RequestTimeOut: 'upstream_timeout',
  request_timeout: 'upstream_timeout',
  ResponseTimeout: 'upstream_timeout',
  'InternalError.Timeout': 'upstream_timeout',
  ModelUnavailable: 'upstream_failed',
  ModelServingError: 'upstream_failed',
  ModelServiceFailed: 'upstream_failed',
  SystemError: 'upstream_failed',
  internal_error: 'upstream_failed'
}

/** For codes the table lacks, in this order: `InternalError.Algo.InvalidParameter` is the client's mistake. */
const KINDS_BY_PATTERN: readonly (readonly [RegExp, ErrorKind])[] = [
  [/(?:^|\.)InvalidParameter(?:\.|$)/, 'invalid_request'],
  [/^BadRequest(?:\.|$)/, 'invalid_request'],
  [/^Throttling(?:\.|$)/, 'rate_limited'],
  [/^AccessDenied\.|\.AccessDenied$/, 'permission_denied'],
  [/^InternalError(?:\.|$)/, 'upstream_failed']
]

const KINDS_BY_STATUS: Readonly<Record<number, ErrorKind>> = {
  401: 'upstream_auth',
  403: 'permission_denied',
  404: 'not_found',
  408: 'upstream_timeout',
  409: 'conflict',
  413: 'request_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  504: 'upstream_timeout'
}

const MESSAGE_CHARACTERS_MAX = 4_000
const RAW_MESSAGE_CHARACTERS_MAX = 500
const RETRY_AFTER_MS_MIN = 1_000
const RETRY_AFTER_MS_MAX = 60_000
const SECRET = /\bsk-[\w*.-]{4,}/g
const ENGINE_STATUS = /^<(\d{3})> /
const FIRST_DATA_LINE = /^data: ?(.*)$/m
const FRAME_STATUS = /^:HTTP_STATUS\/(\d{3})/m

/** What an upstream said about a failure, as far as it can be read. */
interface Fault {
  readonly status: number | undefined
  readonly code: string | undefined
  readonly type: string | undefined
  readonly message: string
  readonly requestId: string | undefined
}

/**
 * The error an upstream answered with. Its body may be JSON in either protocol's shape, or an SSE frame even where the
 * content type says JSON, so the content type is not asked.
 */
export function parseError (reply: UpstreamReply): GatewayError {
  const text = reply.body.toString('utf8')
  const framed = FIRST_DATA_LINE.exec(text)?.[1]
  const document = parseJsonObject(text) ?? (framed === undefined ? undefined : parseJsonObject(framed))
  const fault = document === undefined ? undefined : faultOf(document)
  const headerId = reply.headers['x-request-id']
  const frameStatus = FRAME_STATUS.exec(text)?.[1]
  return errorOf({
    status: reply.status >= 400 ? reply.status : frameStatus === undefined ? undefined : Number(frameStatus),
    code: fault?.code,
    type: fault?.type,
    message: fault?.message ?? rawMessage(text, reply.status),
    requestId: fault?.requestId ?? headerId
  }, retryAfterMsOf(reply.headers))
}

function rawMessage (text: string, status: number): string {
  return text.trim().slice(0, RAW_MESSAGE_CHARACTERS_MAX) || `The upstream answered with status ${status}.`
}

/** The error of a frame that says it is one, by its event name or its status. */
export function frameError (data: string, status: number | undefined): GatewayError {
  const document = parseJsonObject(data)
  const fault = document === undefined ? undefined : faultOf(document)
  return errorOf({
    code: fault?.code,
    type: fault?.type,
    message: fault?.message ?? rawMessage(data, status ?? 200),
    requestId: fault?.requestId,
    status
  })
}

/** The error a document is that came as if it were an answer, or undefined. An answer may have an empty `code` beside it. */
export function faultIn (document: JsonObject): GatewayError | undefined {
  if (isObject(document['output'])) return undefined
  const fault = faultOf(document)
  return fault === undefined ? undefined : errorOf(fault)
}

function faultOf (document: JsonObject): Fault | undefined {
  const nested = objectAt(document, 'error')
  const code = stringAt(nested ?? document, 'code')
  const message = stringAt(nested ?? document, 'message')
  if (nested === undefined && !isSaid(code) && !isSaid(message)) return undefined
  return {
    status: undefined,
    code: isSaid(code) ? code : undefined,
    type: stringAt(nested ?? document, 'type'),
    message: message ?? code ?? 'The upstream gave no reason.',
    requestId: stringAt(document, 'request_id') ?? stringAt(document, 'requestId')
  }
}

function isSaid (text: string | undefined): boolean {
  return text !== undefined && text !== ''
}

function errorOf (fault: Fault, retryAfterMs?: number): GatewayError {
  const engineStatus = ENGINE_STATUS.exec(fault.message)?.[1]
  const status = fault.status ?? (engineStatus === undefined ? undefined : Number(engineStatus))
  const kind = kindOf(fault.code, status)
  const upstream: UpstreamFault = {
    protocol: PROTOCOL_NAME,
    ...(status === undefined ? {} : { status }),
    ...(fault.code === undefined ? {} : { code: fault.code }),
    ...(fault.type === undefined ? {} : { type: fault.type }),
    ...(fault.requestId === undefined ? {} : { requestId: fault.requestId })
  }
  // The key at fault is the gateway's. What the upstream says about it reaches the log alone, as the cause.
  if (kind === 'upstream_auth') {
    const cause = new Error(masked(fault.message))
    return new GatewayError(kind, 'The upstream refused the credentials of the gateway.', { upstream, retryAfterMs, cause })
  }
  return new GatewayError(kind, masked(fault.message), {
    upstream, retryAfterMs, status: status !== undefined && isMoreExact(status, kind) ? status : undefined
  })
}

function kindOf (code: string | undefined, status: number | undefined): ErrorKind {
  if (code !== undefined) {
    const known = Object.hasOwn(KINDS, code) ? KINDS[code] : KINDS_BY_PATTERN.find(([pattern]) => pattern.test(code))?.[1]
    if (known !== undefined) return known
  }
  const isRefusal = status !== undefined && status >= 400 && status < 500
  return KINDS_BY_STATUS[status ?? 500] ?? (isRefusal ? 'invalid_request' : 'upstream_failed')
}

/** Throttling keeps its 429, which clients know to wait on, whatever status it came with. */
function isMoreExact (status: number, kind: ErrorKind): boolean {
  return ERROR_KINDS[kind].status < 429 && status >= 400 && status < 429
}

function masked (message: string): string {
  const shown = message.length > MESSAGE_CHARACTERS_MAX ? `${message.slice(0, MESSAGE_CHARACTERS_MAX)}…` : message
  return shown.replace(SECRET, 'sk-***')
}

/** Held between one second and a minute: SDKs give up on a longer wait. A date is not read, for there is no clock here. */
function retryAfterMsOf (headers: HeaderValues): number | undefined {
  const milliseconds = Number(headers['retry-after-ms'] ?? Number.NaN)
  const wanted = Number.isFinite(milliseconds) ? milliseconds : Number(headers['retry-after'] ?? Number.NaN) * 1_000
  return Number.isFinite(wanted) ? Math.min(Math.max(wanted, RETRY_AFTER_MS_MIN), RETRY_AFTER_MS_MAX) : undefined
}
