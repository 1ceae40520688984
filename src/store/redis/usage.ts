import { checkUsageRange } from '../usage-range.ts'
import { DAY_MS } from '../retention.ts'
import { dayOf, usageHourOf } from './packed-record.ts'
import { isNothing } from '../../metering/rollups.ts'
import { scanHash } from './scan-hash.ts'
import { teamKeys } from './keys.ts'
import type { ReplyDeps } from './failures.ts'
import type { UsageHour, UsageReader } from '../../metering/rollups.ts'

/** Days that are asked for at a time. */
const DAYS_AT_ONCE = 10
const BATCH_HOURS_MAX = 1_000

/** Sums get here with the records they are of. */
export function createRedisUsage (deps: ReplyDeps): UsageReader {
  async function hoursOf (team: string, day: number): Promise<UsageHour[]> {
    const rows = await scanHash(teamKeys(team).usage(day), deps)
    return [...rows].map(([field, row]) => usageHourOf(field, row, { team, day })).filter(({ counts }) => !isNothing(counts))
  }

  return {
    async * read (team, fromMs, toMs) {
      checkUsageRange(fromMs, toMs)
      const dayAfterLast = Math.ceil(toMs / DAY_MS)
      for (let first = dayOf(fromMs); first < dayAfterLast; first += DAYS_AT_ONCE) {
        const count = Math.min(DAYS_AT_ONCE, dayAfterLast - first)
        const days = Array.from({ length: count }, async (_, index) => await hoursOf(team, first + index))
        for (const hours of await Promise.all(days)) {
          const inRange = hours.filter(({ hourMs }) => hourMs >= fromMs && hourMs < toMs)
          inRange.sort((one, other) => one.hourMs - other.hourMs)
          for (let from = 0; from < inRange.length; from += BATCH_HOURS_MAX) yield inRange.slice(from, from + BATCH_HOURS_MAX)
        }
      }
    }
  }
}
