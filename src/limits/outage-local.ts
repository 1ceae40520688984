import { BUCKET_UNITS, refilled } from './claim.ts'
import type { Clock } from '../core/clock.ts'
import type { ConcurrencyClaim, RateClaim } from './claim.ts'
import type { Leases } from './leases.ts'
import type { Taking } from './outage.ts'

export interface LocalDeps {
  readonly clock: Clock
  readonly leases: Pick<Leases, 'placesOf'>
  readonly replicas: number
}

/** Buckets that have been used most recently. One that is forgotten is full again. */
const BUCKETS_MAX = 10_000

/** Rates and concurrency, each gateway for itself with its part of the limit. */
export function createLocalLimits ({ clock, leases, replicas }: LocalDeps) {
  const buckets = new Map<string, { level: number, timeMs: number }>()
  const places = new Map<string, number>()

  function bucketOf (key: string, claim: RateClaim): { level: number, timeMs: number } {
    const nowMs = Math.floor(clock.monotonicMs())
    const bucket = { level: refilled(buckets.get(key), claim, nowMs), timeMs: nowMs }
    buckets.delete(key)
    buckets.set(key, bucket)
    for (const oldest of buckets.keys()) {
      if (buckets.size <= BUCKETS_MAX) break
      buckets.delete(oldest)
    }
    return bucket
  }

  return {
    /**
     * Every token weighs as much as there are gateways, which is a bucket of that part of the limit. One that is full lets
     * any request through that the whole limit would: it is paid back before the next.
     */
    rate (team: string, claim: RateClaim): Taking | undefined {
      const key = `${team} ${claim.id}`
      const full = claim.burst * BUCKET_UNITS
      const weightOf = (cost: number): number => cost * BUCKET_UNITS * replicas
      const bucket = bucketOf(key, claim)
      if (claim.cost > claim.burst || bucket.level < Math.min(full, weightOf(claim.cost))) return undefined
      bucket.level -= weightOf(claim.cost)
      return {
        used (charge) {
          const bucket = bucketOf(key, claim)
          const unused = claim.cost - (charge?.kind === 'rate' ? charge.cost : 0)
          bucket.level = Math.min(full, bucket.level + weightOf(unused))
        },
        ended () {}
      }
    },
    /** What this gateway's requests hold in the store still counts. A limit of less than one each is one each. */
    place (team: string, { id, limit }: ConcurrencyClaim): Taking | undefined {
      const key = `${team} ${id}`
      const taken = places.get(key) ?? 0
      const part = Math.min(limit, Math.max(1, Math.floor(limit / replicas)))
      if (taken + leases.placesOf(team, id) >= part) return undefined
      places.set(key, taken + 1)
      return {
        used () {
          const left = (places.get(key) ?? 0) - 1
          if (left > 0) places.set(key, left)
          else places.delete(key)
        },
        ended () {}
      }
    }
  }
}
