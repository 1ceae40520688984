import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '../core/errors.ts'
import { methodsAt, routeFault } from './routes.ts'
import { sendRefusal } from './refusal.ts'
import type { Clock } from '../core/clock.ts'
import type { ConnectionLimits } from './limits.ts'
import type { ErrorKind } from '../core/errors.ts'
import type { Protocol } from '../core/protocol.ts'
import type { Refuse } from './refusal.ts'
import type { Route } from './routes.ts'

/** Fastify's own refusals, in our kinds. */
const KINDS: Readonly<Record<string, readonly [ErrorKind, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['request_too_large', 'The request body is larger than this gateway accepts.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'The content type must be application/json.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid_request', 'The request body is empty; a JSON object is required.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'The request body is not as long as its head says.'],
  FST_ERR_BAD_URL: ['invalid_request', 'The URL is not valid.'],
  FST_ERR_MAX_PARAM_LENGTH: ['not_found', 'There is nothing here of so long a name.'],
  FST_ERR_ASYNC_CONSTRAINT: ['invalid_request', 'The request could not be read.'],
  ECONNRESET: ['client_closed', 'The client closed the connection.']
}

export interface ErrorDeps {
  readonly clock: Clock
  readonly limits: ConnectionLimits
  readonly refuse: Refuse
}

/** Answers whatever was thrown outside a relayed exchange, in the words of the protocol whose path was asked for. */
export function createErrorHandler (deps: ErrorDeps): (caught: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  return (caught, request, reply) => {
    reply.hijack()
    sendRefusal(reply.raw, deps.refuse(ours(caught), request.url), { ...deps, connection: 'keep-alive' })
  }
}

function ours (caught: unknown): GatewayError {
  if (caught instanceof GatewayError) return caught
  const code = typeof caught === 'object' && caught !== null && 'code' in caught ? String(caught.code) : ''
  const known = KINDS[code]
  return known === undefined ? GatewayError.from(caught) : new GatewayError(...known, { cause: caught })
}

/** Refuses what no route takes before any of its body is read. */
export function refuseUnknownRoutes (app: FastifyInstance, routes: readonly Route[], protocols: readonly Protocol[]): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    const allowed = methodsAt(routes, request.url)
    if (allowed.length > 0) reply.raw.setHeader('allow', allowed.join(', '))
    // No header of CORS goes with it: keys have no place in the pages of a browser.
    if (allowed.length > 0 && request.method === 'OPTIONS') reply.code(204).send()
    else done(routeFault(request, allowed, protocols))
  })
}
