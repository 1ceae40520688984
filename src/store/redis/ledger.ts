import { cursorOf, listed } from '../listing.ts'
import { RESERVATION_IDS_MAX, reservationId } from '../../limits/store.ts'
import { HOUR_MS, teamKeys } from './keys.ts'
import { asked, birthMs, recordOf } from './records.ts'
import type { Ledger, LedgerRecord, Listed } from '../../metering/ledger.ts'
import type { ReplyDeps } from './failures.ts'
import type { WrittenRange } from '../listing.ts'

/** An entry of the stream: its id, and names and values in turn. */
type Entry = readonly [id: string, words: readonly string[]]

/** What one command brings. */
const PAGE_ENTRIES = 500

/** Records get here by settlements and by leases that end. */
export function createRedisLedger (deps: ReplyDeps): Ledger {
  const { client } = deps.connection

  async function entriesOf (requestId: string, team: string): Promise<string[]> {
    const bornMs = birthMs(requestId)
    if (bornMs === undefined) return []
    const rids = Array.from({ length: RESERVATION_IDS_MAX }, (_, index) => reservationId(requestId, index + 1))
    const { finals, expiries } = teamKeys(team)
    // A reservation is born a little later than its request, and by the store's clock, which may be behind ours.
    const hours = [bornMs, bornMs + HOUR_MS, bornMs - HOUR_MS]
    const keys = hours.flatMap((hourMs) => [finals(hourMs), expiries(hourMs)])
    const found = await Promise.all(keys.map((key) => client.hmget(key, ...rids)))
    return [...new Set(found.flat())].filter((entry) => entry !== null && entry !== '') as string[]
  }

  async function find (requestId: string, team: string): Promise<LedgerRecord[]> {
    const { events } = teamKeys(team)
    const found = await Promise.all((await entriesOf(requestId, team)).map((entry) => client.xrange(events, entry, entry)))
    return found.flat().flatMap(recordIn).sort((one, other) => one.attempt - other.attempt)
  }

  async function * pages (team: string, { earliestMs, latestMs }: WrittenRange): AsyncGenerator<Listed<LedgerRecord>[]> {
    const { events } = teamKeys(team)
    for (let latest = String(latestMs); ;) {
      const page = await asked(client.xrevrange(events, latest, earliestMs, 'COUNT', PAGE_ENTRIES), deps)
      yield page.flatMap((entry) => recordIn(entry).map((record) => ({ cursor: cursorIn(entry, team), record })))
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE_ENTRIES) return
      latest = `(${last[0]}`
    }
  }

  return {
    find: async (requestId, team) => await asked(find(requestId, team), deps),
    list: async (query) => await listed(query, (range) => pages(query.team, range))
  }
}

/** None in what former versions wrote of leases that had run out. */
function recordIn ([, words]: Entry): LedgerRecord[] {
  const place = words.findIndex((word, index) => index % 2 === 0 && word === 'record')
  const json = place < 0 ? undefined : words[place + 1]
  return json === undefined ? [] : [recordOf(json)]
}

function cursorIn ([id]: Entry, team: string): string {
  const [atMs, sequence] = id.split('-')
  return cursorOf('l', { atMs: Number(atMs), sequence: Number(sequence), team })
}
