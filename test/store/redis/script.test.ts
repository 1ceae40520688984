import t from 'tap'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { budget, charges, dayWindow, expiryOf, place, rate, recordOf } from '../limit-scene.ts'
import { connect, openStore, storeOver } from './open-store.ts'
import { reasonToSkipRedis, startRedis } from '../../support/redis.ts'
import { runScript, SCRIPTS } from '../../../src/store/redis/script.ts'
import { teamKeys } from '../../../src/store/redis/keys.ts'
import type { LimitStore } from '../../../src/limits/store.ts'
import type { RedisConnection } from '../../../src/store/redis/connection.ts'
import type { RedisServer } from '../../support/redis.ts'

const skip = await reasonToSkipRedis()

const TEAM = 'search'
const NOW_MS = Date.now()
const ALWAYS = { id: 'total', startMs: 0, endMs: Number.MAX_SAFE_INTEGER }
const CLAIMS = [rate(1, { perMinute: 60_000, burst: 60_000 }), place(1_000), budget(7, 2 ** 40, [{ ...ALWAYS, amount: 2 ** 40 }])]
const CHARGES = charges(CLAIMS, 3)

async function open (t: Test): Promise<{ readonly server: RedisServer, readonly connection: RedisConnection, readonly store: LimitStore }> {
  const server = await startRedis()
  const connection = await connect(server.url)
  t.teardown(async () => {
    connection.close()
    await server.stop()
  })
  return { server, connection, store: storeOver(connection) }
}

function reserve (store: LimitStore, rid: string): ReturnType<LimitStore['reserve']> {
  return store.reserve({ team: TEAM, rid, bornMs: NOW_MS, claims: CLAIMS, mode: 'reserve', expiry: expiryOf(rid) })
}

function settle (store: LimitStore, rid: string): ReturnType<LimitStore['settle']> {
  return store.settle({ team: TEAM, rid, bornMs: NOW_MS, charges: CHARGES, record: recordOf() })
}

t.test('each step is one command of the client', { skip }, async (t) => {
  const { server, connection, store } = await open(t)
  const everyStep = async (rid: string): Promise<void> => {
    await reserve(store, rid)
    await store.renew({ team: TEAM, rids: [rid] })
    await settle(store, rid)
    await store.hold({ team: TEAM, durationMs: 0 })
  }
  await everyStep('first#1')
  const watcher = new Redis(server.url)
  const monitor = await watcher.monitor()
  t.teardown(() => {
    watcher.disconnect()
    monitor.disconnect()
  })
  const seen: string[] = []
  monitor.on('monitor', (_time: string, [command = '']: readonly string[], source: string) => {
    if (source !== 'lua') seen.push(command)
  })
  await everyStep('second#1')
  const told = once(monitor, 'monitor')
  await connection.client.echo('end')
  await told
  t.same(seen.filter((command) => command !== 'echo'), ['evalsha', 'evalsha', 'evalsha', 'evalsha'])
})

const PAIRS = 3_200
const AT_ONCE = 32

t.test('a server that forgets its scripts all the time loses nothing', { skip }, async (t) => {
  const { server, store, connection } = await open(t)
  const over = new AbortController()
  const forgetting = (async () => {
    let times = 0
    for (; !over.signal.aborted; times++) await server.command('SCRIPT', 'FLUSH')
    return times
  })()
  let next = 0
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < PAIRS) {
      const rid = `r${next++}#1`
      const reserved = await reserve(store, rid)
      const settled = await settle(store, rid)
      if (reserved.status !== 'granted' || settled.status !== 'settled') t.fail(`${reserved.status} ${settled.status}`)
    }
  }))
  over.abort()
  t.ok(await forgetting > 100)
  t.match(await connection.client.hgetall(teamKeys(TEAM).state), {
    v: String(2 * PAIRS), 'c:cc': '0', 'br:day:total': '0', 'bs:day:total': String(3 * PAIRS)
  })
  t.equal(await connection.client.xlen(teamKeys(TEAM).events), PAIRS)
  t.equal(await connection.client.hlen(teamKeys(TEAM).reservations), 0)
})

async function contents (server: RedisServer): Promise<Record<string, unknown>> {
  const keys = await server.command('KEYS', '*') as string[]
  const dumps = await Promise.all(keys.sort().map((key) => server.command('DUMP', key)))
  return Object.fromEntries(keys.map((key, index) => [key, dumps[index]]))
}

t.test('a call whose words cannot be understood writes nothing', { skip }, async (t) => {
  const { server, connection, store } = await open(t)
  const { state, due, reservations, events, finals } = teamKeys(TEAM)
  const keys = [state, due, reservations, events, finals(NOW_MS)]
  const calls = {
    reserve: [0, 'reserve', 'b#1', NOW_MS, 'note', 'r', 'rpm', 60, 10, 1, 'c', 'cc', 9, 'b', 'day', 1, 1, 'd0', 0, 2 ** 52, 9],
    settle: [0, 'a#1', NOW_MS, '{}', 'r', 'rpm', 60, 10, 1, 'c', 'cc', 'b', 'day', 'total', 3],
    hold: [0, 1_000]
  }
  let refused = 0
  for (const [name, words] of Object.entries<readonly (string | number)[]>(calls)) {
    for (const [index, word] of words.entries()) {
      await server.command('FLUSHALL')
      await reserve(store, 'a#1')
      const before = await contents(server)
      const broken = words.with(index, typeof word === 'number' ? 'x' : `${word}x`)
      try {
        await runScript(connection, SCRIPTS[name as keyof typeof calls], { keys, words: broken })
      } catch {
        refused++
        t.same(await contents(server), before, `${name} with ${broken.join(' ')}`)
      }
    }
  }
  t.ok(refused > 20, `${refused} were refused`)
})

t.test('charges that are not those of the reservation are refused, and it stays as it was', { skip }, async (t) => {
  const { server, store } = await open(t)
  await reserve(store, 'a#1')
  const before = await contents(server)
  for (const wrong of [[], CHARGES.slice(1), CHARGES.toReversed(), [...CHARGES, ...CHARGES]]) {
    await t.rejects(store.settle({ team: TEAM, rid: 'a#1', bornMs: NOW_MS, charges: wrong, record: undefined }), TypeError)
    t.same(await contents(server), before)
  }
})

t.test('amounts are exact up to the largest', { skip }, async (t) => {
  const server = await startRedis()
  const connection = await connect(server.url)
  t.teardown(async () => {
    connection.close()
    await server.stop()
  })
  const { store, now, dump } = await openStore(connection, [server])
  const half = 2 ** 51 + 1
  const claimOf = (cost: number) => budget(cost, 2 ** 53 - 1, [dayWindow(0, 2 ** 53 - 1)])
  const reserveOf = (rid: string, cost: number) => store.reserve({ team: TEAM, rid, bornMs: now.get(), claims: [claimOf(cost)], mode: 'reserve', expiry: undefined })
  const settleOf = (rid: string, cost: number) => store.settle({ team: TEAM, rid, bornMs: now.get(), charges: charges([claimOf(0)], cost), record: undefined })
  await reserveOf('a#1', half)
  await reserveOf('b#1', half)
  t.match(await reserveOf('c#1', 2 ** 52 - 3), { status: 'granted', standings: [{ spent: 0, held: 4_503_599_627_370_498 }] })
  t.match(await reserveOf('d#1', 1), { status: 'denied', standings: [{ spent: 0, held: 9_007_199_254_740_991 }] })
  t.match(await dump(TEAM), { 'br:day:d0': '9007199254740991' })
  await settleOf('a#1', half - 1)
  await settleOf('b#1', half)
  t.match(await dump(TEAM), { 'br:day:d0': '4503599627370493', 'bs:day:d0': '4503599627370497' })
  now.set(now.get() + 30_000)
  await store.renew({ team: TEAM, rids: [] })
  t.match(await dump(TEAM), { 'br:day:d0': '0', 'bs:day:d0': '9007199254740990' })
  await settleOf('c#1', 0)
  t.match(await dump(TEAM), { 'bs:day:d0': '4503599627370497' })
})

t.test('what one team does leaves the others as they were', { skip }, async (t) => {
  const { server, store } = await open(t)
  await reserve(store, 'a#1')
  await reserve(store, 'b#1')
  await settle(store, 'b#1')
  const before = await contents(server)
  const other = { team: 'search-2', rid: 'a#1', bornMs: NOW_MS }
  await store.reserve({ ...other, claims: CLAIMS, mode: 'reserve', expiry: undefined })
  await store.settle({ ...other, charges: CHARGES, record: recordOf() })
  await store.renew({ team: 'search-2', rids: ['a#1', 'b#1'] })
  await store.hold({ team: 'search-2', durationMs: 1_000 })
  const after = await contents(server)
  t.same(Object.fromEntries(Object.keys(before).map((key) => [key, after[key]])), before)
})

t.test('ids that could lead to another slot are no teams', { skip }, async (t) => {
  const { server, store } = await open(t)
  for (const team of ['', '}x', 'a}b', 'A', 'a b', '-a', 'a'.repeat(65)]) {
    await t.rejects(store.renew({ team, rids: [] }), TypeError)
    await t.rejects(store.reserve({ team, rid: 'a#1', bornMs: NOW_MS, claims: [], mode: 'reserve', expiry: undefined }), TypeError)
  }
  t.equal(await server.command('DBSIZE'), 0)
})
