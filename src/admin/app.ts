import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { addDocs } from './docs.ts'
import { addHealthRoutes } from '../http/health.ts'
import { addRoutes } from './register.ts'
import { ADMIN_ROUTES } from './table.ts'
import { CONNECTION_LIMITS } from '../http/limits.ts'
import { createErrorHandler, refuseUnknown } from './errors.ts'
import type { AdminDeps } from './deps.ts'

const CONNECTIONS_MAX = 256
const BODY_BYTES_MAX = 1_048_576
const PARAMETER_CHARACTERS_MAX = 128

/** The admin listener, apart from the clients' one and on loopback unless configured otherwise. */
export function buildAdminApp (deps: AdminDeps): FastifyInstance {
  const answerError = createErrorHandler(deps)
  const app = fastify({
    requestTimeout: CONNECTION_LIMITS.requestTimeoutMs,
    keepAliveTimeout: CONNECTION_LIMITS.keepAliveTimeoutMs,
    http: {
      headersTimeout: CONNECTION_LIMITS.headTimeoutMs,
      maxHeaderSize: CONNECTION_LIMITS.headBytesMax,
      connectionsCheckingInterval: CONNECTION_LIMITS.checkIntervalMs
    },
    bodyLimit: BODY_BYTES_MAX,
    routerOptions: { maxParamLength: PARAMETER_CHARACTERS_MAX },
    genReqId: () => deps.ids.requestId(),
    frameworkErrors: answerError,
    forceCloseConnections: 'idle',
    logger: false
  })
  app.server.maxConnections = CONNECTIONS_MAX
  // The built-in parsers would take text/plain too, which a browser sends to other sites unasked.
  app.removeAllContentTypeParsers()
  app.setErrorHandler(answerError)
  app.setNotFoundHandler(refuseUnknown)
  app.get('/metrics', async (_request, reply) => {
    return await reply.type(deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics())
  })
  addHealthRoutes(app, deps.readiness)
  void app.register((scope) => addDocs(scope, deps))
  void app.register((scope) => addRoutes(scope, ADMIN_ROUTES, deps))
  return app
}
