import { errors } from 'undici'
import { GatewayError } from '../core/errors.ts'
import type { ErrorKind } from '../core/errors.ts'

/** What went wrong on the way to an upstream, by Node's and undici's codes. */
const KINDS: Readonly<Record<string, ErrorKind>> = {
  ECONNREFUSED: 'upstream_failed',
  ECONNRESET: 'upstream_failed',
  ECONNABORTED: 'upstream_failed',
  EPIPE: 'upstream_failed',
  EPROTO: 'upstream_failed',
  ENOTFOUND: 'upstream_failed',
  EAI_AGAIN: 'upstream_failed',
  EAI_FAIL: 'upstream_failed',
  EAI_NODATA: 'upstream_failed',
  EADDRNOTAVAIL: 'upstream_failed',
  EHOSTDOWN: 'upstream_failed',
  EHOSTUNREACH: 'upstream_failed',
  ENETDOWN: 'upstream_failed',
  ENETUNREACH: 'upstream_failed',
  ETIMEDOUT: 'upstream_failed',
  UND_ERR_CONNECT_TIMEOUT: 'upstream_failed',
  UND_ERR_SOCKET: 'upstream_failed',
  UND_ERR_CLOSED: 'upstream_failed',
  UND_ERR_DESTROYED: 'upstream_failed',
  UND_ERR_HEADERS_OVERFLOW: 'upstream_protocol',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'upstream_failed'
}

/** One table from transport failures to our kinds. The client learns that the upstream failed, the log learns how. */
export function transportError (cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause
  const code = codeOf(cause)
  const kind = KINDS[code] ?? (isNoHttp(cause, code) ? 'upstream_protocol' : isTls(code) ? 'upstream_failed' : undefined)
  if (kind === undefined) return GatewayError.from(cause)
  return new GatewayError(kind, kind === 'upstream_protocol'
    ? 'The upstream sent an answer that is not valid HTTP.'
    : 'The connection to the upstream failed.', { cause })
}

function codeOf (cause: unknown): string {
  return typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
}

/** undici gives some of its parser's errors no code. */
function isNoHttp (cause: unknown, code: string): boolean {
  return code.startsWith('HPE_') || cause instanceof errors.HTTPParserError
}

function isTls (code: string): boolean {
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code.includes('CERT') || code.includes('SIGNATURE')
}
