import type { BreakerState } from '../limits/store-health.ts'
import type { Instruments } from './instruments.ts'
import type { TroubleEvent } from '../limits/trouble.ts'

/** Figures of the store that keeps the limits. */
export interface StoreMetrics {
  trouble (event: TroubleEvent): void
  /** Whether the store is set up so that it can keep budgets. */
  configured (isSound: unknown): void
  /** Asked when the metrics are read. */
  watch (read: () => StoreFigures): void
  refresh (): void
}

export interface StoreFigures {
  readonly breaker: BreakerState
  readonly skewMs: number
  /** Settlements that the store has not acknowledged, and how long the oldest of them has been waiting. */
  readonly pending: number
  readonly oldestMs: number
}

/** Codes that are series of their own; whatever else a server may say is `other`. */
const CODES: ReadonlySet<string> = new Set([
  'timeout', 'breaker_open', 'OOM', 'READONLY', 'BUSY', 'LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'NOREPLICAS', 'ECONNREFUSED',
  'ECONNRESET', 'EPIPE', 'closed', 'sealed', 'sqlite', 'store_lost'
])

export function createStoreMetrics (instruments: Instruments): StoreMetrics {
  let read: (() => StoreFigures) | undefined
  return {
    trouble: (event) => countTrouble(instruments, event),
    configured (isSound) { instruments.storeSound.set(isSound === true ? 1 : 0) },
    watch (figures) { read = figures },
    refresh () {
      if (read === undefined) return
      const { breaker, skewMs, pending, oldestMs } = read()
      for (const state of ['closed', 'open', 'half_open'] as const) instruments.storeBreaker.set({ state }, state === breaker ? 1 : 0)
      instruments.skew.set(skewMs / 1000)
      instruments.spoolPending.set(pending)
      instruments.spoolOldest.set(oldestMs / 1000)
    }
  }
}

function countTrouble (instruments: Instruments, event: TroubleEvent): void {
  switch (event.kind) {
    case 'store_state': return instruments.storeUp.set(event.isUp ? 1 : 0)
    case 'store_error': {
      const code = CODES.has(event.code) ? event.code : 'other'
      return instruments.storeErrors.inc({ operation: event.operation, code })
    }
    case 'reserve_ambiguous': return instruments.ambiguous.inc()
    case 'repeated': return instruments.storeRepeated.inc({ operation: event.operation })
    case 'store_rollback': return instruments.storeRollbacks.inc()
    case 'settlement_lost': return instruments.settlementsLost.inc({ reason: event.reason })
    case 'spool_state': return instruments.spoolHealthy.set(event.isHealthy ? 1 : 0)
    case 'swept': return instruments.swept.inc(event.count)
    case 'script_loaded': return instruments.scriptLoads.inc()
    case 'recovered': case 'upkeep_failed':
  }
}
