import t from 'tap'
import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { createLocalTime, dayStartMs } from '../../src/accounts/times.ts'

t.test('times are worded with the offset of their moment', async (t) => {
  const localTime = createLocalTime('Europe/Berlin')
  t.equal(localTime(Date.parse('2026-03-29T00:59:59Z')), '2026-03-29T01:59:59+01:00')
  t.equal(localTime(Date.parse('2026-03-29T01:00:00Z')), '2026-03-29T03:00:00+02:00')
  t.equal(localTime(Date.parse('2026-01-01T00:00:00Z')), '2026-01-01T01:00:00+01:00', 'also where they go back')
  t.equal(createLocalTime('UTC')(0), '1970-01-01T00:00:00+00:00')
  t.equal(createLocalTime('Asia/Kathmandu')(Date.UTC(2026, 0, 1)), '2026-01-01T05:45:00+05:45')
})

t.test('law: in whatever order times come, they are worded like each by itself', async (t) => {
  const zones = fc.constantFrom('UTC', 'Asia/Shanghai', 'America/New_York', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'Asia/Kolkata')
  const times = fc.array(fc.integer({ min: Date.UTC(2000, 0, 1) / 1_000, max: Date.UTC(2040, 0, 1) / 1_000 }).map((seconds) => seconds * 1_000), { maxLength: 20 })
  const { failed, counterexample } = fc.check(fc.property(zones, times, (zone, all) => {
    const localTime = createLocalTime(zone)
    return all.every((ms) => localTime(ms) === Temporal.Instant.fromEpochMilliseconds(ms).toString({ timeZone: zone, smallestUnit: 'second' }))
  }))
  t.notOk(failed, JSON.stringify(counterexample))
})

t.test('a day begins where its zone says', async (t) => {
  t.equal(dayStartMs('2026-11-25', 'Asia/Shanghai'), Date.parse('2026-11-25T00:00:00+08:00'))
  t.equal(dayStartMs('2026-03-29', 'Europe/Berlin'), Date.parse('2026-03-29T00:00:00+01:00'))
  t.equal(dayStartMs('2018-11-04', 'America/Sao_Paulo'), Date.parse('2018-11-04T01:00:00-02:00'), 'there was no midnight')
  for (const text of ['2026-02-30', '2026-1-1', '20260101', '2026-11-25T00:00', '']) t.equal(dayStartMs(text, 'UTC'), undefined, text)
})
