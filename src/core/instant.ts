const INSTANT = /^(\d{4})-(\d{2})-(\d{2})T(?:[01]\d|2[0-3]):\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/

/** Milliseconds of an ISO 8601 time with its offset, such as 2027-05-22T00:00:00+08:00; undefined where the text is none. */
export function instantMs (text: string): number | undefined {
  const [, year, month, day] = INSTANT.exec(text)?.map(Number) ?? []
  const ms = Date.parse(text)
  if (year === undefined || month === undefined || day === undefined || Number.isNaN(ms)) return undefined
  // Date.parse takes 30 February for 2 March.
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate() ? ms : undefined
}
