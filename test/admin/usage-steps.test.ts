import t from 'tap'
import { createLocalTime } from '../../src/accounts/times.ts'
import { usageSteps } from '../../src/admin/usage-steps.ts'

function shown (step: 'hour' | 'day', timeZone: string, from: string, to: string): string[] {
  const localTime = createLocalTime(timeZone)
  return (usageSteps({ step, timeZone, fromMs: Date.parse(from), toMs: Date.parse(to) }, 1_000) ?? [])
    .map(({ startMs, endMs }) => `${localTime(startMs)} ${localTime(endMs)} ${(endMs - startMs) / 3_600_000}`)
}

t.test('hours are those of UTC, in the words of the zone', async (t) => {
  t.strictSame(shown('hour', 'Asia/Shanghai', '2026-11-25T00:00:00+08:00', '2026-11-25T02:00:00+08:00'), [
    '2026-11-25T00:00:00+08:00 2026-11-25T01:00:00+08:00 1', '2026-11-25T01:00:00+08:00 2026-11-25T02:00:00+08:00 1'
  ])
})

t.test('a day in Shanghai runs from midnight to midnight there', async (t) => {
  t.strictSame(shown('day', 'Asia/Shanghai', '2026-11-24T00:00:00+08:00', '2026-11-26T00:00:00+08:00'), [
    '2026-11-24T00:00:00+08:00 2026-11-25T00:00:00+08:00 24', '2026-11-25T00:00:00+08:00 2026-11-26T00:00:00+08:00 24'
  ])
})

t.test('days on which clocks are set have 23 and 25 hours', async (t) => {
  t.strictSame(shown('day', 'Europe/Berlin', '2026-03-28T00:00:00+01:00', '2026-03-31T00:00:00+02:00'), [
    '2026-03-28T00:00:00+01:00 2026-03-29T00:00:00+01:00 24', '2026-03-29T00:00:00+01:00 2026-03-30T00:00:00+02:00 23', '2026-03-30T00:00:00+02:00 2026-03-31T00:00:00+02:00 24'
  ])
  t.strictSame(shown('day', 'America/New_York', '2026-11-01T00:00:00-04:00', '2026-11-02T00:00:00-05:00'), ['2026-11-01T00:00:00-04:00 2026-11-02T00:00:00-05:00 25'])
})

t.test('the first and the last day may be parts of one', async (t) => {
  t.strictSame(shown('day', 'UTC', '2026-11-24T10:20:00Z', '2026-11-26T05:59:59Z'), [
    '2026-11-24T11:00:00+00:00 2026-11-25T00:00:00+00:00 13', '2026-11-25T00:00:00+00:00 2026-11-26T00:00:00+00:00 24', '2026-11-26T00:00:00+00:00 2026-11-26T06:00:00+00:00 6'
  ])
})

t.test('where clocks are off by half an hour a day begins with the first whole hour of UTC in it', async (t) => {
  t.strictSame(shown('day', 'Asia/Kolkata', '2026-11-24T00:00:00+05:30', '2026-11-26T00:00:00+05:30'), [
    '2026-11-24T00:30:00+05:30 2026-11-25T00:30:00+05:30 24', '2026-11-25T00:30:00+05:30 2026-11-26T00:30:00+05:30 24'
  ])
})

t.test('more than may be are none, and so is no time at all', async (t) => {
  const week = { step: 'day' as const, timeZone: 'UTC', fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2026, 0, 8) }
  t.equal(usageSteps(week, 7)?.length, 7)
  t.equal(usageSteps(week, 6), undefined)
  t.same(usageSteps({ ...week, toMs: week.fromMs }, 6), [])
})
