/** Ids that may stand between the braces of a hash tag; the guard's own probe begins with an underscore. */
const TEAM_PATTERN = /^[a-z0-9_][a-z0-9_-]{0,63}$/

export const HOUR_MS = 3_600_000

/** What Redis holds of one team, all of it in one cluster slot. */
export interface TeamKeys {
  /** Hash of all counters. */
  readonly state: string
  /** Sorted set: rid by the time its reservation is due. */
  readonly due: string
  /** Hash of reservations by rid. */
  readonly reservations: string
  /** Stream of ledger records: `k` is `settled`, `expired`, or `corrected` where one took an expired one's place. */
  readonly events: string
  /** Hash of what is final by rid, one for each hour of birth: the stream's entry id, or nothing where it has none. */
  readonly finals: (bornMs: number) => string
  /** Hash of what has expired and was not settled since, by rid, one for each hour of birth: the stream's entry id. */
  readonly expiries: (bornMs: number) => string
  /** Hash of hourly sums, one for each UTC day since 1970. */
  readonly usage: (day: number) => string
  /** Hash of refusals by request id, one for each hour. */
  readonly refusals: (atMs: number) => string
}

/** @throws TypeError for an id that would not keep its keys in one slot */
export function teamKeys (team: string): TeamKeys {
  if (!TEAM_PATTERN.test(team)) throw new TypeError(`${JSON.stringify(team)} is no team's id`)
  const prefix = `dg:{${team}}:`
  return {
    state: `${prefix}s`,
    due: `${prefix}l`,
    reservations: `${prefix}r`,
    events: `${prefix}ev`,
    finals: (bornMs) => `${prefix}d:${hourOf(bornMs)}`,
    expiries: (bornMs) => `${prefix}x:${hourOf(bornMs)}`,
    usage: (day) => `${prefix}u:${day}`,
    refusals: (atMs) => `${prefix}n:${hourOf(atMs)}`
  }
}

function hourOf (timeMs: number): number {
  return Math.floor(timeMs / HOUR_MS)
}
