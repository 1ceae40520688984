import type { FastifyInstance, FastifyRequest } from 'fastify'
import { GatewayError } from '../core/errors.ts'
import { headerValues } from './headers.ts'
import { reportBody } from '../limits/reports.ts'
import type { AppDeps } from './deps.ts'
import type { LedgerRecord, RefusalRecord } from '../metering/ledger.ts'
import type { Principal } from '../accounts/principal.ts'

/** The gateway's own routes for holders of a client key. */
export function addOwnRoutes (app: FastifyInstance, deps: AppDeps): void {
  const callerOf = ({ headers, socket }: FastifyRequest): Principal =>
    deps.authenticate(headerValues(headers), socket.remoteAddress)

  app.get('/dashgate/v1/limits', async (request) => {
    const { team, keyId, account } = callerOf(request)
    return { team, key_id: keyId, limits: (await deps.explanations.limitsOf(account)).map(reportBody) }
  })

  app.get<{ Params: { id: string } }>('/dashgate/v1/requests/:id', async (request) => {
    const { team } = callerOf(request)
    const { id } = request.params
    const records = await deps.ledger.find(id, team)
    const last = records.at(-1)
    if (last !== undefined) return requestObject(last, records)
    const refusal = await deps.refusals.find(id, team)
    if (refusal !== undefined) return refusalObject(refusal)
    // Another team's request is answered like one that never was.
    throw new GatewayError('not_found', 'There is no such request.')
  })
}

/**
 * What was decided and charged: how it ended, by its last record, and what all of them came to. Money is in 10⁻⁹ of the
 * currency, but in `limits`, where it is in the currency.
 */
function requestObject (record: LedgerRecord, records: readonly LedgerRecord[]): object {
  const sum = (amountOf: (record: LedgerRecord) => number): number => records.reduce((total, one) => total + amountOf(one), 0)
  const [inputTokens, outputTokens] = [sum(({ usage }) => usage.inputTokens), sum(({ usage }) => usage.outputTokens)]
  return {
    request_id: record.requestId,
    time: new Date(record.timeMs).toISOString(),
    team: record.team,
    key_id: record.keyId,
    surface: record.surface,
    model: record.model,
    upstream: record.upstream,
    upstream_model: record.upstreamModel,
    upstream_request_id: record.upstreamRequestId ?? null,
    stream: record.stream,
    attempts: record.attempts,
    ...records.length > 1 && { billed_attempts: records.length },
    outcome: record.outcome,
    error: record.errorKind ?? null,
    usage: {
      input_tokens: inputTokens,
      cached_tokens: sum(({ usage }) => usage.cachedInputTokens),
      output_tokens: outputTokens,
      reasoning_tokens: sum(({ usage }) => usage.reasoningTokens),
      total_tokens: inputTokens + outputTokens,
      source: records.every(({ usage }) => usage.source === 'reported') ? 'reported' : 'estimated'
    },
    cost_nano: sum(({ costNano }) => costNano),
    currency: record.currency ?? null,
    first_content_ms: record.firstContentMs ?? null,
    duration_ms: record.durationMs,
    limits: record.limits.map(reportBody)
  }
}

/** What a limit refused, with every limit as it stood then. */
function refusalObject (refusal: RefusalRecord): object {
  return {
    request_id: refusal.requestId,
    time: new Date(refusal.timeMs).toISOString(),
    team: refusal.team,
    key_id: refusal.keyId,
    model: refusal.model,
    outcome: 'refused',
    error: refusal.errorKind,
    message: refusal.message,
    usage: null,
    cost_nano: 0,
    limits: refusal.limits.map(reportBody)
  }
}
