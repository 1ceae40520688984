import t from 'tap'
import { Redis } from 'ioredis'
import { CLAIMS_MAX_HERE, claimsContract } from '../claims-contract.ts'
import { createRedisClaims } from '../../../src/store/redis/claims.ts'
import { reasonToSkipRedis, startRedis, until } from '../../support/redis.ts'

t.test('claims in Redis', { skip: await reasonToSkipRedis() }, async (t) => {
  const server = await startRedis()
  const redis = new Redis(server.url, { commandTimeout: 2_000 })
  const second = new Redis(server.url, { commandTimeout: 2_000 })
  t.teardown(async () => {
    redis.disconnect()
    second.disconnect()
    await server.stop()
  })

  t.beforeEach(async () => { await redis.flushall() })

  await t.test('Redis keeps claims', async (t) => {
    await claimsContract(t, async () => ({
      claims: createRedisClaims(redis, CLAIMS_MAX_HERE),
      other: createRedisClaims(second, CLAIMS_MAX_HERE),
      passed: (name) => until('its time is over', async () => await redis.exists(`dg:{claims}:t:${name}`) === 0)
    }))
  })

  await t.test('everything is in one slot of a cluster, and ends by itself', async (t) => {
    await createRedisClaims(redis).claim('a', 'x', 60_000)
    const keys = await redis.keys('*')
    t.same(keys.sort(), ['dg:{claims}:names', 'dg:{claims}:t:a'])
    t.ok(await redis.pttl('dg:{claims}:t:a') > 0)
  })

  await t.test('a store that cannot be asked is said to be away', async (t) => {
    const gone = new Redis({ port: 1, lazyConnect: true, enableOfflineQueue: false })
    gone.on('error', () => {})
    const claims = createRedisClaims(gone)
    for (const call of [claims.claim('a', 'x', 1), claims.replace('a', { from: 'x', to: 'y', lifeMs: 1 }), claims.release('a', 'x')]) {
      t.match(await call.catch((caught: unknown) => caught), { kind: 'store_unavailable' })
    }
    gone.disconnect()
  })
})
