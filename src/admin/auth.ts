import type { FastifyInstance, FastifyRequest } from 'fastify'
import rateLimit from '@fastify/rate-limit'
import { GatewayError } from '../core/errors.ts'
import type { Actor } from '../accounts/actor.ts'
import type { AdminDeps } from './deps.ts'

const FAILURES_PER_WINDOW_MAX = 20
const WINDOW_MS = 60_000
const ADDRESSES_MAX = 5_000

/** Tells who asks. @throws GatewayError `unauthenticated` or `rate_limited` */
export type Authenticate = (request: FastifyRequest) => Promise<Actor>

/** An address that sent too many wrong tokens has to wait, whatever it sends then. */
export async function createAdminAuthenticate (scope: FastifyInstance, { identify }: Pick<AdminDeps, 'identify'>): Promise<Authenticate> {
  await scope.register(rateLimit, { global: false, max: FAILURES_PER_WINDOW_MAX, timeWindow: WINDOW_MS, cache: ADDRESSES_MAX })
  const failuresOf = scope.createRateLimit()
  return async (request) => {
    const before = await failuresOf(request, { increment: false })
    if (!before.isAllowed && before.remaining === 0) {
      throw new GatewayError('rate_limited', 'Too many wrong admin tokens came from this address. Try again later.', { retryAfterMs: before.ttl })
    }
    const presented = presentedToken(request)
    const identity = presented === undefined ? undefined : identify(presented)
    if (identity !== undefined) return { ...identity, address: request.ip, requestId: request.id }
    if (presented !== undefined) await failuresOf(request)
    throw new GatewayError('unauthenticated', 'The admin token is missing or wrong. Send it as "Authorization: Bearer <token>".')
  }
}

function presentedToken ({ headers }: FastifyRequest): string | undefined {
  return /^bearer +(\S+)\s*$/i.exec(headers.authorization ?? '')?.[1]
}
