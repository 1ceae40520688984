import { cursorOf, listed } from '../listing.ts'
import { createUsageWriter } from './usage.ts'
import { nextTurn } from '../next-turn.ts'
import { recordOf, rowOf } from './ledger-rows.ts'
import { RESERVATION_IDS_MAX } from '../../limits/store.ts'
import { rollupOf } from '../../metering/rollups.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { Ledger, LedgerRecord, Listed } from '../../metering/ledger.ts'
import type { LedgerChange } from '../../limits/engine-state.ts'
import type { WrittenRange } from '../listing.ts'

const INSERT = `INSERT INTO ledger VALUES (
  NULL, $team, $rid, $writtenMs, $requestId, $timeMs, $keyId, $model, $upstreamModel, $surface, $upstream, $upstreamRequestId, $stream,
  $attempt, $superseded, $attempts, $status, $outcome, $errorKind, $inputTokens, $cachedTokens, $outputTokens, $reasoningTokens,
  $usageSource, $costNano, $currency, $firstContentMs, $durationMs, $limits
)`

/** What is read in one turn. */
const PAGE_ROWS = 500

/** Records get here by settlements and by leases that end: see `createLedgerWriter`. */
export function createEmbeddedLedger (database: DatabaseSync): Ledger {
  const ofRequest = database.prepare('SELECT * FROM ledger WHERE request_id = ? AND team = ? ORDER BY attempt, number LIMIT ?')
  const page = database.prepare(`SELECT * FROM ledger WHERE team = ? AND written_ms >= ? AND (written_ms, number) < (?, ?)
    ORDER BY written_ms DESC, number DESC LIMIT ?`)

  async function * pages (team: string, { earliestMs, latestMs }: WrittenRange): AsyncGenerator<Listed<LedgerRecord>[]> {
    for (let [atMs, number] = [latestMs + 1, 0]; ;) {
      const rows = page.all(team, earliestMs, atMs, number, PAGE_ROWS)
      yield rows.map((row) => {
        [atMs, number] = [Number(row['written_ms']), Number(row['number'])]
        return { cursor: cursorOf('l', { atMs, sequence: number, team }), record: recordOf(row) }
      })
      if (rows.length < PAGE_ROWS) return
      await nextTurn()
    }
  }

  return {
    find: async (requestId, team) => ofRequest.all(requestId, team, RESERVATION_IDS_MAX).map(recordOf),
    list: async (query) => await listed(query, (range) => pages(query.team, range))
  }
}

/** Writes what changes in the ledger of a team, and in its hours' sums, within whatever transaction is open. */
export function createLedgerWriter (database: DatabaseSync): (team: string, change: LedgerChange) => void {
  const insert = database.prepare(INSERT)
  const remove = database.prepare('DELETE FROM ledger WHERE team = ? AND rid = ?')
  const usage = createUsageWriter(database)
  return (team, { rid, atMs, former, record }) => {
    if (former !== undefined) {
      remove.run(team, rid)
      usage.subtract(rollupOf(former))
    }
    if (record === undefined) return
    insert.run({ ...rowOf(record), team, rid, writtenMs: atMs })
    usage.add(rollupOf(record))
  }
}
