import type { FastifyInstance, FastifyRequest } from 'fastify'
import { GatewayError } from '../core/errors.ts'
import { headerValues } from './headers.ts'
import { attemptBody, refusalBody, requestBody } from './request-body.ts'
import { reportBody } from '../limits/reports.ts'
import type { AppDeps } from './deps.ts'
import type { Principal } from '../accounts/principal.ts'

/** The gateway's own routes for holders of a client key. */
export function addOwnRoutes (app: FastifyInstance, deps: AppDeps): void {
  const callerOf = ({ headers, socket }: FastifyRequest): Promise<Principal> =>
    deps.authenticateFresh(headerValues(headers), socket.remoteAddress)

  app.get('/dashgate/v1/limits', async (request) => {
    const { team, keyId, account } = await callerOf(request)
    return { team, key_id: keyId, limits: (await deps.explanations.limitsOf(account)).map(reportBody) }
  })

  app.get<{ Params: { id: string } }>('/dashgate/v1/requests/:id', async (request) => {
    const { team } = await callerOf(request)
    const { id } = request.params
    const records = await deps.ledger.find(id, team)
    const last = records.at(-1)
    if (last !== undefined) {
      const attempts = records.length > 1 ? { billed_attempts: records.map(attemptBody) } : {}
      return { ...requestBody(last, records), ...attempts, limits: last.limits.map(reportBody) }
    }
    const refusal = await deps.refusals.find(id, team)
    if (refusal !== undefined) return { ...refusalBody(refusal), limits: refusal.limits.map(reportBody) }
    // Another team's request is answered like one that never was.
    throw new GatewayError('not_found', 'There is no such request.')
  })
}
