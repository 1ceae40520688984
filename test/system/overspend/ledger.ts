import { usageHourOf } from '../../../src/store/redis/packed-record.ts'
import type { Redis } from 'ioredis'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { TeamScene } from './scene.ts'
import type { UsageHour } from '../../../src/metering/rollups.ts'

/** All that Redis has of one team at the end. */
export interface TeamBooks {
  readonly team: TeamScene
  /** The counters. */
  readonly state: Readonly<Record<string, string>>
  readonly settled: readonly Settled[]
  readonly expired: readonly Expired[]
  /** The sums that were written with the records. */
  readonly hours: readonly UsageHour[]
  /** Ids of settlements and voids, with the entry each has in the stream, or '' for a void. */
  readonly finals: ReadonlyMap<string, string>
  /** Reservations that are still held. */
  readonly held: readonly string[]
}

export interface Settled {
  readonly entry: string
  readonly rid: string
  /** It had expired before. */
  readonly isLate: boolean
  readonly record: LedgerRecord
}

/** The record says all that was held. */
export interface Expired { readonly rid: string, readonly record: LedgerRecord }

const PAGE_ENTRIES = 1_000
const PAGES_MAX = 100
const HELD = 1

export async function booksOf (redis: Redis, team: TeamScene): Promise<TeamBooks> {
  const key = (name: string): string => `dg:{${team.id}}:${name}`
  const entries = await entriesOf(redis, key('ev'))
  const reservations = await redis.hgetallBuffer(key('r'))
  const finals = new Map<string, string>()
  for (const name of await redis.keys(key('d:*'))) {
    for (const [rid, entry] of Object.entries(await redis.hgetall(name))) finals.set(rid, entry)
  }
  return {
    team,
    state: await redis.hgetall(key('s')),
    settled: entries.filter(({ words }) => words['k'] !== 'expired')
      .map(({ entry, words }) => ({ entry, rid: words['rid'] ?? '', isLate: words['k'] === 'corrected', record: recordIn(words) })),
    expired: entries.filter(({ words }) => words['k'] === 'expired').map(({ words }) => ({ rid: words['rid'] ?? '', record: recordIn(words) })),
    hours: await hoursOf(redis, team),
    finals,
    held: Object.entries(reservations).filter(([, packed]) => packed[0] === HELD).map(([rid]) => rid)
  }
}

interface Entry { readonly entry: string, readonly words: Readonly<Record<string, string>> }

async function entriesOf (redis: Redis, key: string): Promise<Entry[]> {
  const entries: Entry[] = []
  let from = '-'
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const page = await redis.xrange(key, from, '+', 'COUNT', PAGE_ENTRIES)
    for (const [entry, fields] of page) {
      entries.push({ entry, words: Object.fromEntries(fields.flatMap((name, place) => place % 2 === 0 ? [[name, fields[place + 1] ?? '']] : [])) })
    }
    if (page.length < PAGE_ENTRIES) return entries
    from = `(${entries.at(-1)?.entry ?? ''}`
  }
  throw new Error(`${key} has more than ${PAGES_MAX * PAGE_ENTRIES} entries`)
}

function recordIn (words: Entry['words']): LedgerRecord {
  return JSON.parse(words['record'] ?? '') as LedgerRecord
}

async function hoursOf (redis: Redis, { id: team }: TeamScene): Promise<UsageHour[]> {
  const hours: UsageHour[] = []
  for (const key of await redis.keys(`dg:{${team}}:u:*`)) {
    const day = Number(key.slice(key.lastIndexOf(':') + 1))
    for (const [field, row] of Object.entries(await redis.hgetallBuffer(key))) hours.push(usageHourOf(field, row, { team, day }))
  }
  return hours
}
