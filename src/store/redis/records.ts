import { GatewayError } from '../../core/errors.ts'
import { StoreUnavailable } from '../../limits/store.ts'
import { CALL_TIMEOUT_MS, within } from './failures.ts'
import type { LedgerRecord, RefusalRecord } from '../../metering/ledger.ts'
import type { LimitReport } from '../../metering/limit-report.ts'
import type { ReplyDeps } from './failures.ts'

/** The time in the first 48 bits of a UUID of version 7: what is kept of a request is found by its hour. */
export function birthMs (requestId: string): number | undefined {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/.exec(requestId) ?? []
  return high === undefined || low === undefined ? undefined : Number.parseInt(high + low, 16)
}

/** The last 64 bits of a UUID, which tell apart those of one millisecond. */
export function birthSequence (requestId: string): bigint {
  return BigInt(`0x${requestId.replaceAll('-', '').slice(-16)}`)
}

// JSON leaves out what is undefined, and records name all of their members.

/** What a request's only record did not name before it could have several. */
type LaterMember = 'attempt' | 'superseded' | 'status'

export function recordOf (json: string): LedgerRecord {
  const record = JSON.parse(json) as Omit<LedgerRecord, LaterMember> & Partial<Pick<LedgerRecord, LaterMember>>
  return {
    ...record,
    attempt: record.attempt ?? 1,
    superseded: record.superseded ?? false,
    status: record.status ?? formerStatusOf(record),
    upstreamRequestId: record.upstreamRequestId,
    errorKind: record.errorKind,
    currency: record.currency,
    firstContentMs: record.firstContentMs,
    limits: record.limits.map(reportOf)
  }
}

function formerStatusOf ({ outcome }: Pick<LedgerRecord, 'outcome'>): number {
  if (outcome === 'failed') return 502
  return outcome === 'client_closed' ? 499 : 200
}

export function refusalOf (json: string): RefusalRecord {
  const refusal = JSON.parse(json) as RefusalRecord
  return { ...refusal, limits: refusal.limits.map(reportOf) }
}

function reportOf (report: LimitReport): LimitReport {
  const { perModelId, retryAfterMs, resetsAtMs } = report
  return { ...report, perModelId, retryAfterMs, resetsAtMs }
}

/** Waits for what somebody asked for. @throws GatewayError `store_unavailable` */
export async function asked<Found> (found: Promise<Found>, deps: ReplyDeps): Promise<Found> {
  try {
    return await within(CALL_TIMEOUT_MS, found, deps)
  } catch (cause) {
    if (!(cause instanceof StoreUnavailable)) throw cause
    throw new GatewayError('store_unavailable', 'The store of requests cannot be asked at the moment. Try again shortly.', { cause })
  }
}
