import type { FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '../core/errors.ts'
import type { AdminDeps } from './deps.ts'
import type { ErrorKind } from '../core/errors.ts'

/** Fastify's own refusals, in our kinds. */
const KINDS: Readonly<Record<string, readonly [ErrorKind, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['request_too_large', 'The body is larger than 1 MiB.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'The content type must be application/json.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid_request', 'The body is empty; a JSON object is required.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['invalid_request', 'The body is not valid JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'The body is not as long as its head says.'],
  FST_ERR_BAD_URL: ['invalid_request', 'The URL is not valid.'],
  FST_ERR_MAX_PARAM_LENGTH: ['not_found', 'There is nothing here of so long a name.']
}

/** Answers whatever was thrown as `{"error":{"code","message","field"?}}`, and as OpenAI's packages know it where they ask. */
export function createErrorHandler ({ failed }: Pick<AdminDeps, 'failed'>): (caught: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  return (caught, request, reply) => {
    const error = gatewayErrorOf(caught)
    if (error.kind === 'internal') failed(error)
    if (error.kind === 'unauthenticated') reply.header('www-authenticate', 'Bearer')
    if (error.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(error.retryAfterMs / 1_000))
    void reply.code(error.status).send({ error: request.url.startsWith(OPENAI_PREFIX) ? openaiBody(error) : ownBody(error) })
  }
}

const OPENAI_PREFIX = '/v1/'

function ownBody ({ kind, message, param }: GatewayError): object {
  return { code: kind, message, ...(param === undefined ? {} : { field: param }) }
}

function openaiBody ({ kind, status, message, param }: GatewayError): object {
  return {
    message,
    type: status >= 500 ? 'server_error' : 'invalid_request_error',
    param: param ?? null,
    code: kind === 'unauthenticated' ? 'invalid_api_key' : kind
  }
}

export function refuseUnknown (): never {
  throw new GatewayError('not_found', 'There is no such route.')
}

/** Whatever was thrown, as ours. */
export function gatewayErrorOf (caught: unknown): GatewayError {
  if (caught instanceof GatewayError) return caught
  const code = typeof caught === 'object' && caught !== null && 'code' in caught ? String(caught.code) : ''
  const known = KINDS[code]
  return known === undefined ? GatewayError.from(caught) : new GatewayError(...known, { cause: caught })
}
