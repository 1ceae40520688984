import type { DatabaseSync } from 'node:sqlite'
import { createEmbeddedAccounts } from './accounts.ts'
import { createEmbeddedClaims } from './claims.ts'
import { createEmbeddedLedger } from './ledger.ts'
import { createEmbeddedLimitStore } from './limits.ts'
import { createEmbeddedRefusals } from './refusals.ts'
import type { Backend } from '../backend.ts'
import type { Clock } from '../../core/clock.ts'

export interface EmbeddedBackendDeps {
  readonly clock: Clock
  /** Told of refusals that could not be written down. */
  readonly refusalsLost: (count: number, cause: unknown) => void
}

/** One file, one process: there is nothing to be away, and no second way to it. */
export function openEmbeddedBackend (database: DatabaseSync, { clock, refusalsLost }: EmbeddedBackendDeps): Backend {
  const limits = createEmbeddedLimitStore(database, clock)
  const refusals = createEmbeddedRefusals(database, clock, refusalsLost)
  return {
    limits: { main: limits, spare: limits },
    accounts: createEmbeddedAccounts(database),
    claims: createEmbeddedClaims(database, clock),
    ledger: createEmbeddedLedger(database),
    refusals,
    spool: undefined,
    teamsHeld: limits.teams(),
    problems: async () => [],
    onReconnect () {},
    // Its records are on disk, and stay.
    trim: async () => {},
    async close () {
      limits.close()
      refusals.close()
      database.close()
    }
  }
}
