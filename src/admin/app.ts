import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { CONNECTION_LIMITS } from '../http/limits.ts'
import type { Metrics } from '../observe/metrics.ts'

const CONNECTIONS_MAX = 256

/** The admin listener, apart from the clients' one and on loopback unless configured otherwise. */
export function buildAdminApp (deps: { readonly metrics: Metrics, readonly isReady: () => boolean }): FastifyInstance {
  const app = fastify({
    requestTimeout: CONNECTION_LIMITS.requestTimeoutMs,
    keepAliveTimeout: CONNECTION_LIMITS.keepAliveTimeoutMs,
    http: {
      headersTimeout: CONNECTION_LIMITS.headTimeoutMs,
      maxHeaderSize: CONNECTION_LIMITS.headBytesMax,
      connectionsCheckingInterval: CONNECTION_LIMITS.checkIntervalMs
    },
    forceCloseConnections: 'idle',
    logger: false
  })
  app.server.maxConnections = CONNECTIONS_MAX
  // The built-in parsers would take text/plain too, which a browser sends to other sites unasked.
  app.removeAllContentTypeParsers()
  app.get('/metrics', async (_request, reply) => {
    return await reply.type(deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics())
  })
  app.get('/livez', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => deps.isReady() ? { status: 'ok' } : await reply.code(503).send({ status: 'draining' }))
  return app
}
