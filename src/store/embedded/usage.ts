import { checkUsageRange } from '../usage-range.ts'
import { COUNT_COLUMNS } from './ledger-schema.ts'
import { isNothing, LATENCY_BUCKETS } from '../../metering/rollups.ts'
import { nextTurn } from '../next-turn.ts'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { UsageCounts, UsageHour, UsageReader } from '../../metering/rollups.ts'

const KEY_COLUMNS = ['team', 'hour_ms', 'key_id', 'model', 'currency']
const KEY = KEY_COLUMNS.join(', ')
const COUNTS = COUNT_COLUMNS.join(', ')

const columnsWith = (term: (column: string) => string, columns: readonly string[] = COUNT_COLUMNS, between = ', '): string =>
  columns.map((column) => `${column}${term(column)}`).join(between)

const ADD = `INSERT INTO usage_hours (${KEY}, ${COUNTS}) VALUES (${[...KEY_COLUMNS, ...COUNT_COLUMNS].map(() => '?').join(', ')})
  ON CONFLICT DO UPDATE SET ${columnsWith((column) => ` = ${column} + excluded.${column}`)}`
const SUBTRACT = `UPDATE usage_hours SET ${columnsWith((column) => ` = ${column} - ?`)} WHERE ${columnsWith(() => ' = ?', KEY_COLUMNS, ' AND ')}`
const READ = `SELECT ${KEY}, ${COUNTS} FROM usage_hours WHERE team = ? AND hour_ms < ? AND (hour_ms, key_id, model, currency) > (?, ?, ?, ?)
  ORDER BY hour_ms, key_id, model, currency LIMIT ?`

/** What is read in one turn. */
const BATCH_HOURS_MAX = 1_000

interface UsageWriter {
  add (hour: UsageHour): void
  /** Takes out what was added before; of sums that are not kept any more there is nothing to take out. */
  subtract (hour: UsageHour): void
}

export function createUsageWriter (database: DatabaseSync): UsageWriter {
  const [adding, subtracting] = [database.prepare(ADD), database.prepare(SUBTRACT)]
  return {
    add (hour) { adding.run(...keyOf(hour), ...valuesOf(hour.counts)) },
    subtract (hour) { subtracting.run(...valuesOf(hour.counts), ...keyOf(hour)) }
  }
}

function keyOf ({ team, hourMs, keyId, model, currency }: UsageHour): (string | number)[] {
  return [team, hourMs, keyId, model, currency ?? '']
}

/** In the order of COUNT_COLUMNS. */
function valuesOf ({ durations, firstContents, ...sums }: UsageCounts): number[] {
  const { requests, errors, estimated, inputTokens, cachedTokens, outputTokens, reasoningTokens, costNano, durationMs } = sums
  return [
    requests, errors, estimated, inputTokens, cachedTokens, outputTokens, reasoningTokens, costNano, durationMs,
    ...durations, ...firstContents
  ]
}

export function createEmbeddedUsage (database: DatabaseSync): UsageReader {
  const select = database.prepare(READ)
  // Ninety days are half a million values: without names they take half the time.
  select.setReturnArrays(true)
  return {
    async * read (team, fromMs, toMs) {
      checkUsageRange(fromMs, toMs)
      // Nothing comes before an empty key id.
      let after: [hourMs: number, keyId: string, model: string, currency: string] = [fromMs - 1, '', '', '']
      for (;;) {
        const rows = select.all(team, toMs, ...after, BATCH_HOURS_MAX) as unknown as readonly (readonly SQLOutputValue[])[]
        const hours = rows.map(hourOf)
        const found = hours.filter(({ hourMs, counts }) => hourMs >= fromMs && !isNothing(counts))
        if (found.length > 0) yield found
        const last = hours.at(-1)
        if (last === undefined || hours.length < BATCH_HOURS_MAX) return
        after = [last.hourMs, last.keyId, last.model, last.currency ?? '']
        await nextTurn()
      }
    }
  }
}

const [COUNTS_AT, DURATIONS_AT] = [KEY_COLUMNS.length, KEY_COLUMNS.length + COUNT_COLUMNS.length - 2 * LATENCY_BUCKETS]
const FIRST_CONTENTS_AT = DURATIONS_AT + LATENCY_BUCKETS

/** A row in the order of KEY_COLUMNS and COUNT_COLUMNS; its numbers come as numbers. */
function hourOf (row: readonly SQLOutputValue[]): UsageHour {
  const [team, hourMs, keyId, model, currency] = row
  const sum = (place: number): number => row[COUNTS_AT + place] as number
  return {
    team: String(team),
    hourMs: Number(hourMs),
    keyId: String(keyId),
    model: String(model),
    currency: currency === '' ? undefined : String(currency),
    counts: {
      requests: sum(0),
      errors: sum(1),
      estimated: sum(2),
      inputTokens: sum(3),
      cachedTokens: sum(4),
      outputTokens: sum(5),
      reasoningTokens: sum(6),
      costNano: sum(7),
      durationMs: sum(8),
      durations: row.slice(DURATIONS_AT, FIRST_CONTENTS_AT) as number[],
      firstContents: row.slice(FIRST_CONTENTS_AT) as number[]
    }
  }
}
