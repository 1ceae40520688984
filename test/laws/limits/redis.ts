import { once } from 'node:events'
import { byText, hoursInOrder, ordered } from './dump.ts'
import { createRedisLimitStore } from '../../../src/store/redis/limits.ts'
import { teamKeys } from '../../../src/store/redis/keys.ts'
import { openRedisConnection } from '../../../src/store/redis/connection.ts'
import { isNothing } from '../../../src/metering/rollups.ts'
import { plain, takenBy } from './subject.ts'
import { SCRIPTS } from '../../../src/store/redis/script.ts'
import { usageHourOf } from '../../../src/store/redis/packed-record.ts'
import type { Clock } from '../../../src/core/clock.ts'
import type { DumpedReservation, Entry, TeamDump, Written } from './dump.ts'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { RedisConnection } from '../../../src/store/redis/connection.ts'
import type { Subject } from './subject.ts'
import type { UsageHour } from '../../../src/metering/rollups.ts'

/** No call is given up: whether there is a reply in time is no matter of these tests. */
const clock: Clock = { nowMs: () => 0, monotonicMs: () => 0, setTimer: () => () => {} }

/** From KEYS[5] on: what is final, hour by hour. Numbers are written out in full, and reservations are unpacked, with their expiry. */
const DUMP = `
local state = redis.call('HGETALL', KEYS[1])
local due = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
local reservations = {}
local packed = redis.call('HGETALL', KEYS[3])
for i = 1, #packed, 2 do
  if string.sub(packed[i], -1) ~= '!' then
    local status, record = cmsgpack.unpack(packed[i + 1])
    local words = {packed[i], string.format('%.0f', status), redis.call('HGET', KEYS[3], packed[i] .. '!') or ''}
    for j = 1, #record do words[#words + 1] = type(record[j]) == 'number' and string.format('%.0f', record[j]) or record[j] end
    reservations[#reservations + 1] = words
  end
end
local events = redis.call('XRANGE', KEYS[4], '-', '+')
local finals = {}
for i = 5, #KEYS do
  for _, rid in ipairs(redis.call('HKEYS', KEYS[i])) do finals[#finals + 1] = rid end
end
return {state, due, reservations, events, finals}`

type Raw = [state: string[], due: string[], reservations: string[][], events: [id: string, words: string[]][], finals: string[]]

export async function openRedis (url: string): Promise<Subject> {
  const connection = openRedisConnection(url, { random: () => 0.5 })
  await once(connection.client, 'ready')
  const { client } = connection
  let nowMs = 0
  const store = createRedisLimitStore({ connection, clock, testNow: () => nowMs })
  // A call that has to bring its script along would be overtaken by the next one.
  for (const { source } of Object.values(SCRIPTS)) await client.call('SCRIPT', 'LOAD', source)

  return {
    name: 'Redis',
    keepsLeases: true,
    take (timed) {
      nowMs = timed.nowMs
      return takenBy(store, timed.call)
    },
    async dump (team) {
      const { state, due, reservations, events } = teamKeys(team)
      const keys = [state, due, reservations, events, ...await client.keys(`dg:{${team}}:d:*`)]
      const dump = dumpOf(await client.eval(DUMP, keys.length, ...keys) as Raw)
      const expired = (await Promise.all((await client.keys(`dg:{${team}}:x:*`)).map((key) => client.hkeys(key)))).flat()
      const written = dump.ledger.filter(({ record }) => record.outcome === 'expired')
      if (String(expired.sort()) !== String(written.map(({ rid }) => rid))) throw new Error(`${expired.join(' ')} are said to have expired`)
      return { ...dump, usage: await usageIn(client, team) }
    },
    async clear () { await client.call('FLUSHALL') },
    // A gateway's death is nothing to it.
    async restart () {},
    async save () {
      const saved: [key: string, content: Buffer][] = []
      for (const key of await client.keys('*')) saved.push([key, await client.dumpBuffer(key)])
      return async () => {
        await client.call('FLUSHALL')
        for (const [key, content] of saved) await client.restore(key, 0, content)
      }
    },
    async close () { connection.close() }
  }
}

async function usageIn (client: RedisConnection['client'], team: string): Promise<UsageHour[]> {
  const hours: UsageHour[] = []
  for (const key of await client.keys(`dg:{${team}}:u:*`)) {
    const day = Number(key.slice(key.lastIndexOf(':') + 1))
    for (const [field, row] of Object.entries(await client.hgetallBuffer(key))) hours.push(usageHourOf(field, row, { team, day }))
  }
  return plain(hoursInOrder(hours.filter(({ counts }) => !isNothing(counts))))
}

function dumpOf ([state, due, reservations, events, finals]: Raw): Omit<TeamDump, 'usage'> {
  const fields = new Map(pairs(state))
  const dueMs = new Map(pairs(due).map(([rid, score]) => [rid, Number(score)]))
  if (dueMs.size !== reservations.length) throw new Error(`${dueMs.size} reservations are due of ${reservations.length}`)
  const named = (pattern: RegExp): [string, string][] => [...fields].filter(([field]) => pattern.test(field))
  const told = events.map(([, words]) => new Map(pairs(words)))
  const written = told.map((event): Written => ({ rid: String(event.get('rid')), record: JSON.parse(String(event.get('record'))) as LedgerRecord }))
  return {
    version: Number(fields.get('v') ?? 0),
    epoch: fields.get('e') ?? '',
    holdUntilMs: Number(fields.get('h') ?? 0),
    counters: ordered(named(/^(rl|rt|c|bs|br):/).map(([field, value]) => [field, exact(value)])),
    windows: ordered(named(/^bw:/).map(([field, value]) => [field.slice('bw:'.length), value])),
    reservations: reservations.map((words) => reservationOf(words, dueMs)).sort(byText(({ rid }) => rid)),
    finals: finals.sort(),
    ledger: written.sort(byText(({ rid }) => rid))
  }
}

function pairs (flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, index) => index % 2 === 0 ? [[name, flat[index + 1] ?? ''] satisfies [string, string]] : [])
}

/** A number that is not written as JavaScript would write it has been rounded, or will be. */
function exact (text: string): number {
  return String(Number(text)) === text ? Number(text) : NaN
}

const HELD = '1'

function reservationOf ([rid = '', status, packed = '', bornMs, , ...words]: readonly string[], dueMs: ReadonlyMap<string, number>): DumpedReservation {
  const found = { rid, state: status === HELD ? 'held' as const : 'expired' as const, bornMs: Number(bornMs), entries: entriesOf(words), dueMs: dueMs.get(rid) ?? NaN }
  return packed === '' ? found : { ...found, expiry: JSON.parse(packed.slice(packed.indexOf('\n'))) as LedgerRecord }
}

function entriesOf (words: readonly string[]): Entry[] {
  const entries: Entry[] = []
  for (let at = 0; at < words.length;) {
    const [kind, id = '', cost, windowId = ''] = words.slice(at)
    if (kind === 'r') entries.push({ kind: 'rate', id, cost: Number(cost) })
    else if (kind === 'c') entries.push({ kind: 'concurrency', id, cost: 1 })
    else entries.push({ kind: 'budget', id, cost: Number(cost), windowId })
    at += kind === 'r' ? 3 : kind === 'c' ? 2 : 4
  }
  return entries
}
