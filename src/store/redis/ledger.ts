import { RESERVATION_IDS_MAX, reservationId } from '../../limits/store.ts'
import { HOUR_MS, teamKeys } from './keys.ts'
import { asked, birthMs, recordOf } from './records.ts'
import type { Ledger, LedgerRecord } from '../../metering/ledger.ts'
import type { ReplyDeps } from './failures.ts'

/** Records get here by settlements, and are found for as long as it is remembered what is final. */
export function createRedisLedger (deps: ReplyDeps): Ledger {
  const { client } = deps.connection

  async function entryOf (requestId: string, team: string): Promise<string | undefined> {
    const bornMs = birthMs(requestId)
    if (bornMs === undefined) return undefined
    const rids = Array.from({ length: RESERVATION_IDS_MAX }, (_, index) => reservationId(requestId, index + 1))
    // A reservation is born a little later than its request, and by the store's clock, which may be behind ours.
    for (const hourMs of [bornMs, bornMs + HOUR_MS, bornMs - HOUR_MS]) {
      const entries = await client.hmget(teamKeys(team).finals(hourMs), ...rids)
      const entry = entries.find(Boolean)
      if (entry) return entry
    }
    return undefined
  }

  async function find (requestId: string, team: string): Promise<LedgerRecord | undefined> {
    const entry = await entryOf(requestId, team)
    if (entry === undefined) return undefined
    const [found] = await client.xrange(teamKeys(team).events, entry, entry)
    const words = found?.[1] ?? []
    const json = words[words.indexOf('record') + 1]
    return json === undefined ? undefined : recordOf(json)
  }

  return { find: async (requestId, team) => await asked(find(requestId, team), deps) }
}
