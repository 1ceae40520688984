import { GatewayError } from '../core/errors.ts'
import { admit } from './admit.ts'
import { attempt } from './attempt.ts'
import { endTry } from './exchange.ts'
import { fitCaps } from './caps.ts'
import { mayUseModel } from '../accounts/principal.ts'
import { createMeter } from './meter.ts'
import { priceAt } from '../metering/prices.ts'
import { respond } from './respond.ts'
import { sendError } from './client-reply.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange } from './exchange.ts'
import type { Keyring } from '../upstream/keyring.ts'
import type { Limiter } from '../limits/limiter.ts'
import type { Refusals } from '../metering/ledger.ts'
import type { JsonBody } from '../core/body.ts'
import type { HeaderValues } from '../core/protocol.ts'
import type { Send } from '../upstream/send.ts'
import type { TokenCounter } from '../tokens/counter.ts'

export interface RelayDeps {
  readonly clock: Clock
  readonly random: () => number
  readonly send: Send
  readonly keyring: Pick<Keyring, 'keysOf' | 'begin'>
  readonly tokens: TokenCounter
  readonly limiter: Limiter
  readonly refusals: Refusals
  /** Called once for every exchange, after it has ended. */
  readonly record: (exchange: Exchange) => void
  /** Told of an exchange whose record could not be made. */
  readonly unsettled: (exchange: Exchange, cause: unknown) => void
}

/** What the HTTP layer hands over: the matched path, the headers, and the body once it has been read. */
export interface Incoming {
  readonly path: string
  readonly headers: HeaderValues
  readBody (): JsonBody
}

/** One request, from top to bottom. Every way out passes the meter, so every attempt is settled exactly once. */
export async function handle (exchange: Exchange, incoming: Incoming, deps: RelayDeps): Promise<void> {
  const meter = createMeter(exchange, deps)
  try {
    const call = exchange.call = { path: incoming.path, headers: incoming.headers, body: incoming.readBody() }
    const opened = exchange.opened = exchange.surface.surface.open(call, exchange.catalog.vendorRules)
    exchange.model = resolveModel(exchange, opened.envelope.model)
    exchange.price = priceAt(exchange.model.prices, exchange.startedMs)
    await fitCaps(exchange, opened.envelope, deps.tokens)
    await admit(exchange, opened.envelope, deps)
    const answer = await attempt(exchange, { call, opened, meter }, deps)
    await respond(exchange, { opened, answer, meter }, deps).finally(answer.end)
  } catch (caught) {
    exchange.error ??= GatewayError.from(caught)
    noteRefusal(exchange, deps.refusals)
    sendError(exchange.reply, exchange.surface.surface, exchange.error)
  } finally {
    endTry(exchange, exchange.error, deps.clock)
    // The client has its answer by now: what fails here is for the operator alone.
    await meter.finish().catch((cause: unknown) => deps.unsettled(exchange, cause))
    deps.record(exchange)
  }
}

function resolveModel ({ catalog, principal }: Exchange, name: string): NonNullable<Exchange['model']> {
  const model = catalog.resolve(name)
  if (model !== undefined && mayUseModel(principal, model.name)) return model
  if (model !== undefined) {
    throw new GatewayError('permission_denied', `This key may not use the model ${JSON.stringify(name)}. GET /v1/models lists the ones it may.`, { param: 'model' })
  }
  throw new GatewayError('model_not_found', `The model ${JSON.stringify(name)} does not exist or you do not have access to it. ` +
    'GET /v1/models lists the ones you may use.', { param: 'model' })
}

/** Whoever was refused by a limit, or may not use a model, can ask why afterwards. */
function noteRefusal (exchange: Exchange, refusals: Refusals): void {
  const { error, limits, principal, opened, catalog } = exchange
  if (error === undefined || exchange.admission !== undefined) return
  if (limits.length === 0 && error.kind !== 'permission_denied') return
  refusals.append({
    requestId: exchange.requestId,
    timeMs: exchange.startedMs,
    team: principal.team,
    keyId: principal.keyId,
    model: catalog.resolve(opened?.envelope.model ?? '')?.name ?? '',
    errorKind: error.kind,
    message: error.message,
    limits
  })
}
