import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../core/errors.ts'
import { headerValues } from './headers.ts'
import type { AppDeps } from './deps.ts'
import type { LedgerRecord } from '../metering/ledger.ts'

/** The gateway's own routes for holders of a client key. */
export function addOwnRoutes (app: FastifyInstance, deps: AppDeps): void {
  app.get<{ Params: { id: string } }>('/dashgate/v1/requests/:id', async (request) => {
    const principal = deps.authenticate(headerValues(request.headers))
    const record = deps.ledger.find(request.params.id, principal.team)
    // Another team's request is answered like one that never was.
    if (record === undefined) throw new GatewayError('not_found', 'There is no such request.')
    return requestObject(record)
  })
}

/** What was decided and charged. Money is in 10⁻⁹ of the currency. */
function requestObject (record: LedgerRecord): object {
  const { usage } = record
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
    outcome: record.outcome,
    error: record.errorKind ?? null,
    usage: {
      input_tokens: usage.inputTokens,
      cached_tokens: usage.cachedInputTokens,
      output_tokens: usage.outputTokens,
      reasoning_tokens: usage.reasoningTokens,
      total_tokens: usage.inputTokens + usage.outputTokens,
      source: usage.source
    },
    cost_nano: record.costNano,
    currency: record.currency ?? null,
    first_content_ms: record.firstContentMs ?? null,
    duration_ms: record.durationMs
  }
}
