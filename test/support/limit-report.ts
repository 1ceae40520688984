import type { LimitReport } from '../../src/metering/limit-report.ts'

/** A budget that has too little left for what is asked. */
export const DAILY: LimitReport = {
  scope: 'team',
  perModelId: undefined,
  id: 'daily',
  kind: 'budget',
  unit: 'tokens',
  amount: 1_000,
  used: 700,
  held: 200,
  requested: 500,
  remaining: 100,
  allows: false,
  retryAfterMs: 60_000,
  resetsAtMs: Date.UTC(2026, 0, 2)
}
