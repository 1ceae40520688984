import { NO_USAGE } from '../core/usage.ts'
import { costNano, costNanoMax } from '../metering/prices.ts'
import type { Amounts } from '../limits/claims.ts'
import type { Exchange } from './exchange.ts'
import type { GatewayError } from '../core/errors.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { Usage } from '../core/usage.ts'

/** What an attempt came to. */
export interface Ending {
  readonly usage: Usage
  readonly outcome: LedgerRecord['outcome']
  readonly error: GatewayError | undefined
  readonly nowMonotonicMs: number
}

/** The record of an exchange that has ended. */
export function recordOf (exchange: Exchange, { usage, outcome, error, nowMonotonicMs }: Ending): LedgerRecord {
  const { price, target, firstContentMonotonicMs: first, startedMonotonicMs } = exchange
  return {
    ...requestOf(exchange),
    upstreamModel: target?.model ?? '',
    upstream: target?.upstream.name ?? '',
    upstreamRequestId: exchange.upstreamRequestId,
    attempts: exchange.attempts,
    status: exchange.reply.status ?? error?.status ?? 200,
    outcome,
    errorKind: error?.kind,
    usage,
    costNano: costNano(usage, price),
    currency: price?.currency,
    firstContentMs: first === undefined ? undefined : Math.round(first - startedMonotonicMs),
    durationMs: Math.round(nowMonotonicMs - startedMonotonicMs)
  }
}

/** The record of an attempt that another one follows. Its silence may have been billed. */
export function supersededRecordOf (exchange: Exchange, ending: Omit<Ending, 'outcome'>): LedgerRecord {
  return { ...recordOf(exchange, { ...ending, outcome: 'failed' }), superseded: true }
}

/** The record to write should nobody ever say what an attempt used: all that is held for it, at its dearest. */
export function expiryOf (exchange: Exchange, { inputTokens, outputTokens, price }: Amounts): LedgerRecord {
  return {
    ...requestOf(exchange),
    upstreamModel: '',
    upstream: '',
    upstreamRequestId: undefined,
    attempts: exchange.attempts + 1,
    status: 500,
    outcome: 'expired',
    errorKind: undefined,
    usage: { ...NO_USAGE, inputTokens, outputTokens },
    costNano: price === undefined ? 0 : costNanoMax(inputTokens, outputTokens, price),
    currency: price?.currency,
    firstContentMs: undefined,
    durationMs: 0
  }
}

type RequestFields = 'requestId' | 'timeMs' | 'team' | 'keyId' | 'model' | 'surface' | 'stream' | 'attempt' | 'superseded' | 'limits'

/** What is the same in whatever record the present attempt gets. */
function requestOf (exchange: Exchange): Pick<LedgerRecord, RequestFields> {
  const { principal } = exchange
  return {
    requestId: exchange.requestId,
    timeMs: exchange.startedMs,
    team: principal.team,
    keyId: principal.keyId,
    model: exchange.model?.name ?? '',
    surface: exchange.surface.name,
    stream: exchange.opened?.envelope.stream ?? false,
    attempt: exchange.recordNumber,
    superseded: false,
    limits: exchange.limits
  }
}
