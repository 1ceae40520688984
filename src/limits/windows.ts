import { Temporal } from 'temporal-polyfill'
import { instantMs } from '../core/instant.ts'
import { NO_END } from './claim.ts'
import type { BudgetSetting } from '../accounts/limit-settings.ts'
import type { BudgetWindow } from './claim.ts'

/** When a budget begins anew, and when it ends for good. */
export interface BudgetCalendar {
  readonly period: BudgetSetting['period']
  readonly timeZone: string
  readonly expiresAtMs: number | undefined
}

/** Of a budget's setting, what `calendarOf` reads. */
export type CalendarSetting = Pick<BudgetSetting, 'period' | 'time_zone' | 'expires_at'>

/**
 * How near to the end of a window the next one is given too, and the one before near to its start: for so much the store's
 * clock may differ from ours before claims have to be made twice.
 */
export const NEIGHBOUR_MS_MAX = 60_000

/** Periods × zones whose current window is remembered. Zones have some 600 names. */
const CURRENT_MAX = 4_096

type Span = Omit<BudgetWindow, 'amount'>

interface Surroundings { readonly previous: Span | undefined, readonly current: Span, readonly next: Span | undefined }

const EVER: Surroundings = { previous: undefined, current: { id: 'total', startMs: 0, endMs: NO_END }, next: undefined }

/** @throws RangeError for a time zone that nobody knows, or an expiry that is no ISO 8601 time with its offset */
export function calendarOf ({ period, time_zone: timeZone = 'UTC', expires_at: expiresAt }: CalendarSetting): BudgetCalendar {
  Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone)
  const expiresAtMs = expiresAt === undefined ? undefined : instantMs(expiresAt)
  if (expiresAt !== undefined && expiresAtMs === undefined) throw new RangeError(`${JSON.stringify(expiresAt)} is no ISO 8601 time with its offset`)
  return { period, timeZone, expiresAtMs }
}

/**
 * The window that contains `nowMs`, and its neighbour where that is near, oldest first. A budget that expires is cut there,
 * and what comes after is a window without end in which nothing is allowed, so that the store's clock decides of it.
 */
export function budgetWindows (calendar: BudgetCalendar, nowMs: number, amount: number): BudgetWindow[] {
  const { previous, current, next } = surroundings(calendar, nowMs)
  const windows: BudgetWindow[] = []
  for (const span of [previous, current, next]) {
    if (span === undefined || nowMs < span.startMs - NEIGHBOUR_MS_MAX || nowMs > span.endMs + NEIGHBOUR_MS_MAX) continue
    windows.push({ ...span, amount })
  }
  return calendar.expiresAtMs === undefined ? windows : cut(windows, calendar.expiresAtMs, nowMs)
}

function cut (windows: readonly BudgetWindow[], expiresAtMs: number, nowMs: number): BudgetWindow[] {
  const cutWindows = windows.filter(({ startMs }) => startMs < expiresAtMs)
    .map((window) => ({ ...window, endMs: Math.min(window.endMs, expiresAtMs) }))
    .filter(({ endMs }) => nowMs <= endMs + NEIGHBOUR_MS_MAX)
  if (nowMs >= expiresAtMs - NEIGHBOUR_MS_MAX) cutWindows.push({ id: 'expired', startMs: expiresAtMs, endMs: NO_END, amount: 0 })
  return cutWindows
}

/** The hot path finds what was worked out when the window began. */
const currents = new Map<string, Surroundings>()

function surroundings ({ period, timeZone }: BudgetCalendar, nowMs: number): Surroundings {
  if (period === 'total') return EVER
  const key = `${period} ${timeZone}`
  const known = currents.get(key)
  if (known !== undefined && known.current.startMs <= nowMs && nowMs < known.current.endMs) return known
  const current = spanAt(period, timeZone, nowMs)
  const found = {
    previous: spanAt(period, timeZone, current.startMs - 1),
    current,
    next: spanAt(period, timeZone, current.endMs)
  }
  if (currents.size >= CURRENT_MAX) currents.clear()
  currents.set(key, found)
  return found
}

/** The day of a zone's calendar that contains `atMs`: of 23 or 25 hours where clocks are set. */
export function dayAround (timeZone: string, atMs: number): Pick<BudgetWindow, 'startMs' | 'endMs'> {
  return spanAt('day', timeZone, atMs)
}

type Recurring = Exclude<BudgetSetting['period'], 'total'>

function spanAt (period: Recurring, timeZone: string, atMs: number): Span {
  const at = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone)
  const [start, end] = period === 'hour' ? hourAround(at) : daysAround(period, at)
  return { id: String(start.epochMilliseconds), startMs: start.epochMilliseconds, endMs: end.epochMilliseconds }
}

type Bounds = readonly [start: Temporal.ZonedDateTime, end: Temporal.ZonedDateTime]

const ONE = { day: { days: 1 }, week: { weeks: 1 }, month: { months: 1 }, year: { years: 1 } }

/**
 * Days begin at their first instant, also where midnight is skipped. Where clocks go back over midnight it comes twice, and
 * the new period has begun with the first: what the clock then repeats of the old day belongs to the new one.
 */
function daysAround (period: keyof typeof ONE, at: Temporal.ZonedDateTime): Bounds {
  const first = firstDay(period, at.toPlainDate())
  const second = first.add(ONE[period])
  const next = second.toZonedDateTime(at.timeZoneId)
  return at.epochMilliseconds < next.epochMilliseconds
    ? [first.toZonedDateTime(at.timeZoneId), next]
    : [next, second.add(ONE[period]).toZonedDateTime(at.timeZoneId)]
}

function firstDay (period: keyof typeof ONE, date: Temporal.PlainDate): Temporal.PlainDate {
  switch (period) {
    case 'day': return date
    case 'week': return date.subtract({ days: date.dayOfWeek - 1 })
    case 'month': return date.with({ day: 1 })
    case 'year': return date.with({ month: 1, day: 1 })
  }
}

/**
 * From one instant at which clocks show a full hour to the next one. An hour that is repeated counts twice; around a shift
 * by half an hour there is one of an hour and a half.
 */
function hourAround (at: Temporal.ZonedDateTime): Bounds {
  return [fullHourBy(at), fullHourAfter(at)]
}

/** Clocks run evenly since they were last set; where the hour began before that, it is looked for on the other side. */
function fullHourBy (at: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  const hour = minutesBefore(at)
  const shift = at.add({ milliseconds: 1 }).getTimeZoneTransition('previous')
  if (shift === null || shift.epochMilliseconds <= hour.epochMilliseconds) return hour
  return fullHourBy(shift.subtract({ milliseconds: 1 }))
}

function fullHourAfter (at: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  const hour = minutesBefore(at).add({ hours: 1 })
  const shift = at.getTimeZoneTransition('next')
  if (shift === null || hour.epochMilliseconds < shift.epochMilliseconds) return hour
  return minutesBefore(shift).epochMilliseconds === shift.epochMilliseconds ? shift : fullHourAfter(shift)
}

function minutesBefore (at: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  return at.subtract({ minutes: at.minute, seconds: at.second, milliseconds: at.millisecond })
}
