import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { addChatRoutes } from './chat.ts'
import { addHealthRoutes } from './health.ts'
import { addModelRoutes } from './models.ts'
import { addOwnRoutes } from './own.ts'
import { createErrorHandler, refuseUnknownRoutes } from './errors.ts'
import { createHttpServer } from './server.ts'
import { createRefuse } from './refusal.ts'
import { CONNECTION_LIMITS } from './limits.ts'
import { listRoutes } from './routes.ts'
import type { AppDeps } from './deps.ts'
import type { ConnectionLimits } from './limits.ts'

export interface AppOptions {
  readonly bodyBytesMax: number
  /** Those left out are as in CONNECTION_LIMITS. */
  readonly limits?: Partial<ConnectionLimits>
}

/** The inference listener: every route a client can reach, and nothing that is not listed here. */
export function buildApp (options: AppOptions, deps: AppDeps): FastifyInstance {
  const limits = { ...CONNECTION_LIMITS, ...options.limits }
  const refusing = { clock: deps.clock, limits, refuse: createRefuse(deps.protocols, deps) }
  const answerError = createErrorHandler(refusing)
  const app = fastify({
    serverFactory: (handler) => createHttpServer(handler, refusing),
    bodyLimit: options.bodyBytesMax,
    forceCloseConnections: 'idle',
    // What arrives on an open connection while draining is still served, and the connection closed behind it.
    return503OnClosing: false,
    genReqId: () => deps.ids.requestId(),
    requestIdHeader: false,
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 256 },
    frameworkErrors: answerError,
    logger: false
  })
  // A body stays the bytes it was; the built-in parsers would also take text/plain, which browsers send unasked.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
  app.decorateRequest('callerHeaders', null)
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.setHeader('x-request-id', request.id)
    done()
  })
  app.setErrorHandler(answerError)
  refuseUnknownRoutes(app, listRoutes(app), deps.protocols)
  addChatRoutes(app, deps)
  addModelRoutes(app, deps)
  addOwnRoutes(app, deps)
  addHealthRoutes(app, deps.readiness)
  return app
}
