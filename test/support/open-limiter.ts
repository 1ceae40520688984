import type { Admission } from '../../src/limits/admission.ts'
import type { Limiter } from '../../src/limits/limiter.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'

export interface OpenLimiter extends Limiter {
  /** What was charged, oldest first. */
  readonly records: LedgerRecord[]
  /** How each admitted request ended. */
  readonly endings: ('settled' | 'released' | 'abandoned')[]
}

/** Lets everything in and remembers what became of it. */
export function createOpenLimiter (admission: Partial<Admission> = {}): OpenLimiter {
  const records: LedgerRecord[] = []
  const endings: OpenLimiter['endings'] = []
  return {
    records,
    endings,
    admit: async () => ({
      status: 'admitted',
      reports: [],
      headers: {},
      outputTokensFit: undefined,
      outputTokensHeld: undefined,
      async settle (_usage, record) {
        endings.push('settled')
        records.push(record)
      },
      async release () { endings.push('released') },
      abandon () { endings.push('abandoned') },
      ...admission
    }),
    explain: async () => ({ allowed: true, decidedBy: undefined, outputTokensFit: undefined, reports: [] })
  }
}
