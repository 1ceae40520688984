import type { JsonObject } from './json.ts'

/**
 * Every way a request can fail, once. `status` is the HTTP status a client sees; `retryable` says whether another
 * attempt at another target may help. How a kind is worded on the wire is each protocol's own table (`error.ts`).
 */
export const ERROR_KINDS = {
  invalid_request: { status: 400, retryable: false },
  unsupported_parameter: { status: 400, retryable: false },
  content_filtered: { status: 400, retryable: false },
  account_overdue: { status: 400, retryable: true },
  unauthenticated: { status: 401, retryable: false },
  permission_denied: { status: 403, retryable: false },
  free_tier_exhausted: { status: 403, retryable: true },
  model_not_found: { status: 404, retryable: false },
  not_found: { status: 404, retryable: false },
  method_not_allowed: { status: 405, retryable: false },
  request_timeout: { status: 408, retryable: false },
  conflict: { status: 409, retryable: false },
  request_too_large: { status: 413, retryable: false },
  unsupported_media_type: { status: 415, retryable: false },
  headers_too_large: { status: 431, retryable: false },
  rate_limited: { status: 429, retryable: true },
  burst_limited: { status: 429, retryable: true },
  budget_exhausted: { status: 429, retryable: true },
  client_closed: { status: 499, retryable: false },
  internal: { status: 500, retryable: false },
  upstream_failed: { status: 502, retryable: true },
  upstream_auth: { status: 502, retryable: true },
  upstream_protocol: { status: 502, retryable: false },
  no_upstream: { status: 503, retryable: false },
  overloaded: { status: 503, retryable: false },
  store_unavailable: { status: 503, retryable: false },
  upstream_timeout: { status: 504, retryable: false }
} as const satisfies Record<string, { status: number, retryable: boolean }>

export type ErrorKind = keyof typeof ERROR_KINDS

/** What an upstream said of its error. */
export interface UpstreamFault {
  /** The protocol the error is worded in, whatever the upstream speaks otherwise: that one's surface repeats it to the letter. */
  readonly protocol?: string
  readonly status?: number
  readonly code?: string
  readonly type?: string
  readonly requestId?: string
}

export interface GatewayErrorOptions {
  /** The parameter at fault, named as the client's protocol names it. */
  readonly param?: string | undefined
  /** Replaces the kind's status where the upstream's own 4xx is more exact. */
  readonly status?: number | undefined
  readonly retryAfterMs?: number | undefined
  readonly upstream?: UpstreamFault | undefined
  /** The limit that decided, with its figures, as it is shown beside the error's words. */
  readonly limit?: JsonObject | undefined
  /** Whatever was caught. It reaches the log and never the client. */
  readonly cause?: unknown
}

/** The one error this code throws. `message` is safe to show to the client. */
export class GatewayError extends Error {
  readonly kind: ErrorKind
  readonly status: number
  readonly param: string | undefined
  readonly retryAfterMs: number | undefined
  readonly upstream: UpstreamFault | undefined
  readonly limit: JsonObject | undefined

  constructor (kind: ErrorKind, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'GatewayError'
    this.kind = kind
    this.status = options.status ?? ERROR_KINDS[kind].status
    this.param = options.param
    this.retryAfterMs = options.retryAfterMs
    this.upstream = options.upstream
    this.limit = options.limit
  }

  /** Anything caught becomes a GatewayError; what we did not foresee is `internal`, its text kept for the log alone. */
  static from (caught: unknown): GatewayError {
    if (caught instanceof GatewayError) return caught
    return new GatewayError('internal', 'An internal error has occurred in the gateway.', { cause: caught })
  }
}

/** Whether a try ended without a word of the upstream's: it may have done its work all the same. */
export function isSilence ({ kind, upstream }: GatewayError): boolean {
  return upstream === undefined && SILENCES.has(kind)
}

const SILENCES: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['upstream_timeout', 'upstream_failed', 'client_closed'])

/** An answer that was cut: whatever came of it is no success. */
export function truncatedStream (): GatewayError {
  return new GatewayError('upstream_failed', 'The upstream closed the stream before the answer was complete.')
}

/** Shorthand for the most frequent refusal: one parameter is wrong. */
export function invalidParameter (param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
