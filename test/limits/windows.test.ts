import t from 'tap'
import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { AMOUNT_MAX, NO_END } from '../../src/limits/claim.ts'
import { budgetWindows, calendarOf, NEIGHBOUR_MS_MAX } from '../../src/limits/windows.ts'
import type { BudgetWindow } from '../../src/limits/claim.ts'
import type { CalendarSetting } from '../../src/limits/windows.ts'

const HOUR_MS = 3_600_000
const ZONES = Intl.supportedValuesOf('timeZone')
const FROM_MS = Date.UTC(2000, 0, 1)
const UNTIL_MS = Date.UTC(2041, 0, 1)

type Period = CalendarSetting['period']
const RECURRING: readonly Period[] = ['hour', 'day', 'week', 'month', 'year']

function windowsAt (setting: CalendarSetting, nowMs: number): BudgetWindow[] {
  return budgetWindows(calendarOf(setting), nowMs, 1_000)
}

/** The one window that contains the time, in the zone's own words. */
function windowAt (period: Period, zone: string, nowMs: number): BudgetWindow {
  const [window, ...others] = windowsAt({ period, time_zone: zone }, nowMs).filter(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs)
  if (window === undefined || others.length > 0) throw new Error(`${others.length + 1} windows of ${period} in ${zone} contain ${nowMs}`)
  return window
}

function local (timeMs: number, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(timeMs).toZonedDateTimeISO(zone)
}

/** Worked out afresh: what is remembered of the zone is another time's. */
function span (period: Period, zone: string, at: string): string {
  windowAt(period, zone, 0)
  const { startMs, endMs } = windowAt(period, zone, Temporal.Instant.from(at).epochMilliseconds)
  return [startMs, endMs].map((ms) => Temporal.Instant.fromEpochMilliseconds(ms).toString({ timeZone: zone })).join(' ')
}

t.test('a day in Shanghai runs from midnight to midnight there', async (t) => {
  const at = Date.parse('2026-11-25T10:00:00+08:00')
  const startMs = Date.parse('2026-11-25T00:00:00+08:00')
  t.strictSame(windowsAt({ period: 'day', time_zone: 'Asia/Shanghai' }, at),
    [{ id: String(startMs), startMs, endMs: Date.parse('2026-11-26T00:00:00+08:00'), amount: 1_000 }])
})

t.test('without a zone it is UTC', async (t) => {
  const at = Date.parse('2026-11-25T23:30:00Z')
  t.strictSame(windowsAt({ period: 'day' }, at), windowsAt({ period: 'day', time_zone: 'UTC' }, at))
  t.equal(windowsAt({ period: 'day' }, at)[0]?.startMs, Date.parse('2026-11-25T00:00:00Z'))
})

t.test('weeks begin on Monday, months on the first, years in January', async (t) => {
  const at = '2026-11-25T10:00:00+08:00'
  t.equal(span('week', 'Asia/Shanghai', at), '2026-11-23T00:00:00+08:00 2026-11-30T00:00:00+08:00')
  t.equal(span('week', 'Asia/Shanghai', '2026-11-23T00:00:00+08:00'), '2026-11-23T00:00:00+08:00 2026-11-30T00:00:00+08:00')
  t.equal(span('week', 'Asia/Shanghai', '2026-11-29T23:59:59.999+08:00'), '2026-11-23T00:00:00+08:00 2026-11-30T00:00:00+08:00')
  t.equal(span('month', 'Asia/Shanghai', at), '2026-11-01T00:00:00+08:00 2026-12-01T00:00:00+08:00')
  t.equal(span('month', 'Asia/Shanghai', '2028-02-29T12:00:00+08:00'), '2028-02-01T00:00:00+08:00 2028-03-01T00:00:00+08:00')
  t.equal(span('year', 'Asia/Shanghai', at), '2026-01-01T00:00:00+08:00 2027-01-01T00:00:00+08:00')
})

t.test('days in New York have 23 and 25 hours when clocks are set, and an hour that comes twice counts twice', async (t) => {
  t.equal(span('day', 'America/New_York', '2026-03-08T12:00:00-04:00'), '2026-03-08T00:00:00-05:00 2026-03-09T00:00:00-04:00')
  t.equal(span('day', 'America/New_York', '2026-11-01T12:00:00-05:00'), '2026-11-01T00:00:00-04:00 2026-11-02T00:00:00-05:00')
  t.equal(span('hour', 'America/New_York', '2026-03-08T01:30:00-05:00'), '2026-03-08T01:00:00-05:00 2026-03-08T03:00:00-04:00')
  t.equal(span('hour', 'America/New_York', '2026-11-01T01:30:00-04:00'), '2026-11-01T01:00:00-04:00 2026-11-01T01:00:00-05:00')
  t.equal(span('hour', 'America/New_York', '2026-11-01T01:30:00-05:00'), '2026-11-01T01:00:00-05:00 2026-11-01T02:00:00-05:00')
})

t.test('where midnight is skipped a day begins at its first instant', async (t) => {
  t.equal(span('day', 'America/Sao_Paulo', '2018-11-04T12:00:00-02:00'), '2018-11-04T01:00:00-02:00 2018-11-05T00:00:00-02:00')
  t.equal(span('day', 'America/Sao_Paulo', '2018-11-03T12:00:00-03:00'), '2018-11-03T00:00:00-03:00 2018-11-04T01:00:00-02:00')
  t.equal(span('day', 'Africa/Cairo', '2026-04-24T12:00:00+03:00'), '2026-04-24T01:00:00+03:00 2026-04-25T00:00:00+03:00')
  t.equal(span('day', 'Pacific/Apia', '2011-12-29T12:00:00-10:00'), '2011-12-29T00:00:00-10:00 2011-12-31T00:00:00+14:00')
})

t.test('where midnight comes twice the new day has begun with the first', async (t) => {
  t.equal(span('day', 'Africa/Cairo', '2026-10-29T23:30:00+02:00'), '2026-10-29T00:00:00+03:00 2026-10-30T00:00:00+02:00')
  t.equal(span('day', 'America/St_Johns', '2010-11-07T00:00:30-02:30'), '2010-11-07T00:00:00-02:30 2010-11-08T00:00:00-03:30')
  t.equal(span('day', 'America/St_Johns', '2010-11-06T23:30:00-03:30'), '2010-11-07T00:00:00-02:30 2010-11-08T00:00:00-03:30')
  t.equal(span('day', 'America/St_Johns', '2010-11-06T23:30:00-02:30'), '2010-11-06T00:00:00-02:30 2010-11-07T00:00:00-02:30')
})

t.test('an hour around a shift by half an hour has ninety minutes', async (t) => {
  const spring = '2026-10-04T01:00:00+10:30 2026-10-04T03:00:00+11:00'
  t.equal(span('hour', 'Australia/Lord_Howe', '2026-10-04T01:59:00+10:30'), spring)
  t.equal(span('hour', 'Australia/Lord_Howe', '2026-10-04T02:30:00+11:00'), spring)
  const autumn = '2026-04-05T01:00:00+11:00 2026-04-05T02:00:00+10:30'
  t.equal(span('hour', 'Australia/Lord_Howe', '2026-04-05T01:45:00+11:00'), autumn)
  t.equal(span('hour', 'Australia/Lord_Howe', '2026-04-05T01:30:00+10:30'), autumn, 'at the shift itself')
  t.equal(span('hour', 'Australia/Lord_Howe', '2026-04-05T01:45:00+10:30'), autumn)
  t.equal(span('hour', 'America/St_Johns', '2010-03-14T01:30:00-02:30'), '2010-03-14T00:00:00-03:30 2010-03-14T02:00:00-02:30')
})

t.test('the clock of a quarter-hour zone begins its hours at its own full hours', async (t) => {
  t.equal(span('hour', 'Asia/Kathmandu', '2026-11-25T10:20:00+05:45'), '2026-11-25T10:00:00+05:45 2026-11-25T11:00:00+05:45')
})

t.test('total is one window that never ends', async (t) => {
  t.strictSame(windowsAt({ period: 'total' }, FROM_MS), [{ id: 'total', startMs: 0, endMs: NO_END, amount: 1_000 }])
})

t.test('a neighbour is given within a minute of the border and no further', async (t) => {
  const startMs = Date.parse('2026-11-25T00:00:00Z')
  const endMs = startMs + 24 * HOUR_MS
  const starts = (nowMs: number): number[] => windowsAt({ period: 'day' }, nowMs).map((window) => (window.startMs - startMs) / HOUR_MS)
  t.equal(NEIGHBOUR_MS_MAX, 60_000)
  t.strictSame(starts(startMs), [-24, 0])
  t.strictSame(starts(startMs + 60_000), [-24, 0])
  t.strictSame(starts(startMs + 60_001), [0])
  t.strictSame(starts(endMs - 60_001), [0])
  t.strictSame(starts(endMs - 60_000), [0, 24])
  t.strictSame(starts(endMs - 1), [0, 24])
})

t.test('a budget ends with its expiry, and from then on nothing is allowed', async (t) => {
  const expiresAtMs = Date.parse('2026-11-25T12:00:00+08:00')
  const expired = { id: 'expired', startMs: expiresAtMs, endMs: NO_END, amount: 0 }
  const at = (period: Period, nowMs: number): BudgetWindow[] => windowsAt({ period, time_zone: 'Asia/Shanghai', expires_at: '2026-11-25T12:00:00+08:00' }, nowMs)
  const startMs = Date.parse('2026-11-25T00:00:00+08:00')
  const day = { id: String(startMs), startMs, endMs: expiresAtMs, amount: 1_000 }
  t.strictSame(at('day', expiresAtMs - HOUR_MS), [day])
  t.strictSame(at('day', expiresAtMs - 60_000), [day, expired])
  t.strictSame(at('day', expiresAtMs), [day, expired])
  t.strictSame(at('day', expiresAtMs + 60_001), [expired])
  t.strictSame(at('day', expiresAtMs + 365 * 24 * HOUR_MS), [expired])
  t.equal(at('day', startMs - HOUR_MS)[0]?.endMs, startMs, 'the day before is whole')
  t.strictSame(at('total', 5), [{ id: 'total', startMs: 0, endMs: expiresAtMs, amount: 1_000 }])
  t.strictSame(at('total', expiresAtMs + HOUR_MS), [expired])
})

t.test('an expiry on the border of two windows leaves no empty one between', async (t) => {
  const endMs = Date.parse('2026-11-26T00:00:00Z')
  const windows = windowsAt({ period: 'day', expires_at: '2026-11-26T00:00:00Z' }, endMs - 1_000)
  t.strictSame(windows.map(({ id, startMs, endMs }) => [id, startMs, endMs]),
    [[String(endMs - 24 * HOUR_MS), endMs - 24 * HOUR_MS, endMs], ['expired', endMs, NO_END]])
})

t.test('a zone or an expiry that makes no sense is refused', async (t) => {
  t.throws(() => calendarOf({ period: 'day', time_zone: 'Mars/Olympus' }), RangeError)
  t.throws(() => calendarOf({ period: 'total', time_zone: 'Mars/Olympus' }), RangeError)
  for (const expiry of ['tomorrow', '2027-05-22', '2027-05-22T00:00:00', '']) {
    t.throws(() => calendarOf({ period: 'day', expires_at: expiry }), RangeError, expiry)
  }
  t.strictSame(calendarOf({ period: 'day', time_zone: 'Asia/Shanghai', expires_at: '2027-05-22T00:00:00+08:00' }),
    { period: 'day', timeZone: 'Asia/Shanghai', expiresAtMs: Date.parse('2027-05-21T16:00:00Z') })
})

t.test('every name of a zone that the system knows is known here too, whatever its letters', async (t) => {
  const names = [...ZONES, ...ZONES.map((zone) => zone.toLowerCase()), 'US/Eastern', 'Asia/Calcutta', 'GMT', 'Etc/GMT+8', 'EST5EDT', 'utc', 'PRC']
  for (const zone of names) windowAt('day', zone, FROM_MS)
  t.ok(names.length > 800)
})

/** Times of which half are near to where a clock is set. */
const moment = fc.tuple(
  fc.constantFrom(...ZONES, 'Australia/Lord_Howe', 'America/St_Johns', 'Asia/Pyongyang', 'America/Caracas', 'Antarctica/Casey'),
  fc.integer({ min: FROM_MS, max: UNTIL_MS }),
  fc.option(fc.integer({ min: -3 * HOUR_MS, max: 3 * HOUR_MS }))
).map(([zone, timeMs, nearMs]) => {
  const shift = nearMs === null ? null : local(timeMs, zone).getTimeZoneTransition('next')
  return { zone, nowMs: shift === null || nearMs === null ? timeMs : shift.epochMilliseconds + nearMs }
})

t.test('windows tile all of time: each contains its times and begins where the one before ends', async () => {
  fc.assert(fc.property(moment, fc.constantFrom(...RECURRING), ({ zone, nowMs }, period) => {
    const { id, startMs, endMs } = windowAt(period, zone, nowMs)
    const other = (atMs: number): BudgetWindow => windowAt(period, zone, atMs)
    return startMs <= nowMs && nowMs < endMs && id === String(startMs) &&
      other(endMs).startMs === endMs && other(startMs - 1).endMs === startMs &&
      other(startMs).endMs === endMs && other(endMs - 1).startMs === startMs
  }), { numRuns: 1_000 })
})

t.test('every border reads as the first moment of its period on the zone\'s own clock', async () => {
  fc.assert(fc.property(moment, fc.constantFrom(...RECURRING), ({ zone, nowMs }, period) => {
    for (const borderMs of [windowAt(period, zone, nowMs).startMs, windowAt(period, zone, nowMs).endMs]) {
      const border = local(borderMs, zone)
      if (border.minute !== 0 || border.second !== 0 || border.millisecond !== 0) return false
      if (period === 'hour') continue
      // Only where midnight itself is skipped does a day begin later.
      if (border.hour !== 0 && local(borderMs - 1, zone).offsetNanoseconds === border.offsetNanoseconds) return false
      if (period === 'week' && border.dayOfWeek !== 1) return false
      if ((period === 'month' || period === 'year') && border.day !== 1) return false
      if (period === 'year' && border.month !== 1) return false
    }
    return true
  }), { numRuns: 1_000 })
})

t.test('no border is missed: within an hour\'s window no clock shows a full hour, and a day has about a day', async () => {
  fc.assert(fc.property(moment, ({ zone, nowMs }) => {
    const hour = windowAt('hour', zone, nowMs)
    for (let atMs = hour.startMs + 60_000; atMs < hour.endMs; atMs += 60_000) {
      if (local(atMs, zone).minute === 0) return false
    }
    const day = windowAt('day', zone, nowMs)
    return day.endMs - day.startMs >= 20 * HOUR_MS && day.endMs - day.startMs <= 28 * HOUR_MS
  }), { numRuns: 200 })
})

t.test('what is given is never more than three windows, in order and side by side, and one contains the time', async () => {
  const setting = fc.record({ period: fc.constantFrom(...RECURRING, 'total' as const), expiryMs: fc.option(fc.integer({ min: -2 * HOUR_MS, max: 2 * HOUR_MS })) })
  fc.assert(fc.property(moment, setting, fc.integer({ min: 0, max: AMOUNT_MAX }), ({ zone, nowMs }, { period, expiryMs }, amount) => {
    const expires = expiryMs === null ? {} : { expires_at: new Date(nowMs + expiryMs).toISOString() }
    const windows = budgetWindows(calendarOf({ period, time_zone: zone, ...expires }), nowMs, amount)
    const isTiled = windows.every((window, index) => window.startMs < window.endMs && (index === 0 || windows[index - 1]?.endMs === window.startMs))
    const isRightAmount = windows.every((window) => window.amount === (window.id === 'expired' ? 0 : amount))
    const isExpired = expiryMs !== null && expiryMs <= 0
    const current = windows.filter(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs)
    return isTiled && isRightAmount && windows.length <= 3 && new Set(windows.map(({ id }) => id)).size === windows.length &&
      current.length === 1 && (current[0]?.id === 'expired') === isExpired
  }), { numRuns: 500 })
})

t.test('a time that jumps back and forth finds the windows it would have found alone', async () => {
  const zone = 'America/New_York'
  fc.assert(fc.property(fc.array(fc.integer({ min: FROM_MS, max: FROM_MS + 3 * 24 * HOUR_MS }), { minLength: 2, maxLength: 8 }), (times) =>
    times.every((nowMs) => {
      const day = windowAt('day', zone, nowMs)
      return local(nowMs, zone).startOfDay().epochMilliseconds === day.startMs
    })), { numRuns: 100 })
})
