import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { byText, hoursInOrder, ordered } from './dump.ts'
import { createEmbeddedLimitStore } from '../../../src/store/embedded/limits.ts'
import { createEmbeddedUsage } from '../../../src/store/embedded/usage.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'
import { plain, takenBy } from './subject.ts'
import { recordOf } from '../../../src/store/embedded/ledger-rows.ts'
import type { Clock } from '../../../src/core/clock.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { DumpedReservation, TeamDump } from './dump.ts'
import type { EmbeddedLimitStore } from '../../../src/store/embedded/limits.ts'
import type { Subject } from './subject.ts'
import type { UsageHour } from '../../../src/metering/rollups.ts'

const FILE = 'dashgate.db'
const SAVED = 'saved.db'
const TABLES = ['limit_counters', 'limit_reservations', 'limit_finals', 'ledger', 'usage_hours']

export function openEmbedded (folder: string): Subject {
  let nowMs = 0
  const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, setTimer: () => () => {} }
  let { store, database } = open(folder, clock)

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
      return { ...tablesOf(database, team), usage: await usageIn(database, team) }
    },
    async clear () {
      store.close()
      for (const table of TABLES) database.exec(`DELETE FROM ${table}`)
      store = createEmbeddedLimitStore(database, clock)
    },
    async restart () {
      close()
      ;({ store, database } = open(folder, clock))
    },
    async save () {
      rmSync(join(folder, SAVED), { force: true })
      database.exec(`VACUUM INTO '${join(folder, SAVED)}'`)
      return async () => {
        close()
        copyFileSync(join(folder, SAVED), join(folder, FILE))
        ;({ store, database } = open(folder, clock))
      }
    },
    async close () { close() }
  }
}

function open (folder: string, clock: Clock): { database: DatabaseSync, store: EmbeddedLimitStore } {
  const database = openDatabase(folder)
  return { database, store: createEmbeddedLimitStore(database, clock) }
}

async function usageIn (database: DatabaseSync, team: string): Promise<UsageHour[]> {
  const { first, last } = database.prepare('SELECT min(hour_ms) AS first, max(hour_ms) AS last FROM usage_hours').get() ?? {}
  const hours: UsageHour[] = []
  if (first === null) return hours
  for await (const batch of createEmbeddedUsage(database).read(team, Number(first), Number(last) + 1)) hours.push(...batch)
  return plain(hoursInOrder(hours))
}

function tablesOf (database: DatabaseSync, team: string): Omit<TeamDump, 'usage'> {
  const rows = (sql: string): Record<string, unknown>[] => database.prepare(sql).all(team)
  const fields = new Map(rows('SELECT field, value FROM limit_counters WHERE team = ?').map(({ field, value }) => [String(field), value]))
  const named = (pattern: RegExp): [string, unknown][] => [...fields].filter(([field]) => pattern.test(field))
  const reservations = rows('SELECT rid, due_ms, body FROM limit_reservations WHERE team = ?')
    .map(({ rid, due_ms: dueMs, body }) => ({ rid, dueMs, ...JSON.parse(String(body)) as object }) as DumpedReservation)
  return {
    version: Number(fields.get('v') ?? 0),
    epoch: String(fields.get('e') ?? ''),
    holdUntilMs: Number(fields.get('h') ?? 0),
    counters: ordered(named(/^(rl|rt|c|bs|br):/).map(([field, value]) => [field, Number(value)])),
    windows: ordered(named(/^bw:/).map(([field, value]) => [field.slice('bw:'.length), String(value)])),
    reservations: reservations.sort(byText(({ rid }) => rid)),
    finals: rows('SELECT rid FROM limit_finals WHERE team = ? ORDER BY rid').map(({ rid }) => String(rid)),
    ledger: database.prepare('SELECT * FROM ledger WHERE team = ? ORDER BY rid').all(team).map((row) => ({ rid: String(row['rid']), record: plain(recordOf(row)) }))
  }
}
