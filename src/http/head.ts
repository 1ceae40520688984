import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../core/errors.ts'
import type { ConnectionLimits } from './limits.ts'

/** Said twice, one of these would let two readers of a request see two different requests. */
const SINGLE: ReadonlySet<string> = new Set([
  'host', 'content-type', 'content-length', 'transfer-encoding', 'authorization', 'x-api-key', 'api-key', 'content-encoding',
  'x-dashscope-workspace'
])

const EXPECTATION_FAILED_STATUS = 417

/** What is wrong with a request's head that Node's parser lets through, or undefined. */
export function headFault (request: IncomingMessage, limits: ConnectionLimits): GatewayError | undefined {
  const { headers, rawHeaders } = request
  if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0') return invalid('Only HTTP/1.1 and HTTP/1.0 are spoken here.')
  if (rawHeaders.length / 2 > limits.headersMax) {
    return new GatewayError('headers_too_large', `The request has more than ${limits.headersMax} headers.`)
  }
  const repeated = repeatedHeader(rawHeaders)
  if (repeated !== undefined) return invalid(`The header ${repeated} was sent more than once.`)
  if (headers.host === undefined && request.httpVersion === '1.1') return invalid('The Host header is missing.')
  const encoding = headers['transfer-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'chunked') return invalid('The only transfer encoding taken is chunked.')
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    return new GatewayError('invalid_request', 'The expectation cannot be met.', { status: EXPECTATION_FAILED_STATUS })
  }
  return undefined
}

function repeatedHeader (rawHeaders: readonly string[]): string | undefined {
  const seen = new Set<string>()
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const name = (rawHeaders[place] as string).toLowerCase()
    if (!SINGLE.has(name)) continue
    if (seen.has(name)) return name
    seen.add(name)
  }
  return undefined
}

function invalid (message: string): GatewayError {
  return new GatewayError('invalid_request', message)
}
