import { createGuardedStore } from './guard.ts'
import { createLeases } from './leases.ts'
import { createOutage } from './outage.ts'
import { createRecovery } from './recovery.ts'
import { createSettlements } from './settlements.ts'
import { createSweeps } from './sweeps.ts'
import { createWatchedStore } from './watched.ts'
import type { BreakerState } from './store-health.ts'
import type { Clock } from '../core/clock.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { Leases } from './leases.ts'
import type { LimitStore } from './store.ts'
import type { Outage } from './outage.ts'
import type { Report } from './trouble.ts'
import type { Settlements } from './settlements.ts'
import type { SeenState, Spool } from './spool.ts'
import type { Stores } from './guard.ts'

/** A store, and everything that keeps its counters right while it or a gateway is in trouble. */
export interface Accounting {
  readonly store: LimitStore
  readonly leases: Leases
  readonly settlements: Settlements
  readonly outage: Outage
  /** False until the first contact. */
  readonly isStoreUp: boolean
  /** Whether the store is asked at all. */
  readonly breaker: BreakerState
  /** How far the store's clock is ahead of ours, by its last reply. */
  readonly skewMs: number
  /**
   * Looks for the store, once here and then by itself. Resolves whether or not it is there; then what was pending is sent
   * and what others left behind is swept, for which nobody has to wait.
   */
  start (): Promise<void>
  /** The connection was lost and made anew: what the store acknowledged of late may be gone without a sign. */
  suspect (): void
  /** Gives back what was set aside and sends what is pending, for at most `timeoutMs`. The rest is in the spool. */
  close (timeoutMs: number): Promise<void>
}

export interface AccountingDeps {
  readonly clock: Clock
  readonly random: () => number
  /** New at every start. */
  readonly bootId: string
  /** How many gateways share the store. */
  readonly replicas: number
  /** Undefined where the store is this process's own. */
  readonly spool: Spool | undefined
  /** Every team there is. */
  readonly teams: () => Promise<readonly string[]> | readonly string[]
  readonly report: Report
  /** Told of each record that is to be written, once, wherever it is kept meanwhile. */
  readonly charged?: (record: LedgerRecord) => void
}

export function createAccounting (stores: Stores, deps: AccountingDeps): Accounting {
  const { clock, report, spool } = deps
  const seen = spool?.seen() ?? new Map<string, SeenState>()
  let isStarted = false
  const guard = createGuardedStore(stores, {
    clock,
    report,
    seal: (call) => { void settlements.settle(call) },
    returned () {
      leases.renewNow()
      // What ran out meanwhile may be of teams that nobody here asks for.
      if (isStarted) void sweeps.sweepAll()
      // It was away for more than a moment, or we were: who knows which of its copies is there.
      void recovery.suspect()
    }
  })
  const store = createWatchedStore(guard, {
    clock, seen, lost: (team, sign) => recovery.recover(team, sign), discard: (call) => { void settlements.settle(call) }
  })
  const sweeps = createSweeps(store, deps)
  const leases = createLeases(store, { clock, report, served: sweeps.serve })
  const settlements = createSettlements(store, { ...deps, ended: (call, isCounted) => outage.ended(call, isCounted) })
  const recovery = createRecovery({ ...deps, store, leases, settlements })
  const outage: Outage = createOutage({
    ...deps, store, leases, settlements, storeNowMs: () => clock.nowMs() + store.skewMs, isStoreUp: () => guard.isUp
  })

  return {
    store,
    leases,
    settlements,
    // A store of this process's own is never away, and what was set aside for that would be lost if the process dies.
    outage: spool === undefined ? { ...outage, observe () {} } : outage,
    get isStoreUp () { return guard.isUp },
    get breaker () { return guard.breaker },
    get skewMs () { return store.skewMs },
    async start () {
      await guard.start()
      // Of what an earlier life has seen, a loss is to be noticed before anybody asks for the team.
      isStarted = true
      for (const team of seen.keys()) sweeps.serve(team)
      void sweeps.sweepAll()
    },
    suspect () { void recovery.suspect() },
    async close (timeoutMs) {
      await outage.close()
      await settlements.drain(timeoutMs)
      for (const part of [guard, leases, sweeps, recovery, settlements]) part.close()
    }
  }
}
