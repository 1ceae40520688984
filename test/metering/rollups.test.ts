import t from 'tap'
import { isNothing, LATENCY_BOUNDS_MS, LATENCY_BUCKETS, NO_COUNTS, plus, rollupOf } from '../../src/metering/rollups.ts'
import { recordOf } from '../store/limit-scene.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'

const HOUR_MS = 3_600_000

function bucketsOf (changes: Partial<LedgerRecord>): [duration: number, firstContent: number] {
  const { durations, firstContents } = rollupOf(recordOf(changes)).counts
  t.equal(durations.length, LATENCY_BUCKETS)
  t.equal(firstContents.length, LATENCY_BUCKETS)
  return [durations.indexOf(1), firstContents.indexOf(1)]
}

t.test('a record counts in the hour its request began in, under its key, model and currency', async (t) => {
  const timeMs = Date.UTC(2026, 10, 25, 9, 59, 59, 999)
  t.match(rollupOf(recordOf({ timeMs })), { team: 'search', hourMs: Date.UTC(2026, 10, 25, 9), keyId: 'abcdefgh', model: 'qwen-coder-turbo', currency: 'CNY' })
  t.match(rollupOf(recordOf({ timeMs: timeMs + 1, currency: undefined })), { hourMs: Date.UTC(2026, 10, 25, 10), currency: undefined })
  t.match(rollupOf(recordOf({ timeMs: 5 * HOUR_MS })), { hourMs: 5 * HOUR_MS })
})

t.test('tokens and costs are added up as they were charged', async (t) => {
  t.match(rollupOf(recordOf()).counts, {
    requests: 1, errors: 0, estimated: 0, inputTokens: 85, cachedTokens: 64, outputTokens: 250, reasoningTokens: 10, costNano: 1_670_000, durationMs: 900
  })
})

t.test('what failed, was cut or expired is an error, and a client that leaves is none', async (t) => {
  const errors = (['completed', 'failed', 'client_closed', 'cut', 'expired'] as const).map((outcome) => rollupOf(recordOf({ outcome })).counts.errors)
  t.same(errors, [0, 1, 0, 1, 1])
})

t.test('an attempt that another one follows costs, and is no request', async (t) => {
  const { usage } = recordOf()
  const { counts } = rollupOf(recordOf({ superseded: true, outcome: 'failed', usage: { ...usage, source: 'estimated' } }))
  t.strictSame({ ...counts, inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 }, { ...NO_COUNTS, estimated: 1, costNano: 1_670_000 })
  t.equal(counts.inputTokens, 85)
})

t.test('estimates are counted where there was anything to estimate', async (t) => {
  const { usage } = recordOf()
  t.equal(rollupOf(recordOf({ usage: { ...usage, source: 'estimated' } })).counts.estimated, 1)
  t.equal(rollupOf(recordOf({ usage: { ...usage, inputTokens: 0, outputTokens: 0, source: 'estimated' } })).counts.estimated, 0)
})

t.test('latencies fall into the bucket of the first bound that is not below them', async (t) => {
  t.ok(LATENCY_BOUNDS_MS.length <= 12)
  t.same([...LATENCY_BOUNDS_MS], LATENCY_BOUNDS_MS.toSorted((one, other) => one - other))
  for (const [bucket, bound] of LATENCY_BOUNDS_MS.entries()) {
    t.same(bucketsOf({ durationMs: bound, firstContentMs: bound }), [bucket, bucket])
    t.same(bucketsOf({ durationMs: bound + 1, firstContentMs: bound + 1 }), [bucket + 1, bucket + 1])
  }
  t.same(bucketsOf({ durationMs: 0, firstContentMs: undefined }), [0, -1])
  t.same(bucketsOf({ durationMs: 1e12 }), [LATENCY_BUCKETS - 1, 1])
  t.same(bucketsOf({ outcome: 'expired' }), [-1, -1], 'nobody knows how long it took')
})

t.test('counts are added up one by one', async (t) => {
  const one = rollupOf(recordOf()).counts
  const other = rollupOf(recordOf({ outcome: 'failed', durationMs: 50, firstContentMs: undefined })).counts
  const sum = plus(plus(one, other), one)
  t.match(sum, { requests: 3, errors: 1, inputTokens: 255, costNano: 5_010_000, durationMs: 1_850 })
  t.same(sum.durations, [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0])
  t.same(sum.firstContents, [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  t.strictSame(plus(NO_COUNTS, sum), sum)
})

t.test('nothing is what has no count at all', async (t) => {
  t.ok(isNothing(NO_COUNTS))
  t.notOk(isNothing({ ...NO_COUNTS, cachedTokens: 1 }))
  t.notOk(isNothing({ ...NO_COUNTS, firstContents: NO_COUNTS.firstContents.with(12, 1) }))
})
