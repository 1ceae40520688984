import type { DatabaseSync } from 'node:sqlite'
import { createEmbeddedAccounts } from './accounts.ts'
import { createEmbeddedIdempotency } from './idempotency.ts'
import { createEmbeddedLedger } from './ledger.ts'
import { createEmbeddedLimitStore } from './limits.ts'
import { createEmbeddedRefusals } from './refusals.ts'
import { createEmbeddedUsage } from './usage.ts'
import { trimTables } from './trimming.ts'
import type { Backend } from '../backend.ts'
import type { Clock } from '../../core/clock.ts'
import type { Retention } from '../retention.ts'

export interface EmbeddedBackendDeps {
  readonly clock: Clock
  readonly retention: Retention
  /** Told of refusals that could not be written down. */
  readonly refusalsLost: (count: number, cause: unknown) => void
}

/** One file, one process: there is nothing to be away, and no second way to it. */
export function openEmbeddedBackend (database: DatabaseSync, deps: EmbeddedBackendDeps): Backend {
  const { clock, retention, refusalsLost } = deps
  const limits = createEmbeddedLimitStore(database, clock)
  const refusals = createEmbeddedRefusals(database, clock, refusalsLost)
  return {
    limits: { main: limits, spare: limits },
    accounts: createEmbeddedAccounts(database),
    idempotency: createEmbeddedIdempotency(database, clock),
    ledger: createEmbeddedLedger(database),
    refusals,
    usage: createEmbeddedUsage(database),
    spool: undefined,
    teamsHeld: limits.teams(),
    problems: async () => [],
    onReconnect () {},
    trim: async () => await trimTables(database, retention, clock.nowMs()),
    async close () {
      limits.close()
      refusals.close()
      database.close()
    }
  }
}
