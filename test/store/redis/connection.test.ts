import t from 'tap'
import { Cluster, Redis } from 'ioredis'
import { connect, storeOver } from './open-store.ts'
import { openRedisConnection } from '../../../src/store/redis/connection.ts'
import { place } from '../limit-scene.ts'
import { reasonToSkipRedis, startRedis, startRedisSentinel, until } from '../../support/redis.ts'

const skip = await reasonToSkipRedis()

const deps = { random: () => 0.5 }

t.test('a URL says which Redis, and who asks', async (t) => {
  const single = openRedisConnection('rediss://user:p%40ss@127.0.0.1:1/3', deps)
  const sentinel = openRedisConnection('redis+sentinel://user:p%40ss@127.0.0.1:1,[::1]/limits/3', deps)
  const cluster = openRedisConnection('redis+cluster://:p%3Ass@127.0.0.1:1,[::1]:2,localhost', deps)
  t.teardown(() => { for (const connection of [single, sentinel, cluster]) connection.close() })
  t.match(single.client.options, { host: '127.0.0.1', port: 1, username: 'user', password: 'p@ss', db: 3, tls: true })
  t.match(sentinel.client.options, {
    sentinels: [{ host: '127.0.0.1', port: 1 }, { host: '::1', port: 26379 }], name: 'limits', username: 'user', password: 'p@ss', db: 3
  })
  t.ok(cluster.client instanceof Cluster)
  t.match(cluster.client.options, { redisOptions: { password: 'p:ss' } })
  for (const { client } of [single, sentinel]) {
    t.ok(client instanceof Redis)
    t.match(client.options, { enableOfflineQueue: false, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0, connectTimeout: 1_000 })
  }
})

t.test('what is no URL of Redis is refused, and not repeated: it may hold a password', async (t) => {
  for (const url of [
    '', 'redis://', 'http://host', 'redis+cluster://', 'redis+cluster://user:secret@', 'redis+sentinel://user:secret@host', 'redis+sentinel://host/',
    'redis+sentinel://user:secret@host/limits/first', 'redis+cluster://user:secret@host:port', 'redis+cluster://user:secret@a,,b',
    'redis+cluster://user:secret/Pw@127.0.0.1:7001', 'redis+sentinel://:secret/bc=@127.0.0.1:7001/limits'
  ]) {
    const refused = t.throws(() => openRedisConnection(url, deps), TypeError, url)
    t.notMatch(String(refused), /secret/)
  }
})

t.test('whoever waits to come back waits half a second at most, and not all the same time', async (t) => {
  for (const random of [() => 0, () => 0.999]) {
    const connection = openRedisConnection('redis://127.0.0.1:1', { random })
    t.teardown(() => { connection.close() })
    const { retryStrategy } = connection.client.options as { retryStrategy: (attempt: number) => number }
    const delaysMs = [1, 2, 3, 4, 5, 100, 100_000].map(retryStrategy)
    t.same(delaysMs, random() === 0 ? [50, 100, 200, 250, 250, 250, 250] : [100, 200, 400, 500, 500, 500, 500])
  }
})

t.test('a connection that was lost is made anew, and that is told', { skip }, async (t) => {
  const server = await startRedis()
  const connection = await connect(server.url)
  t.teardown(async () => {
    connection.close()
    await server.stop()
  })
  const made = new Promise<void>((resolve) => { connection.onReady(resolve) })
  await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await made
  t.equal(await connection.client.ping(), 'PONG')
})

t.test('a Sentinel leads to the new master when the old one is gone', { skip }, async (t) => {
  const servers = await startRedisSentinel()
  const connection = await connect(servers.url)
  t.teardown(async () => {
    connection.close()
    await servers.stop()
  })
  const store = storeOver(connection)
  const call = { team: 'search', rid: 'a#1', bornMs: Date.now(), claims: [place(1)], mode: 'reserve', expiry: undefined } as const
  t.match(await store.reserve(call), { status: 'granted', repeated: false })
  await servers.nodes[0]?.command('WAIT', 1, 1_000)
  servers.nodes[0]?.kill('SIGKILL')
  await until('the replica is the master', async () => await store.renew({ team: '_probe', rids: [] }).then(() => true, () => false))
  t.match(await store.reserve(call), { status: 'granted', repeated: true })
})
