import { amountsOf } from './amounts.ts'
import { rulesFor } from '../limits/rules.ts'
import type { AdmissionRequest, Limiter } from '../limits/limiter.ts'
import type { Envelope } from '../core/protocol.ts'
import type { Exchange } from './exchange.ts'
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
    note: JSON.stringify({ key: principal.keyId, model: model.name, surface: exchange.surface.name })
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

/** What is not limited need not be measured. */
const NOTHING: Pick<AdmissionRequest, 'amounts' | 'output'> = {
  amounts: { inputTokens: 0, outputTokens: 0, price: undefined },
  output: { choices: 1, capTokens: 0, thinkingTokens: 0 }
}
