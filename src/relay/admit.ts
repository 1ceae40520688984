import { GatewayError } from '../core/errors.ts'
import { amountsOf } from './amounts.ts'
import { expiryOf } from './record.ts'
import { rulesFor } from '../limits/rules.ts'
import type { Admission } from '../limits/admission.ts'
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
  const request = await requestFor(exchange, envelope, tokens)
  const answer = await limiter.admit(request)
  exchange.limits = answer.reports
  for (const [name, value] of Object.entries(answer.headers)) exchange.reply.setHeader(name, value)
  if (answer.status === 'refused') throw answer.error
  hold(exchange, envelope, { request, admission: answer })
}

/**
 * Holds as much anew for another attempt, where the one before it was settled by itself. What the client is told of its limits
 * stays what the request was let in with.
 * @returns false where the limits leave no room for it, and then nothing is held
 */
export async function admitAgain (exchange: Exchange, envelope: Envelope, { tokens, limiter }: AdmitDeps): Promise<boolean> {
  const request = await requestFor(exchange, envelope, tokens)
  const answer = await limiter.admit(request).catch(refusedBy)
  if (answer.status === 'admitted') hold(exchange, envelope, { request, admission: answer })
  else exchange.admission = limiter.unheld(request)
  return answer.status === 'admitted'
}

async function requestFor (exchange: Exchange, envelope: Envelope, tokens: TokenCounter): Promise<AdmissionRequest> {
  const { model, principal, catalog: { policies } } = exchange
  if (model === undefined) throw new TypeError('a model must be resolved before its admission')
  const isLimited = rulesFor(principal.account, model.name).length > 0
  const asked = isLimited ? await amountsOf(exchange, envelope, tokens) : NOTHING
  return {
    account: principal.account,
    model,
    requestId: exchange.requestId,
    attempt: exchange.recordNumber,
    ...asked,
    policies,
    expiryOf: (amounts) => expiryOf(exchange, amounts)
  }
}

/** What is not limited need not be measured. */
const NOTHING: Pick<AdmissionRequest, 'amounts' | 'output'> = {
  amounts: { inputTokens: 0, outputTokens: 0, price: undefined },
  output: { choices: 1, capTokens: 0, thinkingTokens: 0 }
}

function refusedBy (caught: unknown): { readonly status: 'refused' } {
  if (caught instanceof GatewayError) return { status: 'refused' }
  throw caught
}

interface Held { readonly request: AdmissionRequest, readonly admission: Admission }

function hold (exchange: Exchange, envelope: Envelope, { request: { amounts, output }, admission }: Held): void {
  exchange.admission = admission
  if (output === NOTHING.output) return
  exchange.inputTokensHeld = amounts.inputTokens
  // What an upstream does without a cap may be more than the catalog knows of: what is held goes up as the cap.
  if (envelope.outputTokensMax === undefined) exchange.outputTokensMax ??= output.capTokens
  if (admission.outputTokensFit === undefined) return
  exchange.outputTokensMax = admission.outputTokensFit
  exchange.reply.setHeader('x-dashgate-clamped', `${envelope.outputCapPath}=${admission.outputTokensFit}`)
}
