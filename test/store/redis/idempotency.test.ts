import t from 'tap'
import { Redis } from 'ioredis'
import { KEYS_MAX_HERE, idempotencyContract } from '../idempotency-contract.ts'
import { createRedisIdempotency } from '../../../src/store/redis/idempotency.ts'
import { reasonToSkipRedis, startRedis, until } from '../../support/redis.ts'

t.test('Idempotency-Keys in Redis', { skip: await reasonToSkipRedis() }, async (t) => {
  const server = await startRedis()
  const redis = new Redis(server.url, { commandTimeout: 2_000 })
  const second = new Redis(server.url, { commandTimeout: 2_000 })
  t.teardown(async () => {
    redis.disconnect()
    second.disconnect()
    await server.stop()
  })

  t.beforeEach(async () => { await redis.flushall() })

  await t.test('Redis keeps Idempotency-Keys', async (t) => {
    await idempotencyContract(t, async () => ({
      store: createRedisIdempotency(redis, KEYS_MAX_HERE),
      other: createRedisIdempotency(second, KEYS_MAX_HERE),
      passed: (name) => until('its time is over', async () => await redis.exists(`dg:{idempotency}:t:${name}`) === 0)
    }))
  })

  await t.test('everything is in one slot of a cluster, and ends by itself', async (t) => {
    await createRedisIdempotency(redis).take('a', 'x', 60_000)
    const keys = await redis.keys('*')
    t.same(keys.sort(), ['dg:{idempotency}:names', 'dg:{idempotency}:t:a'])
    t.ok(await redis.pttl('dg:{idempotency}:t:a') > 0)
  })

  await t.test('a store that cannot be asked is said to be away', async (t) => {
    const gone = new Redis({ port: 1, lazyConnect: true, enableOfflineQueue: false })
    gone.on('error', () => {})
    const store = createRedisIdempotency(gone)
    for (const call of [store.take('a', 'x', 1), store.replace('a', { from: 'x', to: 'y', lifeMs: 1 }), store.release('a', 'x')]) {
      t.match(await call.catch((caught: unknown) => caught), { kind: 'store_unavailable' })
    }
    gone.disconnect()
  })
})
