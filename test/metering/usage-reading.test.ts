import t from 'tap'
import fc from 'fast-check'
import { createMemoryUsage, HOUR_MS, usageHour } from './usage-hours.ts'
import { stepFinder, usageRows } from '../../src/metering/usage-reading.ts'
import type { UsageQuestion } from '../../src/metering/usage-reading.ts'
import type { UsageHour } from '../../src/metering/rollups.ts'
import type { UsageRow } from '../../src/metering/usage-report.ts'

const START_MS = Date.UTC(2026, 10, 1)

function hoursFrom (count: number): UsageQuestion['steps'] {
  return Array.from({ length: count }, (_, index) => ({ startMs: START_MS + index * HOUR_MS, endMs: START_MS + (index + 1) * HOUR_MS }))
}

async function rowsOf (hours: readonly UsageHour[], question: Partial<UsageQuestion> = {}, batchHours?: number): Promise<UsageRow[]> {
  const rows: UsageRow[] = []
  const usage = createMemoryUsage(hours, batchHours)
  for await (const part of usageRows(usage, { teams: ['search'], dimensions: ['currency'], steps: hoursFrom(100), ...question })) rows.push(...part)
  return rows
}

t.test('only what is selected is read', async (t) => {
  const hours = [usageHour(START_MS), usageHour(START_MS, { keyId: 'k2' }), usageHour(START_MS, { model: 'qwen-max' }), usageHour(START_MS, { team: 'ads' }), usageHour(START_MS - HOUR_MS), usageHour(START_MS + 100 * HOUR_MS)]
  const requests = async (question: Partial<UsageQuestion>): Promise<number[]> => (await rowsOf(hours, question)).map(({ counts }) => counts.requests)
  t.same(await requests({}), [3])
  t.same(await requests({ teams: ['search', 'ads'] }), [4])
  t.same(await requests({ keys: ['k2'] }), [1])
  t.same(await requests({ models: ['qwen-max', 'qwen-coder-turbo'] }), [3])
  t.same(await requests({ keys: ['k2'], models: ['qwen-max'] }), [])
  t.same(await requests({ teams: [] }), [])
})

t.test('rows come by time, a part of the steps after the other, and reading ends with whoever reads', async (t) => {
  const hours = Array.from({ length: 100 }, (_, index) => usageHour(START_MS + index * HOUR_MS))
  const usage = createMemoryUsage(hours)
  const rows = usageRows(usage, { teams: ['search', 'ads'], dimensions: [], steps: hoursFrom(100) })
  const { value: first } = await rows.next()
  t.equal(first?.length, 24)
  t.equal(usage.reads.length, 2, 'nothing is read before it is asked for')
  await rows.return()
  t.equal(usage.reads.length, 2)
  const all = await rowsOf(hours, { dimensions: [] })
  t.strictSame(all.map(({ startMs }) => startMs), hours.map(({ hourMs }) => hourMs))
})

t.test('law: batches of any length give the same rows', async (t) => {
  const someHours = fc.array(fc.record({ hour: fc.nat(99), keyId: fc.constantFrom('a', 'b') }).map(({ hour, keyId }) => usageHour(START_MS + hour * HOUR_MS, { keyId })), { maxLength: 40 })
  const details = await fc.check(fc.asyncProperty(someHours, fc.integer({ min: 1, max: 50 }), async (hours, batchHours) => {
    const question = { dimensions: ['key' as const] }
    return JSON.stringify(await rowsOf(hours, question, batchHours)) === JSON.stringify(await rowsOf(hours, question, 1))
  }))
  t.notOk(details.failed, JSON.stringify(details.counterexample))
})

t.test('a time is found in its step, and in no other', async (t) => {
  const steps = hoursFrom(5)
  const find = stepFinder(steps)
  for (const step of steps) for (const atMs of [step.startMs, step.endMs - 1]) t.equal(find(atMs), step)
  for (const atMs of [START_MS - 1, START_MS + 5 * HOUR_MS]) t.throws(() => find(atMs), RangeError)
  t.throws(() => stepFinder([])(START_MS), RangeError)
})
