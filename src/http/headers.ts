import type { IncomingHttpHeaders } from 'node:http'
import { GatewayError } from '../core/errors.ts'
import type { HeaderValues } from '../core/protocol.ts'

/** A request's headers, lower-case, one value each. Those that must be single were held to it when the head came. */
export function headerValues (headers: IncomingHttpHeaders): HeaderValues {
  const values: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(headers)) values[name] = Array.isArray(value) ? value.join(', ') : value
  return values
}

/**
 * Refuses bodies that are not plain UTF-8 JSON. @throws GatewayError `unsupported_media_type`
 */
export function checkContentType (headers: HeaderValues): void {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new GatewayError('unsupported_media_type', 'Request bodies must not be compressed.')
  }
  const [type = '', ...attributes] = (headers['content-type'] ?? '').split(';')
  if (!/^ *application\/json *$/i.test(type)) {
    throw new GatewayError('unsupported_media_type', 'The content type must be application/json.')
  }
  for (const attribute of attributes) {
    const charset = /^ *charset *= *"?([^" ]*)"? *$/i.exec(attribute)?.[1]
    if (charset !== undefined && charset.toLowerCase() !== 'utf-8' && charset.toLowerCase() !== 'utf8') {
      throw new GatewayError('unsupported_media_type', 'The charset must be UTF-8.')
    }
  }
}

/** Refuses a body that says itself that it is too large. @throws GatewayError `request_too_large` */
export function checkContentLength (headers: HeaderValues, bytesMax: number): void {
  if (Number(headers['content-length']) > bytesMax) {
    throw new GatewayError('request_too_large', `The request body is larger than the ${bytesMax} bytes this gateway accepts.`)
  }
}
