import t from 'tap'
import type { DatabaseSync } from 'node:sqlite'
import { newDataFolder } from './data-folder.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'
import { trimTables } from '../../../src/store/embedded/trimming.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 10, 25)
const RETENTION = { ledgerMs: 30 * DAY_MS, usageMs: 400 * DAY_MS }

/** So many rows of each table, each a minute older than the one before, the first as old as it is said. */
function fill (database: DatabaseSync, team: string, { count, ageMs }: { readonly count: number, readonly ageMs: number }): void {
  const numbers = `WITH RECURSIVE numbers (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers LIMIT ${count})`
  const at = `${NOW_MS - ageMs} - 60000 * number`
  database.exec(`INSERT INTO ledger ${numbers} SELECT NULL, '${team}', '${ageMs}-' || number, ${at}, 'r', ${at}, 'k', 'm', 'm', 'openai', 'u', NULL, 0, 1, 0, 1, 200,
    'completed', NULL, 1, 0, 1, 0, 'reported', 1, 'CNY', NULL, 1, '[]' FROM numbers`)
  database.exec(`INSERT INTO refusals ${numbers} SELECT NULL, 'r', ${at}, '${team}', 'k', 'm', 'e', '', '[]' FROM numbers`)
  database.exec(`INSERT INTO usage_hours ${numbers} SELECT '${team}', ${at}, 'k', 'm', 'CNY' ${', 1'.repeat(35)} FROM numbers`)
}

function counts (database: DatabaseSync): Record<string, number[]> {
  const of = (table: string): number[] => database.prepare(`SELECT count(*) AS count FROM ${table} GROUP BY team ORDER BY team`).all().map(({ count }) => Number(count))
  return { ledger: of('ledger'), refusals: of('refusals'), usage: of('usage_hours') }
}

t.test('what is older than it is to be kept goes, of every team, and nothing else', async (t) => {
  const database = openDatabase(newDataFolder(t))
  for (const team of ['ads', 'search']) {
    fill(database, team, { count: 450, ageMs: RETENTION.usageMs + 1 })
    fill(database, team, { count: 10, ageMs: RETENTION.ledgerMs + 1 })
    fill(database, team, { count: 3, ageMs: RETENTION.ledgerMs - 120_000 })
  }
  await trimTables(database, RETENTION, NOW_MS)
  t.same(counts(database), { ledger: [3, 3], refusals: [3, 3], usage: [13, 13] })
  await trimTables(database, RETENTION, NOW_MS)
  t.same(counts(database), { ledger: [3, 3], refusals: [3, 3], usage: [13, 13] })
  await trimTables(database, RETENTION, NOW_MS + 1_000 * DAY_MS)
  t.same(counts(database), { ledger: [], refusals: [], usage: [] })
  database.close()
})

t.test('no turn takes more than a part, and others come in between', async (t) => {
  const database = openDatabase(newDataFolder(t))
  fill(database, 'search', { count: 1_000, ageMs: RETENTION.usageMs + 1 })
  const left: number[] = []
  let isOver = false
  const watch = (): void => {
    if (isOver) return
    left.push(counts(database)['ledger']?.[0] ?? 0)
    setImmediate(watch)
  }
  setImmediate(watch)
  await trimTables(database, RETENTION, NOW_MS)
  isOver = true
  t.ok(left.slice(1).every((count, turn) => (left[turn] ?? 0) - count <= 200), left.join(' '))
  t.ok(left.length > 5)
  database.close()
})

t.test('trimming ends where the database is closed meanwhile', async (t) => {
  const database = openDatabase(newDataFolder(t))
  fill(database, 'search', { count: 1_000, ageMs: RETENTION.usageMs + 1 })
  const trimmed = trimTables(database, RETENTION, NOW_MS)
  database.close()
  await t.resolves(trimmed)
})
