import { Cluster } from 'ioredis'
import { CALL_TIMEOUT_MS, within } from './failures.ts'
import { checkStore, fieldOf } from './checks.ts'
import { openRedisConnection } from './connection.ts'
import type { Redis } from 'ioredis'
import type { Clock } from '../../core/clock.ts'
import type { RedisConnection } from './connection.ts'

/** How a Redis is found from here. Of a cluster it is the worst of its masters. */
export type RedisState =
  | { readonly state: 'away', readonly code: string }
  | {
    readonly state: 'reached'
    /** Such as `Redis 7.2.4`, of each master. */
    readonly servers: readonly string[]
    /** What makes it unfit to keep budgets. */
    readonly problems: readonly string[]
    /** True where every write is in an append-only file too. */
    readonly keepsWrites: boolean
    /** How far its clock is ahead of ours. */
    readonly skewMs: number
    /** There and back. */
    readonly latencyMs: number
  }

export interface InspectionDeps { readonly clock: Clock, readonly random: () => number }

/** How long a connection may take. */
const CONNECT_TIMEOUT_MS = 3_000

/** Looks at a Redis over a connection of its own. Nothing is written. @throws TypeError for a bad URL */
export async function inspectRedis (url: string, { clock, random }: InspectionDeps): Promise<RedisState> {
  const connection = openRedisConnection(url, { random })
  try {
    if (!await isReady(connection, clock)) return { state: 'away', code: connection.failureCode ?? 'timeout' }
    const problems = await checkStore(connection, clock)
    const nodes = connection.client instanceof Cluster ? connection.client.nodes('master') : [connection.client]
    const inspections = Promise.all(nodes.map((node) => inspectNode(node, clock)))
    const states = await within(CALL_TIMEOUT_MS, inspections, { connection, clock })
    return {
      state: 'reached',
      problems,
      servers: states.map(({ server }) => server),
      keepsWrites: states.every(({ keepsWrites }) => keepsWrites),
      skewMs: states.reduce((worst, { skewMs }) => Math.abs(skewMs) > Math.abs(worst) ? skewMs : worst, 0),
      latencyMs: Math.max(...states.map(({ latencyMs }) => latencyMs))
    }
  } finally {
    connection.close()
  }
}

async function isReady (connection: RedisConnection, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const stopTimer = clock.setTimer(CONNECT_TIMEOUT_MS, () => resolve(false))
  connection.onReady(() => resolve(true))
  const isDone = await promise
  stopTimer()
  return isDone
}

const TRIPS = 5

interface NodeState {
  readonly server: string
  readonly keepsWrites: boolean
  readonly skewMs: number
  readonly latencyMs: number
}

async function inspectNode (node: Redis, clock: Clock): Promise<NodeState> {
  const info = await node.info()
  const valkey = fieldOf(info, 'valkey_version')
  const trips: { latencyMs: number, skewMs: number }[] = []
  for (let trip = 0; trip < TRIPS; trip++) {
    const startedMs = clock.monotonicMs()
    const [seconds, micros] = await node.time()
    const latencyMs = clock.monotonicMs() - startedMs
    trips.push({ latencyMs, skewMs: Number(seconds) * 1_000 + Number(micros) / 1_000 - (clock.nowMs() - latencyMs / 2) })
  }
  // The quickest says most about either.
  const best = trips.reduce((quickest, trip) => trip.latencyMs < quickest.latencyMs ? trip : quickest)
  return {
    ...best,
    server: valkey === undefined ? `Redis ${fieldOf(info, 'redis_version')}` : `Valkey ${valkey}`,
    keepsWrites: fieldOf(info, 'aof_enabled') === '1'
  }
}
