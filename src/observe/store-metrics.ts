import { Counter, Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import type { Exchange } from '../relay/exchange.ts'
import type { TroubleEvent } from '../limits/trouble.ts'

/** Figures of the limits and of the store that keeps them. */
export interface StoreMetrics {
  /** A request that a limit refused. */
  refusedByLimit (exchange: Exchange): void
  trouble (event: TroubleEvent): void
  /** Whether the store is set up so that it can keep budgets. */
  configured (isSound: unknown): void
  /** Asked when the metrics are read. */
  watch (read: () => StoreFigures): void
}

export interface StoreFigures {
  readonly skewMs: number
  /** Settlements that the store has not acknowledged, and how long the oldest of them has been waiting. */
  readonly pending: number
  readonly oldestMs: number
}

/** Codes that are series of their own; whatever else a server may say is `other`. */
const CODES: ReadonlySet<string> = new Set([
  'timeout', 'breaker_open', 'OOM', 'READONLY', 'BUSY', 'LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'NOREPLICAS', 'ECONNREFUSED',
  'ECONNRESET', 'EPIPE', 'closed', 'sealed', 'sqlite'
])

export function createStoreMetrics (registry: Registry): StoreMetrics {
  const registers = [registry]
  const refusals = new Counter({
    name: 'dashgate_limit_refusals_total',
    help: 'Requests that a limit refused, by the limit that decided.',
    labelNames: ['scope', 'kind', 'unit'],
    registers
  })
  const ambiguous = new Counter({
    name: 'dashgate_reserve_ambiguous_total', help: 'Reservations that were voided because nobody knows whether they were made.', registers
  })
  const repeated = new Counter({
    name: 'dashgate_store_repeated_total', help: 'Calls whose first answer was lost and whose repetition changed nothing.', labelNames: ['operation'], registers
  })
  const lost = new Counter({
    name: 'dashgate_settlements_lost_total', help: 'Settlements that the store will never take.', labelNames: ['reason'], registers
  })
  const sound = new Gauge({ name: 'dashgate_store_config_ok', help: 'Whether the store is set up so that it can keep budgets.', registers })
  const up = new Gauge({ name: 'dashgate_store_up', help: 'Whether the store of the limits answers.', registers })
  const errors = new Counter({ name: 'dashgate_store_errors_total', help: 'Calls that the store did not answer, by why.', labelNames: ['operation', 'code'], registers })
  const rollbacks = new Counter({ name: 'dashgate_store_rollback_total', help: 'Times the store was found to have lost writes.', registers })
  sound.set(1)
  return {
    refusedByLimit ({ limits }) {
      const report = limits.find(({ allows }) => !allows)
      if (report !== undefined) refusals.inc({ scope: report.scope, kind: report.kind, unit: report.unit })
    },
    trouble (event) {
      switch (event.kind) {
        case 'store_state': return up.set(event.isUp ? 1 : 0)
        case 'store_error': return errors.inc({ operation: event.operation, code: CODES.has(event.code) ? event.code : 'other' })
        case 'reserve_ambiguous': return ambiguous.inc()
        case 'repeated': return repeated.inc({ operation: event.operation })
        case 'store_rollback': return rollbacks.inc()
        case 'settlement_lost': return lost.inc({ reason: event.reason })
        case 'recovered': case 'spool_state': case 'upkeep_failed':
      }
    },
    configured (isSound) { sound.set(isSound === true ? 1 : 0) },
    watch (read) {
      const watched = (name: string, help: string, figure: () => number): void => {
        // eslint-disable-next-line no-new -- a gauge registers itself and is read through its registry
        new Gauge({ name, help, registers, collect () { this.set(figure()) } })
      }
      watched('dashgate_store_clock_skew_seconds', 'How far the store\'s clock is ahead of ours.', () => read().skewMs / 1000)
      watched('dashgate_spool_pending', 'Settlements that the store has not acknowledged.', () => read().pending)
      watched('dashgate_spool_oldest_seconds', 'How long the oldest of them has been waiting.', () => read().oldestMs / 1000)
    }
  }
}
