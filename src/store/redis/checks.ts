import { Cluster } from 'ioredis'
import { CALL_TIMEOUT_MS, within } from './failures.ts'
import type { Redis } from 'ioredis'
import type { Clock } from '../../core/clock.ts'
import type { RedisConnection } from './connection.ts'

const REDIS_VERSION_MIN = 7
const VALKEY_VERSION_MIN = 8

/** What makes a Redis unfit to keep budgets, in words. Of a cluster each master is looked at. @throws StoreUnavailable */
export async function checkStore (connection: RedisConnection, clock: Clock): Promise<string[]> {
  const { client } = connection
  const nodes = client instanceof Cluster ? client.nodes('master') : [client]
  const problems = await within(CALL_TIMEOUT_MS, Promise.all(nodes.map(checkNode)), { connection, clock })
  return [...new Set(problems.flat())]
}

async function checkNode (node: Redis): Promise<string[]> {
  const info = await node.info()
  return [...versionProblems(info), ...evictionProblems(info)]
}

function versionProblems (info: string): string[] {
  const valkey = fieldOf(info, 'valkey_version')
  const [name, version, versionMin] = valkey === undefined
    ? ['Redis', fieldOf(info, 'redis_version'), REDIS_VERSION_MIN] as const
    : ['Valkey', valkey, VALKEY_VERSION_MIN] as const
  return Number.parseInt(version ?? '0', 10) >= versionMin ? [] : [`${name} ${version ?? 'of no known version'} is older than ${versionMin}.0`]
}

function evictionProblems (info: string): string[] {
  const policy = fieldOf(info, 'maxmemory_policy')
  return policy === 'noeviction' ? [] : [`maxmemory-policy is ${policy ?? 'unknown'} and must be noeviction, or budgets are forgotten when memory is short`]
}

export function fieldOf (info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]
}
