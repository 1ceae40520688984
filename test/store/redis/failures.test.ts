import t from 'tap'
import type { Test } from 'tap'
import { connect, storeOver } from './open-store.ts'
import { createManualClock } from '../../support/fixed.ts'
import { createRedisLimitStore, RESERVE_TIMEOUT_MS } from '../../../src/store/redis/limits.ts'
import { CALL_TIMEOUT_MS } from '../../../src/store/redis/failures.ts'
import { openRedisConnection } from '../../../src/store/redis/connection.ts'
import { place } from '../limit-scene.ts'
import { reasonToSkipRedis, startRedis, until } from '../../support/redis.ts'
import type { LimitStore, ReserveCall } from '../../../src/limits/store.ts'
import type { RedisConnection } from '../../../src/store/redis/connection.ts'
import type { RedisServer } from '../../support/redis.ts'

const skip = await reasonToSkipRedis()
t.setTimeout(60_000)

const claims = [place(100)]

function callOf (rid: string, changes: Partial<ReserveCall> = {}): ReserveCall {
  return { team: 'search', rid, bornMs: Date.now(), claims, mode: 'reserve', expiry: undefined, ...changes }
}

function settle (store: LimitStore, rid: string): ReturnType<LimitStore['settle']> {
  return store.settle({ team: 'search', rid, bornMs: Date.now(), charges: [{ kind: 'concurrency', id: 'cc' }], record: undefined })
}

interface Opened { readonly server: RedisServer, readonly connection: RedisConnection, readonly store: LimitStore }

async function open (t: Test, ...options: readonly string[]): Promise<Opened> {
  const server = await startRedis(...options)
  const connection = await connect(server.url)
  t.teardown(async () => {
    connection.close()
    await server.stop()
  })
  return { server, connection, store: storeOver(connection) }
}

t.test('a Redis without memory refuses reservations as a whole, and takes what ends them', { skip }, async (t) => {
  const { server, store } = await open(t)
  await store.reserve(callOf('a#1'))
  await server.command('CONFIG', 'SET', 'maxmemory', 1)
  await t.rejects(store.reserve(callOf('b#1')), { name: 'StoreUnavailable', code: 'OOM', cause: Error })
  t.match(await store.renew({ team: 'search', rids: ['a#1', 'b#1'] }), { version: 1, unknown: ['b#1'] })
  t.match(await settle(store, 'a#1'), { status: 'settled', how: 'reserved', version: 2 })
  t.match(await store.hold({ team: 'search', durationMs: 1_000 }), { version: 3 })
})

t.test('a replica cannot be written to, and the connection is made anew in case the address has moved', { skip }, async (t) => {
  const { server, connection, store } = await open(t)
  await server.command('REPLICAOF', '127.0.0.1', 1)
  const madeAnew = (): Promise<void> => new Promise((resolve) => { connection.onReady(resolve) })
  let isBack = madeAnew()
  await t.rejects(store.reserve(callOf('a#1')), { code: 'READONLY' })
  await isBack
  isBack = madeAnew()
  await t.rejects(store.renew({ team: 'search', rids: [] }), { code: 'READONLY' }, 'looking for it says so too')
  await server.command('REPLICAOF', 'NO', 'ONE')
  await isBack
  t.match(await store.reserve(callOf('a#1')), { status: 'granted' })
})

const STATES: readonly { readonly code: string, readonly options: readonly string[] }[] = [
  { code: 'NOREPLICAS', options: ['--min-replicas-to-write', '1'] },
  { code: 'CLUSTERDOWN', options: ['--cluster-enabled', 'yes', '--cluster-port', '0'] }
]

for (const { code, options } of STATES) {
  t.test(`a Redis that says ${code} is unavailable`, { skip }, async (t) => {
    const { store } = await open(t, ...options)
    await t.rejects(store.reserve(callOf('a#1')), { name: 'StoreUnavailable', code })
    await t.rejects(settle(store, 'a#1'), { code })
  })
}

t.test('a Redis whose password is another is unavailable', { skip }, async (t) => {
  const server = await startRedis('--requirepass', 'right')
  for (const [user, code] of [['', 'NOAUTH'], [':wrong@', 'WRONGPASS']] as const) {
    const connection = openRedisConnection(server.url.replace('//', `//${user}`), { random: Math.random })
    t.teardown(() => { connection.close() })
    await until('it has been told so', async () => connection.failureCode !== undefined)
    await t.rejects(storeOver(connection).reserve(callOf('a#1')), { name: 'StoreUnavailable', code })
  }
  const connection = await connect(server.url.replace('//', '//:right@'))
  t.teardown(async () => {
    connection.close()
    await server.stop()
  })
  t.match(await storeOver(connection).reserve(callOf('a#1')), { status: 'granted' })
})

t.test('a Redis that is busy with another script is unavailable', { skip }, async (t) => {
  const { server, store } = await open(t, '--busy-reply-threshold', '1')
  const other = await connect(server.url)
  t.teardown(() => { other.close() })
  const endless = other.client.eval('while true do end', 0).catch(String)
  await t.rejects(until('it is busy', async () => { await store.renew({ team: 'search', rids: [] }); return false }), { code: 'BUSY' })
  await server.command('SCRIPT', 'KILL')
  t.match(await endless, /killed/)
})

t.test('every call has an end, and a reply that comes later changes nothing', { skip }, async (t) => {
  const { server, connection } = await open(t)
  const clock = createManualClock()
  const store = createRedisLimitStore({ connection, clock })
  t.match(await store.reserve(callOf('a#1')), { status: 'granted' })
  t.equal(clock.pending, 0)
  server.kill('SIGSTOP')
  const late = store.reserve(callOf('b#1'))
  const calls = [settle(store, 'a#1'), store.renew({ team: 'search', rids: [] }), store.hold({ team: 'search', durationMs: 0 })]
  clock.advance(RESERVE_TIMEOUT_MS - 1)
  t.equal(clock.pending, 4)
  clock.advance(1)
  await t.rejects(late, { name: 'StoreUnavailable', code: 'timeout' })
  t.equal(clock.pending, 3)
  clock.advance(CALL_TIMEOUT_MS - RESERVE_TIMEOUT_MS)
  for (const call of calls) await t.rejects(call, { name: 'StoreUnavailable', code: 'timeout' })
  server.kill('SIGCONT')
  t.match(await store.reserve(callOf('b#1')), { status: 'granted', repeated: true }, 'it had been done all the same')
  t.match(await settle(store, 'a#1'), { status: 'repeated' })
})

t.test('what is under way when the connection goes is told at once, and nothing is sent again', { skip }, async (t) => {
  const { server, connection, store } = await open(t)
  server.kill('SIGSTOP')
  const call = store.reserve(callOf('a#1'))
  server.kill('SIGKILL')
  await t.rejects(call, { name: 'StoreUnavailable', code: /^(closed|ECONNRESET)$/ })
  await until('it has been looked for in vain', async () => connection.failureCode === 'ECONNREFUSED')
  await t.rejects(store.reserve(callOf('a#1')), { code: 'ECONNREFUSED', cause: Error })
})

t.test('a connection that is closed says so', { skip }, async (t) => {
  const { connection, store } = await open(t)
  connection.close()
  await t.rejects(store.reserve(callOf('a#1')), { code: 'closed' })
})

const MESSAGES: readonly (readonly [message: string, code: string])[] = [
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'TRYAGAIN'],
  ['MASTERDOWN Link with MASTER is down', 'MASTERDOWN'],
  ['LOADING Redis is loading the dataset in memory', 'LOADING'],
  ['MISCONF Redis is configured to save RDB snapshots', 'MISCONF'],
  ['ERR Error running script', 'ERR'],
  ['Too many Cluster redirections. Last error: ReplyError: MOVED 3999 127.0.0.1:6381', 'MOVED'],
  ["Stream isn't writeable and enableOfflineQueue options is false", 'closed'],
  ['Connection is closed.', 'closed'],
  ['Command timed out', 'timeout']
]

t.test('what ioredis says becomes a short code', async (t) => {
  for (const [message, code] of MESSAGES) {
    const client = { evalsha: async () => { throw new Error(message) } }
    const store = createRedisLimitStore({ connection: { client } as unknown as RedisConnection, clock: createManualClock() })
    await t.rejects(store.renew({ team: 'search', rids: [] }), { name: 'StoreUnavailable', code, cause: { message } })
  }
})

t.test('a store that was never there is waited for, and is found when it comes', { skip }, async (t) => {
  const server = await startRedis()
  await server.stop()
  const connection = openRedisConnection(server.url, { random: Math.random })
  t.teardown(() => { connection.close() })
  const store = storeOver(connection)
  await t.rejects(store.reserve(callOf('a#1')), { name: 'StoreUnavailable' })
  await until('nobody is there', async () => connection.failureCode === 'ECONNREFUSED')
  const later = await startRedis('--port', String(server.port))
  t.teardown(() => later.stop())
  await until('it is found', async () => connection.client.status === 'ready')
  t.equal(connection.failureCode, undefined)
  t.match(await store.reserve(callOf('a#1')), { status: 'granted' })
})
