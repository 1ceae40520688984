import t from 'tap'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { accountContract, DRAFT, keyEntry, teamEntry } from '../account-contract.ts'
import { createManualClock } from '../../support/fixed.ts'
import { createRedisAccounts } from '../../../src/store/redis/accounts.ts'
import { ensureFirstKey } from '../../../src/accounts/first-key.ts'
import { openDirectory } from '../../../src/accounts/directory.ts'
import { verifyChain } from '../../../src/accounts/audit.ts'
import { wholeLog } from '../audit-contract.ts'
import { reasonToSkipRedis, startRedis } from '../../support/redis.ts'

// Redis forgets removals by its own clock.
const CLOCK = createManualClock(Date.now())

t.test('teams and keys in Redis', { skip: await reasonToSkipRedis() }, async (t) => {
  const server = await startRedis()
  const redis = new Redis(server.url, { commandTimeout: 2_000 })
  const second = new Redis(server.url, { commandTimeout: 2_000 })
  t.teardown(async () => {
    redis.disconnect()
    second.disconnect()
    await server.stop()
  })

  t.beforeEach(async () => { await redis.flushall() })

  await t.test('Redis keeps teams and keys', async (t) => {
    await accountContract(t, async () => ({ store: createRedisAccounts(redis), other: createRedisAccounts(second), third: createRedisAccounts(redis) }))
  })

  await t.test('a store that was emptied is lost, also once others have written to it', async (t) => {
    const store = createRedisAccounts(redis)
    await store.put(teamEntry('search', 1), DRAFT)
    const { cursor } = await store.load()
    await redis.flushall()
    t.same(await store.changesSince(cursor), { status: 'lost' })
    await createRedisAccounts(second).restore([teamEntry('search', 1)])
    t.same(await store.changesSince(cursor), { status: 'lost' })
    t.match(await store.changesSince((await store.load()).cursor), { status: 'changes', entries: [] })
  })

  await t.test('a store that has gone back is lost, also once it has gone on from there', async (t) => {
    const store = createRedisAccounts(redis)
    await store.put(teamEntry('search', 1), DRAFT)
    const [before, epochBefore] = [await redis.xrange('dg:{accounts}:log', '-', '+'), await redis.hgetall('dg:{accounts}:docs')]
    await store.put(teamEntry('search', 2), DRAFT)
    const { cursor } = await store.load()
    await redis.flushall()
    await redis.hset('dg:{accounts}:docs', epochBefore)
    for (const [id, fields] of before) await redis.xadd('dg:{accounts}:log', id, ...fields)
    t.same(await store.changesSince(cursor), { status: 'lost' })
    await store.put(keyEntry('abcdefgh', 1), DRAFT)
    t.same(await store.changesSince(cursor), { status: 'lost' })
  })

  await t.test('a cursor whose change is no longer in the log has a gap behind it', async (t) => {
    const store = createRedisAccounts(redis)
    await store.put(teamEntry('search', 1), DRAFT)
    const { cursor } = await store.load()
    await store.put(teamEntry('search', 2), DRAFT)
    await redis.xtrim('dg:{accounts}:log', 'MAXLEN', 1)
    t.same(await store.changesSince(cursor), { status: 'gap' })
  })

  await t.test('a log that is gone is no change where nothing is written, and a gap where something is', async (t) => {
    const store = createRedisAccounts(redis)
    await store.put(teamEntry('search', 1), DRAFT)
    await redis.del('dg:{accounts}:log')
    const { cursor } = await store.load()
    t.match(await store.changesSince(cursor), { status: 'changes', entries: [] })
    await store.put(teamEntry('search', 2), DRAFT)
    t.same(await store.changesSince(cursor), { status: 'gap' })
  })

  await t.test('more changes than one answer holds come one answer after the other', async (t) => {
    const store = createRedisAccounts(redis)
    await store.put(teamEntry('search', 1), DRAFT)
    const { cursor } = await store.load()
    await store.restore(Array.from({ length: 300 }, (_, index) => keyEntry(`key-${index}`, 1)))
    const first = await store.changesSince(cursor)
    if (first.status !== 'changes') throw new Error(first.status)
    t.equal(first.entries.length, 256)
    const rest = await store.changesSince(first.cursor)
    t.equal(rest.status === 'changes' ? rest.entries.length : rest.status, 44)
  })

  await t.test('an entry of the audit log that was taken away is missed, also where it was the last, and nobody is locked out by it', async (t) => {
    for (const [removed, seq] of [['2-0', 3], ['3-0', 4]] as const) {
      await redis.flushall()
      const store = createRedisAccounts(redis)
      for (let count = 0; count < 3; count++) await store.append(DRAFT)
      await redis.xdel('dg:{accounts}:audit', removed)
      await createRedisAccounts(second).put(teamEntry('search', 1), DRAFT)
      t.match(verifyChain(await wholeLog(store)), { ok: false, seq })
    }
  })

  await t.test('a store that was emptied begins another log, which says so', async (t) => {
    const one = await openDirectory(createRedisAccounts(redis), CLOCK)
    await one.createTeam('search', {}, undefined)
    await one.catchUp()
    await redis.flushall()
    await one.catchUp()
    const log = await wholeLog(createRedisAccounts(second))
    t.match(log, [{ seq: 1, actor: 'gateway', action: 'accounts.restore', detail: { entries: 1 } }])
    t.match(verifyChain(log), { ok: true })
  })

  await t.test('a log that is no log refuses the write whole', async (t) => {
    await redis.set('dg:{accounts}:audit', 'somebody else\'s')
    const store = createRedisAccounts(redis)
    await t.rejects(store.put(teamEntry('search', 1), DRAFT), { name: 'GatewayError', message: /cannot be reached/ })
    t.same((await store.load()).entries, [])
  })

  await t.test('a key can be revoked in a store that has no memory left', async (t) => {
    const store = createRedisAccounts(redis)
    await store.put(teamEntry('search', 1), DRAFT)
    await store.put(keyEntry('abcdefgh', 1), DRAFT)
    await redis.config('SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction')
    t.teardown(async () => { await redis.config('SET', 'maxmemory', '0') })
    await t.rejects(redis.set('anything', 'else'), /OOM/)
    await store.put({ kind: 'key', id: 'abcdefgh', revision: 2, removedMs: Date.now(), document: undefined }, DRAFT)
    t.match((await store.load()).entries.find(({ id }) => id === 'abcdefgh'), { document: undefined })
  })

  await t.test('a store that does not answer is unavailable, for every call', async (t) => {
    const cut = new Redis(server.url, { lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 1, retryStrategy: () => null })
    const store = createRedisAccounts(cut)
    const unavailable = { name: 'GatewayError', kind: 'store_unavailable' }
    await t.rejects(store.load(), unavailable)
    await t.rejects(store.changesSince('1.1 0-0'), unavailable)
    await t.rejects(store.put(teamEntry('search', 1), DRAFT), unavailable)
    await t.rejects(store.restore([teamEntry('search', 1)]), unavailable)
  })

  await t.test('gateways that start together on an empty store agree on the first key', async (t) => {
    const directories = await Promise.all([redis, second, redis, second].map((connection) => openDirectory(createRedisAccounts(connection), CLOCK)))
    await Promise.all(directories.map((directory) => ensureFirstKey(directory, { digest: 'digest-1', origin: 'configured' })))
    for (const directory of directories) {
      await directory.catchUp()
      t.match(directory.findByDigest('digest-1'), { team: { id: 'default', revision: 1 }, key: { id: 'bootstrap', revision: 1 } })
    }
  })

  await t.test('what gateways know survives a store that was emptied, and a key revoked before stays dead on all of them', async (t) => {
    const one = await openDirectory(createRedisAccounts(redis), CLOCK)
    await one.createTeam('search', { name: 'Search' }, undefined)
    const revoked = await one.createKey({ id: 'aaaaaaaa', team: 'search', digest: 'digest-a', settings: {} }, undefined)
    await one.createKey({ id: 'bbbbbbbb', team: 'search', digest: 'digest-b', settings: {} }, undefined)
    const two = await openDirectory(createRedisAccounts(second), CLOCK)
    await one.removeKey(revoked, undefined)
    await redis.flushall()
    t.ok(two.findByDigest('digest-a'), 'the second has not heard of it')
    // The one that knows less puts back first.
    for (const directory of [two, one, two, one]) await directory.catchUp()
    for (const directory of [one, two, await openDirectory(createRedisAccounts(second), CLOCK)]) {
      t.equal(directory.findByDigest('digest-a'), undefined)
      t.match(directory.findByDigest('digest-b'), { team: { settings: { name: 'Search' } } })
    }
  })

  await t.test('a gateway that is cut off from the store answers from memory, and catches up behind it', async (t) => {
    const connection = new Redis(server.url, { enableOfflineQueue: false, maxRetriesPerRequest: 1, retryStrategy: () => null })
    await once(connection, 'ready')
    t.teardown(() => connection.disconnect())
    const one = await openDirectory(createRedisAccounts(redis), CLOCK)
    await one.createTeam('search', {}, undefined)
    const key = await one.createKey({ id: 'aaaaaaaa', team: 'search', digest: 'digest-a', settings: {} }, undefined)
    const cut = await openDirectory(createRedisAccounts(connection), CLOCK)
    const ended = once(connection, 'end')
    connection.disconnect()
    await ended
    await one.removeKey(key, undefined)
    await t.rejects(cut.catchUp(), { name: 'GatewayError', kind: 'store_unavailable' })
    t.equal(cut.findByDigest('digest-a')?.team.id, 'search')
    await connection.connect()
    await cut.catchUp()
    t.equal(cut.findByDigest('digest-a'), undefined)
  })
})
