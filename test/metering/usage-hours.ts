import { LATENCY_BUCKETS, NO_COUNTS } from '../../src/metering/rollups.ts'
import type { UsageCounts, UsageHour, UsageReader } from '../../src/metering/rollups.ts'

export const HOUR_MS = 3_600_000

/** Zeros but for what is given by bucket. */
export function buckets (counts: Readonly<Record<number, number>> = {}): number[] {
  return Array.from({ length: LATENCY_BUCKETS }, (_, index) => counts[index] ?? 0)
}

/** An hour of a team's: one request of 30 tokens, unless it is said otherwise. */
export function usageHour (at: string | number, changes: Partial<Omit<UsageHour, 'counts'>> & { readonly counts?: Partial<UsageCounts> } = {}): UsageHour {
  const { counts, ...names } = changes
  const hourMs = typeof at === 'number' ? at : Date.parse(at)
  if (hourMs % HOUR_MS !== 0) throw new RangeError(`${at} is no beginning of an hour`)
  return {
    team: 'search',
    hourMs,
    keyId: 'k1',
    model: 'qwen-coder-turbo',
    currency: 'CNY',
    ...names,
    counts: { ...NO_COUNTS, requests: 1, inputTokens: 10, outputTokens: 20, costNano: 140_000, ...counts }
  }
}

export interface MemoryUsage extends UsageReader {
  /** What was asked for so far. */
  readonly reads: { readonly team: string, readonly fromMs: number, readonly toMs: number }[]
  /** Batches given, and readings that were ended before their end. */
  readonly given: { batches: number, ended: number }
}

/** Hours in memory, given in batches of so many. */
export function createMemoryUsage (hours: readonly UsageHour[], batchHours = 3): MemoryUsage {
  const reads: MemoryUsage['reads'] = []
  const given = { batches: 0, ended: 0 }
  return {
    reads,
    given,
    async * read (team, fromMs, toMs) {
      reads.push({ team, fromMs, toMs })
      const found = hours.filter((hour) => hour.team === team && hour.hourMs >= fromMs && hour.hourMs < toMs).sort((one, other) => one.hourMs - other.hourMs)
      let isWhole = false
      try {
        for (let from = 0; from < found.length; from += batchHours) {
          given.batches++
          yield found.slice(from, from + batchHours)
        }
        isWhole = true
      } finally {
        if (!isWhole) given.ended++
      }
    }
  }
}
