import { checkUsageRange } from '../usage-range.ts'
import { COUNT_COLUMNS, DURATION_COLUMNS, FIRST_CONTENT_COLUMNS } from './ledger-schema.ts'
import { isNothing } from '../../metering/rollups.ts'
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
  return {
    async * read (team, fromMs, toMs) {
      checkUsageRange(fromMs, toMs)
      // Nothing comes before an empty key id.
      let after: [hourMs: number, keyId: string, model: string, currency: string] = [fromMs - 1, '', '', '']
      for (;;) {
        const hours = select.all(team, toMs, ...after, BATCH_HOURS_MAX).map(hourOf)
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

function hourOf (row: Record<string, SQLOutputValue>): UsageHour {
  const count = (column: string): number => Number(row[column])
  return {
    team: String(row['team']),
    hourMs: count('hour_ms'),
    keyId: String(row['key_id']),
    model: String(row['model']),
    currency: row['currency'] === '' ? undefined : String(row['currency']),
    counts: {
      requests: count('requests'),
      errors: count('errors'),
      estimated: count('estimated'),
      inputTokens: count('input_tokens'),
      cachedTokens: count('cached_tokens'),
      outputTokens: count('output_tokens'),
      reasoningTokens: count('reasoning_tokens'),
      costNano: count('cost_nano'),
      durationMs: count('duration_ms'),
      durations: DURATION_COLUMNS.map(count),
      firstContents: FIRST_CONTENT_COLUMNS.map(count)
    }
  }
}
