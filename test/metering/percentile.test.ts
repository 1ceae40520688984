import t from 'tap'
import fc from 'fast-check'
import { buckets } from './usage-hours.ts'
import { LATENCY_BOUNDS_MS, LATENCY_BUCKETS } from '../../src/metering/rollups.ts'
import { percentileMs } from '../../src/metering/percentile.ts'

t.test('within a bucket requests are taken to be spread evenly', async (t) => {
  t.equal(percentileMs(buckets({ 0: 10 }), 0.5), 50, 'half of the way to the first bound, 100')
  t.equal(percentileMs(buckets({ 1: 10 }), 0.5), 150)
  t.equal(percentileMs(buckets({ 1: 4 }), 0.95), 195)
  t.equal(percentileMs(buckets({ 0: 1, 4: 1 }), 0.5), 100, 'all of the first bucket, and nothing of the other')
  t.equal(percentileMs(buckets({ 0: 90, 5: 10 }), 0.95), 1_500, 'half of what is between 1,000 and 2,000')
})

t.test('of what took longer than the last bound only that is known', async (t) => {
  t.equal(percentileMs(buckets({ [LATENCY_BUCKETS - 1]: 5 }), 0.5), 180_000)
  t.equal(percentileMs(buckets({ 0: 5, [LATENCY_BUCKETS - 1]: 5 }), 0.95), 180_000)
})

t.test('of nothing there is none', async (t) => {
  t.equal(percentileMs(buckets(), 0.5), undefined)
})

t.test('law: it lies in the bucket of the request that it is about', async (t) => {
  const latencies = fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1, maxLength: 200 })
  t.ok(fc.check(fc.property(latencies, fc.constantFrom(0.5, 0.95), (all, share) => {
    const bucketOf = (ms: number): number => {
      const found = LATENCY_BOUNDS_MS.findIndex((bound) => ms <= bound)
      return found < 0 ? LATENCY_BOUNDS_MS.length : found
    }
    const counts = buckets()
    for (const ms of all) counts[bucketOf(ms)] = (counts[bucketOf(ms)] ?? 0) + 1
    const exact = all.toSorted((one, other) => one - other)[Math.ceil(share * all.length) - 1] ?? NaN
    const found = percentileMs(counts, share) ?? NaN
    const lower = LATENCY_BOUNDS_MS[bucketOf(exact) - 1] ?? 0
    return found >= lower && found <= (LATENCY_BOUNDS_MS[bucketOf(exact)] ?? lower)
  })).failed === false)
})
