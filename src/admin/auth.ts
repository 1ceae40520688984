import type { FastifyInstance, FastifyRequest } from 'fastify'
import rateLimit from '@fastify/rate-limit'
import { GatewayError } from '../core/errors.ts'
import type { AdminDeps } from './deps.ts'

const FAILURES_PER_WINDOW_MAX = 20
const WINDOW_MS = 60_000
const ADDRESSES_MAX = 5_000

/** All of the scope needs the admin token. An address that sent too many wrong ones has to wait, whatever it sends then. */
export async function requireToken (scope: FastifyInstance, { isAdminToken }: Pick<AdminDeps, 'isAdminToken'>): Promise<void> {
  await scope.register(rateLimit, { global: false, max: FAILURES_PER_WINDOW_MAX, timeWindow: WINDOW_MS, cache: ADDRESSES_MAX })
  const failuresOf = scope.createRateLimit()
  scope.addHook('onRequest', async (request) => {
    const before = await failuresOf(request, { increment: false })
    if (!before.isAllowed && before.remaining === 0) {
      throw new GatewayError('rate_limited', 'Too many wrong admin tokens came from this address. Try again later.', { retryAfterMs: before.ttl })
    }
    const presented = presentedToken(request)
    if (presented !== undefined && isAdminToken(presented)) return
    if (presented !== undefined) await failuresOf(request)
    throw new GatewayError('unauthenticated', 'The admin token is missing or wrong. Send it as "Authorization: Bearer <token>".')
  })
}

function presentedToken ({ headers }: FastifyRequest): string | undefined {
  return /^bearer +(\S+)\s*$/i.exec(headers.authorization ?? '')?.[1]
}
