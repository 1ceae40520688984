import t from 'tap'
import { checkStore } from '../../../src/store/redis/checks.ts'
import { connect } from './open-store.ts'
import { createManualClock } from '../../support/fixed.ts'
import { reasonToSkipRedis, startRedis } from '../../support/redis.ts'
import { systemClock } from '../../../src/system.ts'
import type { RedisConnection } from '../../../src/store/redis/connection.ts'

const skip = await reasonToSkipRedis()

t.test('a Redis is fit that keeps what it is given, and one that is not says why', { skip }, async (t) => {
  const server = await startRedis()
  const connection = await connect(server.url)
  t.teardown(async () => {
    connection.close()
    await server.stop()
  })
  t.same(await checkStore(connection, systemClock), [])
  await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  t.same(await checkStore(connection, systemClock), ['maxmemory-policy is allkeys-lru and must be noeviction, or budgets are forgotten when memory is short'])
  await server.command('ACL', 'SETUSER', 'default', '-config')
  t.match(await checkStore(connection, systemClock), [/^maxmemory-policy/], 'also where settings may not be read')
  connection.close()
  await t.rejects(checkStore(connection, systemClock), { name: 'StoreUnavailable', code: 'closed' })
})

function infoOnly (info: string): RedisConnection {
  return { client: { info: async () => `${info}\r\nmaxmemory_policy:noeviction\r\n` } } as unknown as RedisConnection
}

t.test('old versions are refused', async (t) => {
  const problems = (info: string): Promise<string[]> => checkStore(infoOnly(info), createManualClock())
  t.same(await problems('redis_version:6.2.14'), ['Redis 6.2.14 is older than 7.0'])
  t.same(await problems('redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:7.2.5'), ['Valkey 7.2.5 is older than 8.0'])
  t.same(await problems('whatever:1'), ['Redis of no known version is older than 7.0'])
  for (const info of ['redis_version:7.0.0', 'redis_version:8.2.1', 'redis_version:7.2.4\r\nvalkey_version:8.0.0', 'redis_version:7.2.4\r\nvalkey_version:10.1.0']) {
    t.same(await problems(info), [])
  }
})
