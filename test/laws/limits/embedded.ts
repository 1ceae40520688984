import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { byText, ordered } from './dump.ts'
import { createEmbeddedLedger } from '../../../src/store/embedded/ledger.ts'
import { createEmbeddedLimitStore } from '../../../src/store/embedded/limits.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'
import { plainRecord, takenBy } from './subject.ts'
import type { Clock } from '../../../src/core/clock.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { DumpedReservation, Expiry, TeamDump } from './dump.ts'
import type { EmbeddedLimitStore } from '../../../src/store/embedded/limits.ts'
import type { Ledger } from '../../../src/metering/ledger.ts'
import type { Subject } from './subject.ts'

const FILE = 'dashgate.db'
const SAVED = 'saved.db'
const TABLES = ['limit_counters', 'limit_reservations', 'limit_finals', 'expired_reservations', 'ledger']

export function openEmbedded (folder: string): Subject {
  let nowMs = 0
  const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, setTimer: () => () => {} }
  let { store, ledger, database } = open(folder, clock)

  function close (): void {
    store.close()
    database.close()
  }

  return {
    name: 'embedded',
    keepsLeases: false,
    take (timed) {
      nowMs = timed.nowMs
      return takenBy(store, timed.call)
    },
    async dump (team) {
      const rows = database.prepare('SELECT request_id FROM ledger WHERE team = ? ORDER BY request_id').all(team)
      const records = await Promise.all(rows.map((row) => ledger.find(String(row['request_id']), team)))
      return { ...tablesOf(database, team), ledger: records.flatMap((record) => record === undefined ? [] : [plainRecord(record)]) }
    },
    async clear () {
      store.close()
      for (const table of TABLES) database.exec(`DELETE FROM ${table}`)
      store = createEmbeddedLimitStore(database, clock)
    },
    async restart () {
      close()
      ;({ store, ledger, database } = open(folder, clock))
    },
    async save () {
      rmSync(join(folder, SAVED), { force: true })
      database.exec(`VACUUM INTO '${join(folder, SAVED)}'`)
      return async () => {
        close()
        copyFileSync(join(folder, SAVED), join(folder, FILE))
        ;({ store, ledger, database } = open(folder, clock))
      }
    },
    async close () { close() }
  }
}

function open (folder: string, clock: Clock): { database: DatabaseSync, store: EmbeddedLimitStore, ledger: Ledger } {
  const database = openDatabase(folder)
  return { database, store: createEmbeddedLimitStore(database, clock), ledger: createEmbeddedLedger(database) }
}

function tablesOf (database: DatabaseSync, team: string): Omit<TeamDump, 'ledger'> {
  const rows = (sql: string): Record<string, unknown>[] => database.prepare(sql).all(team)
  const fields = new Map(rows('SELECT field, value FROM limit_counters WHERE team = ?').map(({ field, value }) => [String(field), value]))
  const named = (pattern: RegExp): [string, unknown][] => [...fields].filter(([field]) => pattern.test(field))
  const reservations = rows('SELECT rid, due_ms, body FROM limit_reservations WHERE team = ?')
    .map(({ rid, due_ms: dueMs, body }) => ({ rid, dueMs, ...JSON.parse(String(body)) as object }) as DumpedReservation)
  const expiries = rows('SELECT rid, body FROM expired_reservations WHERE team = ?')
    .map(({ rid, body }) => ({ rid, ...JSON.parse(String(body)) as object }) as Expiry)
  return {
    version: Number(fields.get('v') ?? 0),
    epoch: String(fields.get('e') ?? ''),
    holdUntilMs: Number(fields.get('h') ?? 0),
    counters: ordered(named(/^(rl|rt|c|bs|br):/).map(([field, value]) => [field, Number(value)])),
    windows: ordered(named(/^bw:/).map(([field, value]) => [field.slice('bw:'.length), String(value)])),
    reservations: reservations.sort(byText(({ rid }) => rid)),
    finals: rows('SELECT rid FROM limit_finals WHERE team = ? ORDER BY rid').map(({ rid }) => String(rid)),
    expiries: expiries.sort(byText(({ rid }) => rid))
  }
}
