import type { Admission } from '../../src/limits/admission.ts'
import type { AdmissionRequest, Limiter } from '../../src/limits/limiter.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'

export interface OpenLimiter extends Limiter {
  /** What was charged, oldest first. */
  readonly records: LedgerRecord[]
  /** How each admitted request ended. */
  readonly endings: ('settled' | 'released' | 'abandoned')[]
  /** What was asked of it, oldest first. */
  readonly asked: AdmissionRequest[]
}

/** Lets everything in and remembers what became of it. */
export function createOpenLimiter (admission: Partial<Admission> = {}): OpenLimiter {
  const records: LedgerRecord[] = []
  const endings: OpenLimiter['endings'] = []
  const asked: AdmissionRequest[] = []
  const letIn = (): Admission => ({
    status: 'admitted',
    reports: [],
    headers: {},
    outputTokensFit: undefined,
    outputTokensHeld: undefined,
    async settle (usage, record) {
      endings.push(usage === 'void' ? 'released' : 'settled')
      records.push(record)
    },
    abandon () { endings.push('abandoned') },
    ...admission
  })
  return {
    records,
    endings,
    asked,
    async admit (request) {
      asked.push(request)
      return letIn()
    },
    unheld: letIn,
    explain: async () => ({ allowed: true, decidedBy: undefined, outputTokensFit: undefined, reports: [] })
  }
}
