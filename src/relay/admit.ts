import { AMOUNT_MAX } from '../limits/claim.ts'
import { amountsOf } from './amounts.ts'
import { costNanoMax } from '../metering/prices.ts'
import { NO_USAGE } from '../core/usage.ts'
import { rulesFor } from '../limits/rules.ts'
import type { AdmissionRequest, Limiter } from '../limits/limiter.ts'
import type { Amounts } from '../limits/claims.ts'
import type { Envelope } from '../core/protocol.ts'
import type { Exchange } from './exchange.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { TokenCounter } from '../tokens/counter.ts'

export interface AdmitDeps {
  readonly tokens: TokenCounter
  readonly limiter: Limiter
}

/**
 * Holds what the request may cost against everything that limits its key and team, before any upstream is asked.
 * @throws GatewayError the refusal of the limit that decided, or `store_unavailable`
 */
export async function admit (exchange: Exchange, envelope: Envelope, { tokens, limiter }: AdmitDeps): Promise<void> {
  const { model, principal, reply, catalog: { policies } } = exchange
  if (model === undefined) throw new TypeError('a model must be resolved before its admission')
  const isLimited = rulesFor(principal.account, model.name).length > 0
  const asked = isLimited ? await amountsOf(exchange, envelope, tokens) : NOTHING
  const answer = await limiter.admit({
    account: principal.account,
    model,
    requestId: exchange.requestId,
    ...asked,
    policies,
    expiryOf: (amounts) => expiryOf(exchange, amounts)
  })
  exchange.limits = answer.reports
  if (answer.status === 'admitted') exchange.admission = answer
  for (const [name, value] of Object.entries(answer.headers)) reply.setHeader(name, value)
  if (answer.status === 'refused') throw answer.error
  if (!isLimited) return
  exchange.inputTokensHeld = asked.amounts.inputTokens
  // What an upstream does without a cap may be more than the catalog knows of: what is held goes up as the cap.
  if (envelope.outputTokensMax === undefined) exchange.outputTokensMax ??= asked.output.capTokens
  if (answer.outputTokensFit === undefined) return
  exchange.outputTokensMax = answer.outputTokensFit
  reply.setHeader('x-dashgate-clamped', `${envelope.outputCapPath}=${answer.outputTokensFit}`)
}

/** The record of a request of which nobody ever says what it used: all that is held for it. */
function expiryOf (exchange: Exchange, { inputTokens, outputTokens, price }: Amounts): LedgerRecord {
  return {
    requestId: exchange.requestId,
    timeMs: exchange.startedMs,
    team: exchange.principal.team,
    keyId: exchange.principal.keyId,
    model: exchange.model?.name ?? '',
    upstreamModel: '',
    surface: exchange.surface.name,
    upstream: '',
    upstreamRequestId: undefined,
    stream: exchange.opened?.envelope.stream ?? false,
    attempt: 1,
    superseded: false,
    attempts: 1,
    status: 500,
    outcome: 'expired',
    errorKind: undefined,
    usage: { ...NO_USAGE, inputTokens, outputTokens },
    costNano: price === undefined ? 0 : Math.min(AMOUNT_MAX, costNanoMax(inputTokens, outputTokens, price)),
    currency: price?.currency,
    firstContentMs: undefined,
    durationMs: 0,
    limits: []
  }
}

/** What is not limited need not be measured. */
const NOTHING: Pick<AdmissionRequest, 'amounts' | 'output'> = {
  amounts: { inputTokens: 0, outputTokens: 0, price: undefined },
  output: { choices: 1, capTokens: 0, thinkingTokens: 0 }
}
