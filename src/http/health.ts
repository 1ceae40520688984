import type { FastifyInstance } from 'fastify'

/**
 * Whether a load balancer is to send requests here. `starting` lasts until the store has told once who the teams are. A
 * `degraded` gateway has lost its store since and goes on taking requests: what becomes of them is for each team's
 * `on_store_down`, which would be of no use if every gateway were taken out of the balancer with the store they share.
 */
export type Readiness = 'ok' | 'degraded' | 'starting' | 'draining'

const READY: readonly Readiness[] = ['ok', 'degraded']

/** `/livez`, for whoever restarts processes, and `/readyz`, for whoever chooses among them; the same on both listeners. */
export function addHealthRoutes (app: FastifyInstance, readiness: () => Readiness): void {
  app.get('/livez', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    const status = readiness()
    return await reply.code(READY.includes(status) ? 200 : 503).send({ status })
  })
}
