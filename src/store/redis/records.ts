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

// JSON leaves out what is undefined, and records name all of their members.

export function recordOf (json: string): LedgerRecord {
  const record = JSON.parse(json) as LedgerRecord
  return {
    ...record,
    upstreamRequestId: record.upstreamRequestId,
    errorKind: record.errorKind,
    currency: record.currency,
    firstContentMs: record.firstContentMs,
    limits: record.limits.map(reportOf)
  }
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
