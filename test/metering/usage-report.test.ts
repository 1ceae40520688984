import t from 'tap'
import fc from 'fast-check'
import type { Test } from 'tap'
import { buckets, HOUR_MS, usageHour } from './usage-hours.ts'
import { createUsageReport } from '../../src/metering/usage-report.ts'
import { NO_COUNTS } from '../../src/metering/rollups.ts'
import { stepFinder } from '../../src/metering/usage-reading.ts'
import { usageSteps } from '../../src/admin/usage-steps.ts'
import type { UsageCounts, UsageHour } from '../../src/metering/rollups.ts'
import type { UsageDimension, UsageRow, UsageStep } from '../../src/metering/usage-report.ts'

const FROM_MS = Date.UTC(2026, 9, 20)
const TO_MS = Date.UTC(2026, 10, 5)

function stepsOf (step: 'hour' | 'day', timeZone = 'UTC'): readonly UsageStep[] {
  return usageSteps({ step, timeZone, fromMs: FROM_MS, toMs: TO_MS }, 10_000) ?? []
}

function rowsOf (hours: readonly UsageHour[], dimensions: readonly UsageDimension[], steps = stepsOf('hour')): UsageRow[] {
  const report = createUsageReport({ dimensions, stepOf: stepFinder(steps), rowsMax: 10_000 })
  for (const hour of hours) report.add(hour)
  return report.rows()
}

t.test('hours are summed by step and group, in the order of time and then of names', async (t) => {
  const hours = [
    usageHour('2026-11-01T01:00Z', { model: 'qwen-max', counts: { costNano: 7 } }),
    usageHour('2026-11-01T00:00Z', { keyId: 'k2' }),
    usageHour('2026-11-01T00:00Z', { keyId: 'k1', counts: { requests: 2, errors: 1, durations: buckets({ 3: 2 }) } }),
    usageHour('2026-11-01T00:00Z', { keyId: 'k1', model: 'qwen-max', counts: { inputTokens: 1, durations: buckets({ 3: 1, 4: 1 }) } })
  ]
  const at = (hour: number): UsageStep => ({ startMs: Date.UTC(2026, 10, 1, hour), endMs: Date.UTC(2026, 10, 1, hour + 1) })
  const counts = (changes: Partial<UsageCounts>): UsageCounts => ({ ...usageHour(0).counts, ...changes })
  t.strictSame(rowsOf(hours, ['key', 'currency']), [
    { ...at(0), group: { key: 'k1', currency: 'CNY' }, counts: counts({ requests: 3, errors: 1, inputTokens: 11, outputTokens: 40, costNano: 280_000, durations: buckets({ 3: 3, 4: 1 }) }) },
    { ...at(0), group: { key: 'k2', currency: 'CNY' }, counts: counts({}) },
    { ...at(1), group: { key: 'k1', currency: 'CNY' }, counts: counts({ costNano: 7 }) }
  ])
})

t.test('currencies are never added, and what has none comes last', async (t) => {
  const hours = [usageHour('2026-11-01T00:00Z', { currency: undefined, counts: { costNano: 0 } }), usageHour('2026-11-01T00:00Z', { currency: 'USD' }), usageHour('2026-11-01T00:00Z')]
  t.match(rowsOf(hours, ['currency']), [{ group: { currency: 'CNY' }, counts: { costNano: 140_000 } }, { group: { currency: 'USD' } }, { group: { currency: undefined } }])
  t.match(rowsOf(hours, []), [{ group: {}, counts: { requests: 3, costNano: 0 } }], 'without them there is no money')
})

t.test('an hour in which nothing was done has no row', async (t) => {
  t.same(rowsOf([], ['currency']), [])
  t.equal(rowsOf([usageHour('2026-11-01T00:00Z'), usageHour('2026-11-01T05:00Z')], ['currency']).length, 2)
})

t.test('too many rows are refused with their bound', async (t) => {
  const report = createUsageReport({ dimensions: ['key'], stepOf: () => ({ startMs: 0, endMs: HOUR_MS }), rowsMax: 2 })
  for (const keyId of ['a', 'b', 'a']) report.add(usageHour(0, { keyId }))
  t.throws(() => report.add(usageHour(0, { keyId: 'c' })), { kind: 'invalid_request', message: 'The answer would have more than 2 rows. Ask for less time, longer steps or fewer groups.' })
})

t.test('a sum that no number holds exactly is refused rather than rounded', async (t) => {
  const dear = usageHour('2026-11-01T00:00Z', { counts: { costNano: Number.MAX_SAFE_INTEGER - 1 } })
  t.match(rowsOf([dear, usageHour('2026-11-01T00:00Z', { counts: { costNano: 1 } })], ['currency']), [{ counts: { costNano: Number.MAX_SAFE_INTEGER } }])
  t.throws(() => rowsOf([dear, dear], ['currency']), { kind: 'invalid_request', message: /costNano is beyond what can be told exactly/ })
  t.doesNotThrow(() => rowsOf([dear, dear], []))
})

const DIMENSIONS = ['team', 'key', 'model', 'currency'] as const
const ZONES = ['UTC', 'Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'America/Sao_Paulo']

const someHours = fc.array(fc.record({
  hourMs: fc.integer({ min: FROM_MS / HOUR_MS, max: TO_MS / HOUR_MS - 1 }).map((hour) => hour * HOUR_MS),
  team: fc.constantFrom('a', 'b'),
  keyId: fc.constantFrom('k1', 'k2', 'k3'),
  model: fc.constantFrom('m1', 'm2'),
  currency: fc.constantFrom('CNY', 'USD', undefined),
  counts: fc.record({
    requests: fc.nat(9),
    errors: fc.nat(9),
    estimated: fc.nat(9),
    inputTokens: fc.nat(),
    cachedTokens: fc.nat(),
    outputTokens: fc.nat(),
    reasoningTokens: fc.nat(),
    costNano: fc.nat(),
    durationMs: fc.nat(),
    durations: fc.constant(buckets({ 2: 3 })),
    firstContents: fc.constant(buckets({ 1: 2 }))
  })
}), { maxLength: 60 })

/** The sum of everything but money, as whole numbers of any size. */
function sumOf (counts: readonly UsageCounts[]): string {
  const names = Object.keys(NO_COUNTS) as (keyof UsageCounts)[]
  const sums = names.filter((name) => name !== 'costNano').map((name) => counts.reduce((sum, { [name]: value }) => {
    return sum + (typeof value === 'number' ? BigInt(value) : value.reduce((total, count) => total + BigInt(count), 0n))
  }, 0n))
  return sums.join(' ')
}

function costs (entries: readonly { currency: string | undefined, costNano: number }[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const { currency = 'none', costNano } of entries) sums[currency] = (sums[currency] ?? 0) + costNano
  return sums
}

function holds<Values> (t: Test, property: fc.IProperty<Values>): void {
  const { failed, counterexample } = fc.check(property, { numRuns: 200 })
  t.notOk(failed, JSON.stringify(counterexample))
}

t.test('law: the order of hours makes no difference', async (t) => {
  holds(t, fc.property(someHours.chain((hours) => fc.tuple(fc.constant(hours), fc.shuffledSubarray(hours, { minLength: hours.length }))), fc.subarray([...DIMENSIONS]),
    ([hours, shuffled], dimensions) => JSON.stringify(rowsOf(hours, dimensions)) === JSON.stringify(rowsOf(shuffled, dimensions))))
})

t.test('law: whatever it is grouped by, rows sum to what the hours sum to, in every currency', async (t) => {
  holds(t, fc.property(someHours, fc.subarray([...DIMENSIONS]), fc.constantFrom('hour' as const, 'day' as const), fc.constantFrom(...ZONES), (hours, dimensions, step, zone) => {
    const rows = rowsOf(hours, dimensions, stepsOf(step, zone))
    if (sumOf(rows.map(({ counts }) => counts)) !== sumOf(hours.map(({ counts }) => counts))) return false
    if (!dimensions.includes('currency')) return rows.every(({ counts }) => counts.costNano === 0)
    const shown = costs(rows.map(({ group, counts }) => ({ currency: group.currency, costNano: counts.costNano })))
    const spent = costs(hours.map(({ currency, counts }) => ({ currency, costNano: counts.costNano })))
    return JSON.stringify(Object.entries(shown).sort()) === JSON.stringify(Object.entries(spent).sort())
  }))
})

t.test('law: the rows of a day are the sum of its hours', async (t) => {
  holds(t, fc.property(someHours, fc.subarray([...DIMENSIONS]), fc.constantFrom(...ZONES), (hours, dimensions, zone) => {
    const byHour = rowsOf(hours, dimensions)
    return rowsOf(hours, dimensions, stepsOf('day', zone)).every((day) => {
      const within = byHour.filter(({ startMs, group }) => startMs >= day.startMs && startMs < day.endMs && JSON.stringify(group) === JSON.stringify(day.group))
      return within.length > 0 && sumOf([day.counts]) === sumOf(within.map(({ counts }) => counts))
    })
  }))
})
