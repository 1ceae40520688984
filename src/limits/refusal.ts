import { GatewayError } from '../core/errors.ts'
import { refusalMessage } from './refusal-message.ts'
import { reportBody } from './reports.ts'
import type { LimitReport } from '../metering/limit-report.ts'

/** Nobody is told to wait longer: official clients take more for an error of ours and come at once. */
const RETRY_AFTER_MS_MAX = 60_000

/**
 * The error of a request that a limit refused. A rate that could never hold the request is the request's own fault (400);
 * everything else may be otherwise another time (429), a budget being `budget_exhausted`, which clients should not repeat.
 */
export function refusalOf (report: LimitReport, subject: Parameters<typeof refusalMessage>[1]): GatewayError {
  const { kind, retryAfterMs } = report
  const options = { limit: { ...reportBody(report) }, retryAfterMs: waitMs(retryAfterMs) }
  const message = refusalMessage(report, subject)
  if (kind === 'budget') return new GatewayError('budget_exhausted', message, options)
  if (kind === 'rate' && retryAfterMs === 'never') return new GatewayError('invalid_request', message, { limit: options.limit })
  return new GatewayError('rate_limited', message, options)
}

function waitMs (retryAfterMs: LimitReport['retryAfterMs']): number {
  return typeof retryAfterMs === 'number' ? Math.min(RETRY_AFTER_MS_MAX, retryAfterMs) : RETRY_AFTER_MS_MAX
}
