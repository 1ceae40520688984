import { createEmbeddedLedger } from '../../../src/store/embedded/ledger.ts'
import { createEmbeddedLimitStore } from '../../../src/store/embedded/limits.ts'
import { createEmbeddedUsage } from '../../../src/store/embedded/usage.ts'
import { MIDNIGHT_MS } from '../limit-scene.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'
import type { Clock } from '../../../src/core/clock.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { EmbeddedLimitStore } from '../../../src/store/embedded/limits.ts'
import type { LimitStoreUnderTest } from '../limit-scene.ts'

/** The embedded store of one folder, seen through its tables. */
export interface LimitBooks extends LimitStoreUnderTest {
  readonly store: EmbeddedLimitStore
  readonly database: DatabaseSync
}

export function openLimitBooks (folder: string): LimitBooks {
  let nowMs = MIDNIGHT_MS
  const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, setTimer: () => () => {} }
  const database = openDatabase(folder)
  const store = createEmbeddedLimitStore(database, clock)
  return {
    store,
    database,
    now: { set (ms) { nowMs = ms }, get: () => nowMs },
    dump: async (team) => dumpOf(database, team),
    ledger: async (team) => database.prepare('SELECT request_id FROM ledger WHERE team = ? ORDER BY rowid').all(team).map((row) => String(row['request_id'])),
    records: createEmbeddedLedger(database),
    usage: createEmbeddedUsage(database),
    async close () {
      store.close()
      database.close()
    }
  }
}

function dumpOf (database: DatabaseSync, team: string): Record<string, string> {
  const counters = database.prepare("SELECT field, value FROM limit_counters WHERE team = ? AND field NOT IN ('v', 'e')").all(team)
  const reservations = database.prepare('SELECT rid, body FROM limit_reservations WHERE team = ?').all(team)
  return Object.fromEntries([
    ...counters.map(({ field, value }) => [String(field), String(value)] as const),
    ...reservations.map(({ rid, body }) => [`${(JSON.parse(String(body)) as { state: string }).state}:${String(rid)}`, String(body)] as const)
  ])
}
