import { LATENCY_BOUNDS_MS } from './rollups.ts'

/**
 * The time within which that share of requests was done, as far as counts in buckets can tell: within a bucket they are taken
 * to be spread evenly. Of the last bucket only the lower bound is known, and it is given. Undefined where nothing was counted.
 */
export function percentileMs (buckets: readonly number[], share: number): number | undefined {
  const total = buckets.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  const rank = share * total
  let before = 0
  for (const [index, count] of buckets.entries()) {
    if (count > 0 && before + count >= rank) return Math.round(within(index, (rank - before) / count))
    before += count
  }
  return LATENCY_BOUNDS_MS.at(-1)
}

function within (bucket: number, share: number): number {
  const lower = LATENCY_BOUNDS_MS[bucket - 1] ?? 0
  const upper = LATENCY_BOUNDS_MS[bucket] ?? lower
  return lower + (upper - lower) * share
}
