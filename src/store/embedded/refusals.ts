import { cursorOf, listed } from '../listing.ts'
import { limitsOf } from './limit-reports.ts'
import { nextTurn } from '../next-turn.ts'
import type { Clock } from '../../core/clock.ts'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { Listed, RefusalRecord, Refusals } from '../../metering/ledger.ts'
import type { WrittenRange } from '../listing.ts'

export interface EmbeddedRefusals extends Refusals {
  /** Writes what is still held. */
  close (): void
}

/** Refusals are written together, at most this late: one transaction costs as much as fifty inserts. */
const FLUSH_DELAY_MS = 50
/** A flood of them says no more than its first hundred. */
const KEPT_PER_SECOND_MAX = 100
const KEPT_MAX = 100_000
/** More than can be added in the meantime. */
const TRIMMED_PER_FLUSH_MAX = 2 * KEPT_PER_SECOND_MAX
/** What is read in one turn. */
const PAGE_ROWS = 500

/** Told how many refusals could not be written, and why. */
export type LostRefusals = (count: number, cause: unknown) => void

export function createEmbeddedRefusals (database: DatabaseSync, clock: Clock, onLost: LostRefusals): EmbeddedRefusals {
  const write = createWriter(database, onLost)
  const pages = createPages(database)
  const select = database.prepare('SELECT * FROM refusals WHERE request_id = ? AND team = ? ORDER BY number DESC LIMIT 1')
  let batch: RefusalRecord[] = []
  let stopTimer: (() => void) | undefined
  let second = { startMs: 0, kept: 0 }

  function isKept (): boolean {
    const startMs = Math.floor(clock.monotonicMs() / 1_000) * 1_000
    if (startMs !== second.startMs) second = { startMs, kept: 0 }
    return ++second.kept <= KEPT_PER_SECOND_MAX
  }

  function flush (): void {
    stopTimer?.()
    stopTimer = undefined
    const refusals = batch
    batch = []
    if (refusals.length > 0) write(refusals)
  }

  return {
    append (refusal) {
      if (!isKept()) return
      batch.push(refusal)
      stopTimer ??= clock.setTimer(FLUSH_DELAY_MS, flush)
    },
    async find (requestId, team) {
      flush()
      const row = select.get(requestId, team)
      return row === undefined ? undefined : refusalOf(row)
    },
    async list (query) {
      flush()
      return await listed(query, (range) => pages(query.team, range))
    },
    close: flush
  }
}

function createWriter (database: DatabaseSync, onLost: LostRefusals): (refusals: readonly RefusalRecord[]) => void {
  const [begin, commit] = [database.prepare('BEGIN'), database.prepare('COMMIT')]
  const insert = database.prepare('INSERT INTO refusals VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)')
  const trim = database.prepare(`DELETE FROM refusals WHERE number IN
    (SELECT number FROM refusals WHERE number <= (SELECT max(number) FROM refusals) - ? ORDER BY number LIMIT ?)`)
  return (refusals) => {
    try {
      begin.run()
      for (const { requestId, timeMs, team, keyId, model, errorKind, message, limits } of refusals) {
        insert.run(requestId, timeMs, team, keyId, model, errorKind, message, JSON.stringify(limits))
      }
      trim.run(KEPT_MAX, TRIMMED_PER_FLUSH_MAX)
      commit.run()
    } catch (cause) {
      if (database.isTransaction) database.exec('ROLLBACK')
      onLost(refusals.length, cause)
    }
  }
}

type Pages = (team: string, range: WrittenRange) => AsyncGenerator<Listed<RefusalRecord>[]>

/** They are placed by the times of their requests, which are refused at once. */
function createPages (database: DatabaseSync): Pages {
  const page = database.prepare(`SELECT * FROM refusals WHERE team = ? AND time_ms >= ? AND (time_ms, number) < (?, ?)
    ORDER BY time_ms DESC, number DESC LIMIT ?`)
  return async function * (team, { earliestMs, latestMs }) {
    for (let [atMs, number] = [latestMs + 1, 0]; ;) {
      const rows = page.all(team, earliestMs, atMs, number, PAGE_ROWS)
      yield rows.map((row) => {
        [atMs, number] = [Number(row['time_ms']), Number(row['number'])]
        return { cursor: cursorOf('r', { atMs, sequence: number, team }), record: refusalOf(row) }
      })
      if (rows.length < PAGE_ROWS) return
      await nextTurn()
    }
  }
}

function refusalOf (row: Record<string, SQLOutputValue>): RefusalRecord {
  const text = (column: string): string => String(row[column])
  return {
    requestId: text('request_id'),
    timeMs: Number(row['time_ms']),
    team: text('team'),
    keyId: text('key_id'),
    model: text('model'),
    errorKind: text('error_kind'),
    message: text('message'),
    limits: limitsOf(text('limits'))
  }
}
