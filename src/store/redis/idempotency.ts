import type { Cluster, Redis } from 'ioredis'
import { IDEMPOTENCY_KEYS_MAX } from '../../accounts/idempotency-store.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Taking, IdempotencyStore } from '../../accounts/idempotency-store.ts'

/** All in one slot, so that they can be counted. */
const PREFIX = 'dg:{idempotency}:'

/**
 * KEYS[1] is the text, which ends by itself; KEYS[2] a sorted set of all names by the time they end, to count them. ARGV: the
 * name, the text, how long it lives, most names.
 */
const TAKE = `#!lua
local text = redis.call('GET', KEYS[1])
if text then return {'known', text} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return {'full'} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3], 'NX')
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
return {'new'}`

/**
 * ARGV: the name, the text that must be there, the text that takes its place, how long that lives. What was done is kept
 * without memory too.
 */
const REPLACE = `#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return end
local time = redis.call('TIME')
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4], ARGV[1])`

/** ARGV: the name, the text that must be there. */
const RELEASE = `#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])`

/** For any number of gateways. The connection that is handed in must end its commands after a time. */
export function createRedisIdempotency (redis: Redis | Cluster, keysMax = IDEMPOTENCY_KEYS_MAX): IdempotencyStore {
  const run = async (script: string, name: string, ...words: readonly (string | number)[]): Promise<unknown> => {
    try {
      return await redis.eval(script, 2, `${PREFIX}t:${name}`, `${PREFIX}names`, name, ...words)
    } catch (cause) {
      throw new GatewayError('store_unavailable', 'The store of Idempotency-Keys cannot be reached. Try again shortly.', { cause })
    }
  }
  return {
    async take (name, text, lifeMs) {
      const [status, taken = ''] = await run(TAKE, name, text, lifeMs, keysMax) as [Taking['status'], string?]
      return status === 'known' ? { status, text: taken } : { status }
    },
    async replace (name, { from, to, lifeMs }) { await run(REPLACE, name, from, to, lifeMs) },
    async release (name, text) { await run(RELEASE, name, text) }
  }
}
