import type { AnswerFacts } from '../core/event.ts'
import type { Admission } from '../limits/admission.ts'
import type { Catalog, Model, Price, Target } from '../core/catalog.ts'
import type { Clock } from '../core/clock.ts'
import type { ClientCall, OpenedCall, Protocol } from '../core/protocol.ts'
import type { GatewayError } from '../core/errors.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { LimitReport } from '../metering/limit-report.ts'
import type { Principal } from '../accounts/principal.ts'
import type { Usage } from '../core/usage.ts'
import type { ClientReply } from './client-reply.ts'

/** Everything that is known of one client request. Steps fill it from top to bottom and none goes back. */
export interface Exchange {
  readonly requestId: string
  readonly surface: Protocol
  readonly principal: Principal
  /** The configuration as it was when the request came. */
  readonly catalog: Catalog
  readonly reply: ClientReply
  /** Whose part this request is, as its client says: W3C's header, unread. */
  readonly traceparent: string | undefined
  readonly startedMs: number
  readonly startedMonotonicMs: number
  call: ClientCall | undefined
  opened: OpenedCall | undefined
  model: Model | undefined
  /** The model's price when the request came, which holds for all of it. */
  price: Price | undefined
  /** Input tokens as counted before the call; undefined where bytes alone proved that they fit. */
  inputTokensCounted: number | undefined
  /** The output cap the gateway sends in place of the client's; undefined where it leaves it alone. */
  outputTokensMax: number | undefined
  /** What is held for the prompt; undefined where nothing is. */
  inputTokensHeld: number | undefined
  /** What every limit that applies said. */
  limits: readonly LimitReport[]
  /** What is held for the request; undefined before it is let in. */
  admission: Admission | undefined
  target: Target | undefined
  attempts: number
  /** Which of its records the present attempt is to be, from 1: one that may have been billed has a record of its own. */
  recordNumber: number
  readonly tries: Try[]
  /** Whether the present attempt's request has gone out: then it may have been billed, answered or not. */
  sent: boolean
  upstreamRequestId: string | undefined
  firstContentMonotonicMs: number | undefined
  usage: Usage | undefined
  /** What the upstream said of its answer; undefined where none was read. */
  told: AnswerFacts | undefined
  outcome: Outcome | undefined
  error: GatewayError | undefined
  /** Whether the answer was ended because it ran past what was held for it. */
  cut: boolean
}

/** One try at one target, for whoever looks back. One that has not ended is still under way. */
export interface Try {
  readonly target: Target
  readonly startedMonotonicMs: number
  endedMonotonicMs: number | undefined
  status: number | undefined
  upstreamRequestId: string | undefined
  error: GatewayError | undefined
}

/** How a request ended: the answer was whole, something failed, the client left, or we cut it short. */
export type Outcome = LedgerRecord['outcome']

export interface ExchangeStart {
  readonly surface: Protocol
  readonly principal: Principal
  readonly catalog: Catalog
  readonly reply: ClientReply
  readonly traceparent?: string | undefined
}

export function openExchange (start: ExchangeStart, deps: { readonly clock: Clock }): Exchange {
  return {
    ...start,
    traceparent: start.traceparent,
    requestId: start.reply.requestId,
    startedMs: deps.clock.nowMs(),
    startedMonotonicMs: deps.clock.monotonicMs(),
    call: undefined,
    opened: undefined,
    model: undefined,
    price: undefined,
    inputTokensCounted: undefined,
    outputTokensMax: undefined,
    inputTokensHeld: undefined,
    limits: [],
    admission: undefined,
    target: undefined,
    attempts: 0,
    recordNumber: 1,
    tries: [],
    sent: false,
    upstreamRequestId: undefined,
    firstContentMonotonicMs: undefined,
    usage: undefined,
    told: undefined,
    outcome: undefined,
    error: undefined,
    cut: false
  }
}

export function beginTry (exchange: Exchange, target: Target, clock: Clock): Try {
  const begun: Try = {
    target,
    startedMonotonicMs: clock.monotonicMs(),
    endedMonotonicMs: undefined,
    status: undefined,
    upstreamRequestId: undefined,
    error: undefined
  }
  exchange.tries.push(begun)
  return begun
}

/** Ends the latest try, if it goes on. */
export function endTry ({ tries }: Exchange, error: GatewayError | undefined, clock: Clock): void {
  const last = tries.at(-1)
  if (last === undefined || last.endedMonotonicMs !== undefined) return
  last.endedMonotonicMs = clock.monotonicMs()
  last.error = error
}

/** What is left of the whole answer's time, from the moment the request came. */
export function timeLeftMs (exchange: Exchange, target: Target, clock: Clock): number {
  return Math.max(0, target.upstream.timeouts.totalTimeoutMs - (clock.monotonicMs() - exchange.startedMonotonicMs))
}
