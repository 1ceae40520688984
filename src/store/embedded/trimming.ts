import { nextTurn } from '../next-turn.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { Retention } from '../retention.ts'

/** Rows that go in one turn. */
const STEP_ROWS = 200

/** Forgets everything of one team in one table that is older than a time, a bounded number of rows at once. */
type Step = (team: string, olderThanMs: number) => number | bigint

interface Table { readonly name: string, readonly step: Step, readonly olderThanMs: number }

/**
 * Forgets what is older than it is to be kept, of all teams that there is anything of, also of those that are gone.
 * @throws what SQLite says
 */
export async function trimTables (database: DatabaseSync, { ledgerMs, usageMs }: Retention, nowMs: number): Promise<void> {
  const tables: Table[] = [
    { name: 'ledger', step: stepOf(database, LEDGER), olderThanMs: nowMs - ledgerMs },
    { name: 'refusals', step: stepOf(database, REFUSALS), olderThanMs: nowMs - ledgerMs },
    { name: 'usage_hours', step: stepOf(database, USAGE_HOURS), olderThanMs: nowMs - usageMs }
  ]
  for (const table of tables) {
    // The gateway may have ended meanwhile.
    if (database.isOpen) await trimTable(database, table)
  }
}

const LEDGER = `DELETE FROM ledger WHERE number IN
  (SELECT number FROM ledger WHERE team = ? AND written_ms < ? ORDER BY written_ms LIMIT ${STEP_ROWS})`
const REFUSALS = `DELETE FROM refusals WHERE number IN
  (SELECT number FROM refusals WHERE team = ? AND time_ms < ? ORDER BY time_ms LIMIT ${STEP_ROWS})`
const USAGE_HOURS = `DELETE FROM usage_hours WHERE (team, hour_ms, key_id, model, currency) IN
  (SELECT team, hour_ms, key_id, model, currency FROM usage_hours WHERE team = ? AND hour_ms < ? ORDER BY hour_ms LIMIT ${STEP_ROWS})`

function stepOf (database: DatabaseSync, sql: string): Step {
  const statement = database.prepare(sql)
  return (team, olderThanMs) => statement.run(team, olderThanMs).changes
}

async function trimTable (database: DatabaseSync, { name, step, olderThanMs }: Table): Promise<void> {
  const nextTeam = database.prepare(`SELECT team FROM ${name} WHERE team > ? ORDER BY team LIMIT 1`)
  for (let team = nextTeam.get('')?.['team']; typeof team === 'string'; team = nextTeam.get(team)?.['team']) {
    let removed: number | bigint = STEP_ROWS
    while (removed >= STEP_ROWS) {
      removed = step(team, olderThanMs)
      await nextTurn()
      if (!database.isOpen) return
    }
  }
}
