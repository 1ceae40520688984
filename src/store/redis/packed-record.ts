import { DAY_MS } from '../retention.ts'
import { HOUR_MS } from './keys.ts'
import { LATENCY_BUCKETS, rollupOf } from '../../metering/rollups.ts'
import type { LedgerRecord } from '../../metering/ledger.ts'
import type { UsageCounts, UsageHour } from '../../metering/rollups.ts'

/** In the order in which they are packed and kept. */
const SUMS = [
  'requests', 'errors', 'estimated', 'inputTokens', 'cachedTokens', 'outputTokens', 'reasoningTokens', 'costNano', 'durationMs'
] as const satisfies readonly (keyof UsageCounts)[]

/**
 * What is kept of an hour: SUMS as doubles, and then how many records are in each bucket of the two latencies, as whole numbers
 * of 4 bytes. Before the first bucket those are counted that have no such latency, so that every record is counted alike.
 */
const SUM_BYTES = 8
const BUCKET_BYTES = 4
export const DURATIONS_AT = SUMS.length * SUM_BYTES
export const FIRST_CONTENTS_AT = DURATIONS_AT + (1 + LATENCY_BUCKETS) * BUCKET_BYTES
export const ROW_BYTES = FIRST_CONTENTS_AT + (1 + LATENCY_BUCKETS) * BUCKET_BYTES

/**
 * A record as the scripts take it, who need not understand it: "day took first sum … sum field" in one line, and its JSON in
 * the next. `took` and `first` are the buckets of its latencies from 1, or 0 where it has none, and what follows are SUMS.
 */
export function packed (record: LedgerRecord): string {
  const hour = rollupOf(record)
  const { hourMs, counts } = hour
  const buckets = [counts.durations.indexOf(1) + 1, counts.firstContents.indexOf(1) + 1]
  const numbers = [dayOf(hourMs), ...buckets, ...SUMS.map((name) => counts[name])]
  return `${numbers.join(' ')} ${fieldOf(hour)}\n${JSON.stringify(record)}`
}

/** For Lua: the numbers, the field, and where the JSON begins. */
export const RECORD_PATTERN = `^${'(%d+) '.repeat(3 + SUMS.length)}([^\\n]*)\\n()`

/** The day since 1970, in UTC, that a time is in. */
export function dayOf (timeMs: number): number {
  return Math.floor(timeMs / DAY_MS)
}

/** Key ids and currencies have letters and digits only, and whatever comes after them is the model; its name is one line. */
function fieldOf ({ hourMs, keyId, currency, model }: UsageHour): string {
  return `${hourMs % DAY_MS / HOUR_MS}|${keyId}|${currency ?? ''}|${model.replaceAll('\n', ' ')}`
}

interface OfDay { readonly team: string, readonly day: number }

/** A field of a day's hash, and what is kept in it. */
export function usageHourOf (field: string, row: Buffer, { team, day }: OfDay): UsageHour {
  const [hour = '', keyId = '', currency = '', ...model] = field.split('|')
  const sum = (place: number): number => row.readDoubleLE(place * SUM_BYTES)
  return {
    team,
    hourMs: day * DAY_MS + Number(hour) * HOUR_MS,
    keyId,
    model: model.join('|'),
    currency: currency === '' ? undefined : currency,
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
      durations: bucketsFrom(row, DURATIONS_AT),
      firstContents: bucketsFrom(row, FIRST_CONTENTS_AT)
    }
  }
}

function bucketsFrom (row: Buffer, at: number): number[] {
  const counts: number[] = []
  for (let bucket = 1; bucket <= LATENCY_BUCKETS; bucket++) counts.push(row.readUInt32LE(at + bucket * BUCKET_BYTES))
  return counts
}
