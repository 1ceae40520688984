import { once } from 'node:events'
import { Cluster } from 'ioredis'
import { createRedisLedger } from '../../../src/store/redis/ledger.ts'
import { createRedisLimitStore } from '../../../src/store/redis/limits.ts'
import { createRedisUsage } from '../../../src/store/redis/usage.ts'
import { createSeededRandom } from '../../support/fixed.ts'
import { MIDNIGHT_MS } from '../limit-scene.ts'
import { openRedisConnection } from '../../../src/store/redis/connection.ts'
import { systemClock } from '../../../src/system.ts'
import { teamKeys } from '../../../src/store/redis/keys.ts'
import { until } from '../../support/redis.ts'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { LimitStore } from '../../../src/limits/store.ts'
import type { LimitStoreUnderTest } from '../limit-scene.ts'
import type { RedisConnection } from '../../../src/store/redis/connection.ts'
import type { RedisServer } from '../../support/redis.ts'

/** Long enough for a machine that does other things too. */
const TIMEOUTS_MS = { reserve: 10_000, other: 10_000 }

export async function connect (url: string): Promise<RedisConnection> {
  const connection = openRedisConnection(url, { random: createSeededRandom(1) })
  const { client } = connection
  await once(client, 'ready')
  if (client instanceof Cluster) await until('its nodes are ready', async () => client.nodes().every(({ status }) => status === 'ready'))
  return connection
}

/** A store that keeps the server's own time. */
export function storeOver (connection: RedisConnection): LimitStore {
  return createRedisLimitStore({ connection, clock: systemClock, timeoutMs: TIMEOUTS_MS })
}

/** Empties all nodes, and gives a store over them whose clock stands still. */
export async function openStore (connection: RedisConnection, nodes: readonly RedisServer[]): Promise<LimitStoreUnderTest> {
  await Promise.all(nodes.map((node) => node.command('FLUSHALL')))
  const { client } = connection
  let nowMs = MIDNIGHT_MS
  return {
    store: createRedisLimitStore({ connection, clock: systemClock, timeoutMs: TIMEOUTS_MS, testNow: () => nowMs }),
    now: { set (ms) { nowMs = ms }, get: () => nowMs },
    async dump (team) {
      const { v, e, about, ...counters } = await client.hgetall(teamKeys(team).state)
      const reservations = await client.hgetall(teamKeys(team).reservations)
      const named = Object.entries(reservations).filter(([rid]) => !rid.endsWith('!')).map(([rid, packed]) => [`${packed.startsWith('\x01') ? 'held' : 'expired'}:${rid}`, packed])
      return { ...counters, ...Object.fromEntries(named) }
    },
    async ledger (team) {
      const entries = await client.xrange(teamKeys(team).events, '-', '+')
      return entries.map(([, words]) => (JSON.parse(words.at(-1) ?? '') as LedgerRecord).requestId)
    },
    records: createRedisLedger({ connection, clock: systemClock }),
    usage: createRedisUsage({ connection, clock: systemClock }),
    async close () {}
  }
}
