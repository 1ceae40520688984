import { DAY_MS } from '../retention.ts'
import { HOUR_MS } from './keys.ts'
import { LATENCY_BUCKETS, rollupOf } from '../../metering/rollups.ts'
import type { LedgerRecord } from '../../metering/ledger.ts'
import type { UsageCounts, UsageHour } from '../../metering/rollups.ts'

const SUMS = [
  'requests', 'errors', 'estimated', 'inputTokens', 'cachedTokens', 'outputTokens', 'reasoningTokens', 'costNano', 'durationMs'
] as const satisfies readonly (keyof UsageCounts)[]

const SUM_BYTES = 8
const BUCKET_BYTES = 4
export const SUMS_BYTES = SUMS.length * SUM_BYTES

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

/** A field of a day's hash: SUMS as doubles, then the buckets of durations and of first contents as whole numbers of 4 bytes. */
export function usageHourOf (field: string, row: Buffer, { team, day }: OfDay): UsageHour {
  const [hour = '', keyId = '', currency = '', ...model] = field.split('|')
  const sum = (name: typeof SUMS[number]): number => row.readDoubleLE(SUMS.indexOf(name) * SUM_BYTES)
  const bucketsFrom = (at: number): number[] =>
    Array.from({ length: LATENCY_BUCKETS }, (_, index) => row.readUInt32LE(at + index * BUCKET_BYTES))
  return {
    team,
    hourMs: day * DAY_MS + Number(hour) * HOUR_MS,
    keyId,
    model: model.join('|'),
    currency: currency === '' ? undefined : currency,
    counts: {
      requests: sum('requests'),
      errors: sum('errors'),
      estimated: sum('estimated'),
      inputTokens: sum('inputTokens'),
      cachedTokens: sum('cachedTokens'),
      outputTokens: sum('outputTokens'),
      reasoningTokens: sum('reasoningTokens'),
      costNano: sum('costNano'),
      durationMs: sum('durationMs'),
      durations: bucketsFrom(SUMS_BYTES),
      firstContents: bucketsFrom(SUMS_BYTES + LATENCY_BUCKETS * BUCKET_BYTES)
    }
  }
}
