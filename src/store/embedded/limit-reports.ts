import type { LimitReport } from '../../metering/limit-report.ts'

/** Reports as they were given. JSON leaves out what is undefined, and a report names all of its members. */
export function limitsOf (json: string): LimitReport[] {
  return (JSON.parse(json) as LimitReport[]).map((report) => ({
    ...report,
    perModelId: report.perModelId,
    retryAfterMs: report.retryAfterMs,
    resetsAtMs: report.resetsAtMs
  }))
}
