import { Temporal } from 'temporal-polyfill'

/**
 * Words times as clocks of a zone show them, with their offset: 2026-11-25T00:00:00+08:00. Quick where they come in their
 * order, as clocks are seldom set.
 */
export function createLocalTime (timeZone: string): (ms: number) => string {
  let known = { fromMs: Infinity, untilMs: Infinity, offsetMs: 0, offset: '' }
  return (ms) => {
    if (ms < known.fromMs || ms >= known.untilMs) known = offsetFrom(ms, timeZone)
    return `${new Date(ms + known.offsetMs).toISOString().slice(0, 19)}${known.offset}`
  }
}

/** The offset at that time, and until when it stays. */
function offsetFrom (fromMs: number, timeZone: string): { fromMs: number, untilMs: number, offsetMs: number, offset: string } {
  const at = Temporal.Instant.fromEpochMilliseconds(fromMs).toZonedDateTimeISO(timeZone)
  const untilMs = at.getTimeZoneTransition('next')?.epochMilliseconds ?? Infinity
  return { fromMs, untilMs, offsetMs: at.offsetNanoseconds / 1e6, offset: at.offset }
}

/** When a day of a zone's calendar begins, such as 2026-11-25; undefined where the text is no day. */
export function dayStartMs (date: string, timeZone: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return undefined
  try {
    return Temporal.PlainDate.from(date).toZonedDateTime(timeZone).epochMilliseconds
  } catch (cause) {
    if (cause instanceof RangeError) return undefined
    throw cause
  }
}
