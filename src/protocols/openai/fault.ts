import { GatewayError } from '../../core/errors.ts'
import type { ErrorKind } from '../../core/errors.ts'
import { arrayAt, isObject, numberAt, objectAt, parseJsonObject, stringAt } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import type { HeaderValues, UpstreamReply } from '../../core/protocol.ts'
import type { SseEvent } from '../../core/sse-event.ts'
import { ERROR_FINISH, PROTOCOL, contentText } from './wire.ts'

const MESSAGE_CHARS_MAX = 2_000
const RAW_TEXT_CHARS_MAX = 500
const RETRY_AFTER_MS_MIN = 1_000
/** OpenAI's Node client ignores a wait of more than a minute, its Python client one of more than two. */
const RETRY_AFTER_MS_MAX = 60_000

/** An HTTP error: a JSON error object, a flat one, either of them in an SSE frame whatever the content type says, or text. */
export function parseError (reply: UpstreamReply): GatewayError {
  const text = reply.body.toString('utf8')
  const object = parseJsonObject(text) ?? frameObject(text)
  const said = object === undefined ? undefined : saidBy(object)
  const facts = {
    status: reply.status,
    requestId: said?.requestId ?? reply.headers['x-request-id'],
    retryAfterMs: retryAfterMs(reply.headers)
  }
  if (said !== undefined) return errorOf(said, facts)
  // A proxy's error page tells a program nothing, and a browser too much.
  const isPage = text.trimStart().startsWith('<')
  const message = (isPage ? '' : text.trim().slice(0, RAW_TEXT_CHARS_MAX)) || `The upstream answered with status ${reply.status}.`
  // A bare 404 is a wrong base URL and not the client's mistake.
  if (reply.status === 404) return new GatewayError('upstream_protocol', masked(message), { upstream: { protocol: PROTOCOL, status: 404 } })
  return errorOf({ message }, facts)
}

/**
 * The error an event or a 2xx body carries in place of an answer, in any of the shapes DashScope's compatible mode is known
 * to use (test/fixtures/openai/README.md has the sources). A line cut without a word is the reader's to notice.
 */
export function faultOf (body: JsonObject, event?: Pick<SseEvent, 'type' | 'status'>): GatewayError | undefined {
  const choices = arrayAt(body, 'choices')
  const isErrorFrame = event !== undefined && (event.type === 'error' || (event.status ?? 0) >= 400)
  if (isErrorFrame || isTruthy(body['error']) || (choices === undefined && isFlatError(body))) {
    return errorOf(saidBy(body) ?? { message: 'The upstream reported an error without a message.' }, { status: event?.status })
  }
  for (const choice of choices ?? []) {
    if (isObject(choice) && choice['finish_reason'] === ERROR_FINISH) return errorOfFinish(choice)
  }
  return undefined
}

interface Said {
  readonly message: string
  readonly code?: string | undefined
  readonly type?: string | undefined
  readonly param?: string | undefined
  readonly requestId?: string | undefined
  readonly status?: number | undefined
}

interface Facts {
  readonly status: number | undefined
  readonly requestId?: string | undefined
  readonly retryAfterMs?: number | undefined
}

/** What an error object says of itself, OpenAI's nested form or the flat one; undefined where it says nothing. */
function saidBy (body: JsonObject): Said | undefined {
  const nested = objectAt(body, 'error')
  const source = nested ?? body
  const message = stringAt(source, 'message') ?? stringAt(body, 'error')
  const code = stringAt(source, 'code')
  if (message === undefined && code === undefined && nested === undefined) return undefined
  return {
    message: message ?? code ?? 'The upstream reported an error without a message.',
    code,
    type: stringAt(source, 'type'),
    param: stringAt(source, 'param'),
    requestId: stringAt(body, 'request_id') ?? stringAt(body, 'requestId') ?? stringAt(source, 'request_id'),
    // Inference servers put the HTTP status where OpenAI has a word.
    status: numberAt(source, 'code')
  }
}

/** The error's text is a frame of the native protocol, handed on as if the model had said it. */
function errorOfFinish (choice: JsonObject): GatewayError {
  const text = contentText((objectAt(choice, 'delta') ?? objectAt(choice, 'message'))?.['content'])
  const status = /:HTTP_STATUS\/(\d{3})/.exec(text)?.[1]
  const object = frameObject(text)
  const said = object === undefined ? undefined : saidBy(object)
  const message = text.trim().slice(0, RAW_TEXT_CHARS_MAX) || 'The upstream broke off its answer with an error.'
  return errorOf(said ?? { message }, { status: status === undefined ? undefined : Number(status) })
}

/** The object in the first `data:` line of an SSE-framed text. */
function frameObject (text: string): JsonObject | undefined {
  const line = /^data:(.*)$/m.exec(text)?.[1]
  return line === undefined ? undefined : parseJsonObject(line)
}

function errorOf (said: Said, facts: Facts): GatewayError {
  const status = httpError(facts.status) ?? httpError(said.status) ?? engineStatus(said.message)
  const kind = kindOf(said, status)
  const message = masked(said.message).slice(0, MESSAGE_CHARS_MAX)
  const upstream = {
    protocol: PROTOCOL,
    ...(status === undefined ? {} : { status }),
    ...(said.code === undefined ? {} : { code: said.code }),
    ...(said.type === undefined ? {} : { type: said.type }),
    ...definedRequestId(said.requestId ?? facts.requestId)
  }
  if (kind === 'upstream_auth') {
    return new GatewayError(kind, 'The upstream refused the gateway\'s credentials.', { upstream, cause: new Error(message) })
  }
  return new GatewayError(kind, message, {
    upstream, param: said.param, retryAfterMs: facts.retryAfterMs, status: kind === 'invalid_request' ? clientStatus(status) : undefined
  })
}

const KIND_BY_CODE: ReadonlyMap<string, ErrorKind> = new Map<string, ErrorKind>([
  ['invalid_api_key', 'upstream_auth'], ['InvalidApiKey', 'upstream_auth'], ['authentication_error', 'upstream_auth'],
  ['data_inspection_failed', 'content_filtered'], ['DataInspectionFailed', 'content_filtered'],
  ['content_filter', 'content_filtered'], ['content_policy_violation', 'content_filtered'],
  ['Arrearage', 'account_overdue'], ['PrepaidBillOverdue', 'account_overdue'], ['PostpaidBillOverdue', 'account_overdue'],
  ['AllocationQuota.FreeTierOnly', 'free_tier_exhausted'],
  ['access_denied', 'permission_denied'], ['permission_error', 'permission_denied'],
  ['model_not_found', 'model_not_found'], ['ModelNotFound', 'model_not_found'], ['model_not_supported', 'model_not_found'],
  ['insufficient_quota', 'budget_exhausted'], ['Throttling.AllocationQuota', 'budget_exhausted'],
  ['limit_burst_rate', 'burst_limited'], ['Throttling.BurstRate', 'burst_limited'],
  ['rate_limit_exceeded', 'rate_limited'], ['rate_limit_error', 'rate_limited'],
  ['limit_requests', 'rate_limited'], ['LimitRequests', 'rate_limited'],
  ['unsupported_parameter', 'unsupported_parameter'],
  ['invalid_parameter_error', 'invalid_request'], ['invalid_value', 'invalid_request'], ['context_length_exceeded', 'invalid_request'],
  ['request_timeout', 'upstream_timeout'], ['RequestTimeOut', 'upstream_timeout'], ['ResponseTimeout', 'upstream_timeout'],
  ['internal_error', 'upstream_failed'], ['service_unavailable', 'upstream_failed'], ['server_error', 'upstream_failed']
])

/** Families of codes, for those the table does not have one by one. */
const KIND_BY_FAMILY: readonly (readonly [RegExp, ErrorKind])[] = [
  [/InvalidParameter|^BadRequest\b/, 'invalid_request'],
  [/^Throttling\b/, 'rate_limited'],
  [/AccessDenied/, 'permission_denied'],
  [/\.Timeout$/, 'upstream_timeout'],
  [/^(?:InternalError|SystemError|ModelServ|ModelUnavailable)/, 'upstream_failed']
]

function kindOf (said: Said, status: number | undefined): ErrorKind {
  for (const name of [said.code, said.type]) {
    if (name === undefined) continue
    const kind = KIND_BY_CODE.get(name) ?? KIND_BY_FAMILY.find(([family]) => family.test(name))?.[1]
    if (kind !== undefined) return kind
  }
  if (status !== undefined) return kindOfStatus(status)
  return said.type === 'invalid_request_error' ? 'invalid_request' : 'upstream_failed'
}

const KIND_BY_STATUS: ReadonlyMap<number, ErrorKind> = new Map<number, ErrorKind>([
  [401, 'upstream_auth'], [403, 'upstream_auth'], [404, 'not_found'], [408, 'upstream_timeout'], [409, 'conflict'],
  [413, 'request_too_large'], [429, 'rate_limited'], [504, 'upstream_timeout']
])

function kindOfStatus (status: number): ErrorKind {
  return KIND_BY_STATUS.get(status) ?? (status >= 400 && status < 500 ? 'invalid_request' : 'upstream_failed')
}

/** An invalid request keeps the upstream's own 4xx, unless that one would blame the client's key or pace. */
function clientStatus (status: number | undefined): number | undefined {
  return status === undefined || status >= 500 || [401, 403, 408, 429].includes(status) ? undefined : status
}

function httpError (status: number | undefined): number | undefined {
  return status !== undefined && status >= 400 && status <= 599 ? status : undefined
}

/** `<400> InternalError.Algo…`: the engine's status, where the outer one is that of a stream already under way. */
function engineStatus (message: string): number | undefined {
  const digits = /^<([45]\d\d)> /.exec(message)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

function retryAfterMs (headers: HeaderValues): number | undefined {
  const waitMs = statedWaitMs(headers)
  return waitMs === undefined ? undefined : Math.min(RETRY_AFTER_MS_MAX, Math.max(RETRY_AFTER_MS_MIN, Math.ceil(waitMs)))
}

function statedWaitMs (headers: HeaderValues): number | undefined {
  const milliseconds = headers['retry-after-ms']
  if (milliseconds !== undefined && /^\d{1,9}$/.test(milliseconds)) return Number(milliseconds)
  const after = headers['retry-after']
  if (after === undefined) return undefined
  if (/^\d{1,9}(?:\.\d{1,3})?$/.test(after)) return Number(after) * 1_000
  // Both instants are the upstream's own, so that its clock and ours need not agree.
  const waitMs = Date.parse(after) - Date.parse(headers['date'] ?? '')
  return Number.isFinite(waitMs) ? waitMs : undefined
}

function masked (message: string): string {
  return message.replace(/\bsk-[\w*.-]{4,}/g, 'sk-***')
}

function isFlatError (body: JsonObject): boolean {
  return typeof body['message'] === 'string' && ['string', 'number'].includes(typeof body['code'])
}

function isTruthy (value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '' && value !== 0
}

function definedRequestId (requestId: string | undefined): { requestId?: string } {
  return requestId === undefined ? {} : { requestId }
}
