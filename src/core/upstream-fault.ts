import { GatewayError } from './errors.ts'
import type { ErrorKind, UpstreamFault } from './errors.ts'
import { numberAt, objectAt, parseJsonObject, stringAt } from './json.ts'
import type { JsonObject } from './json.ts'
import type { HeaderValues, UpstreamReply } from './protocol.ts'
import type { SseEvent } from './sse-event.ts'
import { kindOfCode, kindOfStatus } from './vendor-codes.ts'

// How an upstream says that it failed. One reader for every dialect, because DashScope speaks two protocols and its hosts
// answer in either one's shape: nested as OpenAI's, flat as its own, and either of them in an SSE frame whatever the
// content type says.

const MESSAGE_CHARS_MAX = 2_000
const RAW_TEXT_CHARS_MAX = 500
const RETRY_AFTER_MS_MIN = 1_000
/** OpenAI's Node client ignores a wait of more than a minute, its Python client one of more than two. */
const RETRY_AFTER_MS_MAX = 60_000
const NO_MESSAGE = 'The upstream reported an error without a message.'

/** The error of a reply that is not 2xx. */
export function errorOfReply (reply: UpstreamReply): GatewayError {
  const text = reply.body.toString('utf8')
  const facts: Facts = {
    status: httpError(reply.status) ?? frameStatus(text) ?? reply.status,
    requestId: reply.headers['x-request-id'],
    retryAfterMs: retryAfterMs(reply.headers)
  }
  const said = saidIn(text)
  if (said !== undefined) return errorOf(said, facts)
  const message = reply.headers['content-type']?.includes('html') === true ? undefined : text
  const error = errorOf({ message, charsMax: RAW_TEXT_CHARS_MAX }, facts)
  // A bare 404 is a wrong base URL and not the client's mistake.
  return reply.status === 404 ? new GatewayError('upstream_protocol', error.message, { upstream: error.upstream }) : error
}

/** The error in text that stands where an answer should: an event's data, or a whole frame that was handed on as content. */
export function errorOfText (text: string, status?: number): GatewayError {
  const said = saidIn(text) ?? { message: text, charsMax: RAW_TEXT_CHARS_MAX }
  return errorOf(said, { status: status ?? frameStatus(text) })
}

/** The error an object is that stands where an answer should. */
export function errorOfObject (body: JsonObject, status?: number): GatewayError {
  return errorOf(saidBy(body) ?? {}, { status })
}

/** Some error frames have an ordinary name and tell by their status alone. */
export function isErrorFrame (event: Pick<SseEvent, 'type' | 'status'>): boolean {
  return event.type === 'error' || (event.status !== undefined && event.status >= 400)
}

interface Said {
  /** The protocol whose shape the error has. */
  readonly protocol?: string
  readonly message?: string | undefined
  readonly charsMax?: number
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

function saidIn (text: string): Said | undefined {
  const object = parseJsonObject(text) ?? frameObject(text)
  return object === undefined ? undefined : saidBy(object)
}

/** The object in the first `data:` line of an SSE-framed text. */
function frameObject (text: string): JsonObject | undefined {
  const line = /^data:(.*)$/m.exec(text)?.[1]
  return line === undefined ? undefined : parseJsonObject(line)
}

function frameStatus (text: string): number | undefined {
  const digits = /^:HTTP_STATUS\/([45]\d\d)/m.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** What an error object says of itself; undefined where it says nothing. */
function saidBy (body: JsonObject): Said | undefined {
  const nested = objectAt(body, 'error')
  const source = nested ?? body
  const message = wordAt(source, 'message') ?? wordAt(body, 'error')
  const code = wordAt(source, 'code')
  if (message === undefined && code === undefined && nested === undefined) return undefined
  return {
    protocol: nested === undefined ? 'dashscope' : 'openai',
    message: message ?? code,
    code,
    type: wordAt(source, 'type'),
    param: wordAt(source, 'param'),
    requestId: wordAt(body, 'request_id') ?? wordAt(body, 'requestId') ?? wordAt(source, 'request_id'),
    // Inference servers put the HTTP status where OpenAI has a word.
    status: numberAt(source, 'code')
  }
}

function wordAt (object: JsonObject, key: string): string | undefined {
  return stringAt(object, key) || undefined
}

function errorOf (said: Said, facts: Facts): GatewayError {
  const status = httpError(facts.status) ?? httpError(said.status) ?? engineStatus(said.message)
  const kind = kindOf(said, status)
  const requestId = said.requestId ?? facts.requestId
  const upstream: UpstreamFault = {
    ...(said.protocol === undefined ? {} : { protocol: said.protocol }),
    ...(status === undefined ? {} : { status }),
    ...(said.code === undefined ? {} : { code: said.code }),
    ...(said.type === undefined ? {} : { type: said.type }),
    ...(requestId === undefined ? {} : { requestId })
  }
  const message = shown(said, facts.status)
  // The key at fault is the gateway's. What the upstream says about it reaches the log alone, as the cause.
  if (kind === 'upstream_auth') {
    return new GatewayError(kind, 'The upstream refused the gateway\'s credentials.', { upstream, cause: new Error(message) })
  }
  return new GatewayError(kind, message, {
    upstream, param: said.param, retryAfterMs: facts.retryAfterMs, status: kind === 'invalid_request' ? clientStatus(status) : undefined
  })
}

function kindOf (said: Said, status: number | undefined): ErrorKind {
  for (const word of [said.code, said.type]) {
    const kind = word === undefined ? undefined : kindOfCode(word)
    if (kind !== undefined) return kind
  }
  if (status !== undefined) return kindOfStatus(status)
  return said.type === 'invalid_request_error' ? 'invalid_request' : 'upstream_failed'
}

/** An invalid request keeps the upstream's own 4xx, unless that one would blame the client's key or pace. */
function clientStatus (status: number | undefined): number | undefined {
  return status === undefined || status >= 500 || [401, 403, 408, 429].includes(status) ? undefined : status
}

function httpError (status: number | undefined): number | undefined {
  return status !== undefined && status >= 400 && status <= 599 ? status : undefined
}

/** `<400> InternalError.Algo…`: the engine's status, where the outer one is that of a stream already under way. */
function engineStatus (message = ''): number | undefined {
  const digits = /^<([45]\d\d)> /.exec(message)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** The message as a client may see it. A page tells a program nothing, and a browser too much. */
function shown ({ message = '', charsMax = MESSAGE_CHARS_MAX }: Said, status: number | undefined): string {
  const text = message.trim()
  const isPage = /^<[^\d]/.test(text)
  if (isPage || text === '') return status === undefined || status < 300 ? NO_MESSAGE : `The upstream answered with status ${status}.`
  // Keys are masked before the text is cut, for half a key would not look like one.
  const masked = text.replace(/\bsk-[\w*.-]{4,}/g, 'sk-***')
  return masked.length <= charsMax ? masked : `${masked.slice(0, charsMax - 1)}…`.toWellFormed()
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
