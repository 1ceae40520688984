import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t from 'tap'
import { SCRIPTS } from '../../src/store/redis/script.ts'
import { SIDES } from '../support/scene.ts'
import { assertBooks, booksOf } from './store-faults/books.ts'
import { assertUnavailable, assertWhole } from './store-faults/unavailable.ts'
import { connections, mended } from './store-faults/mended.ts'
import { reasonToSkipRedis, startRedis, until } from '../support/redis.ts'
import { startFaultScene } from './store-faults/scene.ts'
import { underWay } from './store-faults/under-way.ts'
import type { FaultScene } from './store-faults/scene.ts'

t.setTimeout(120_000)
const skip = await reasonToSkipRedis()
const RESERVE = new RegExp(SCRIPTS.reserve.sha)

/** A command that fails with a code, in Redis's own protocol. */
function failing (code: string): string {
  const words = ['EVAL', `return redis.error_reply('${code} says a test')`, '0']
  return [`*${words.length}`, ...words.flatMap((word) => [`$${word.length}`, word]), ''].join('\r\n')
}

t.test('a store that dies while streams run, and comes back from its own file', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dashgate-aof-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', folder]
  const scene = await startFaultScene(t, { redis: durable })
  const caller = await scene.team()
  for (let repetition = 0; repetition < 2; repetition++) {
    const replies = await underWay(scene, caller)
    t.equal((await booksOf(scene, caller)).inFlight, 2)
    scene.redis.kill('SIGKILL')
    scene.gate.open()
    for (const [index, reply] of (await Promise.all(replies)).entries()) assertWhole(t, SIDES[index] ?? 'openai', reply)
    t.equal(await scene.metric('dashgate_spool_pending'), 2, 'what they used is in the spool')
    t.ok(await scene.metric('dashgate_spool_oldest_seconds') > 0)
    for (const surface of SIDES) assertUnavailable(t, surface, await scene.ask(caller, surface))
    scene.useRedis(await startRedis(...durable))
    await mended(scene, caller)
    await assertBooks(t, scene, caller)
  }
})

t.test('a gateway that ends while the store is away leaves what was used to its next life', { skip }, async (t) => {
  const scene = await startFaultScene(t)
  const caller = await scene.team({ on_store_down: 'allow' })
  for (const surface of SIDES) t.equal((await scene.ask(caller, surface)).status, 200)
  scene.proxy.carriage = 'refusing'
  scene.proxy.cut()
  for (const surface of SIDES) t.equal((await scene.ask(caller, surface)).status, 200)
  const pending = await scene.metric('dashgate_spool_pending')
  t.ok(pending >= 2, 'what was used, and what may have been reserved')
  await scene.restart()
  t.equal(await scene.metric('dashgate_spool_pending'), pending)
  await mended(scene, caller)
  await assertBooks(t, scene, caller)
})

t.test('a store that says why it does not answer', { skip }, async (t) => {
  const scene = await startFaultScene(t)
  const [denied, allowed] = [await scene.team(), await scene.team({ on_store_down: 'allow' })]
  for (const code of ['LOADING', 'MASTERDOWN', 'READONLY', 'TRYAGAIN', 'CLUSTERDOWN', 'NOREPLICAS', 'BUSY']) {
    await mended(scene, denied)
    const before = await scene.metric('dashgate_store_errors_total', { code })
    for (const surface of SIDES) {
      const met = scene.proxy.meet(RESERVE, { instead: failing(code) }, 2)
      assertUnavailable(t, surface, await scene.ask(denied, surface), code)
      t.equal(met(), 2)
      await mended(scene, denied)
      scene.proxy.meet(RESERVE, { instead: failing(code) }, 2)
      t.equal((await scene.ask(allowed, surface)).status, 200)
      await mended(scene, denied)
    }
    t.ok(await scene.metric('dashgate_store_errors_total', { code }) >= before + 8)
  }
  await assertBooks(t, scene, denied)
  await assertBooks(t, scene, allowed)
})

t.test('a store that takes no writes, for it became a replica', { skip }, async (t) => {
  const scene = await startFaultScene(t)
  const [denied, allowed] = [await scene.team(), await scene.team({ on_store_down: 'allow' })]
  const replies = await underWay(scene, denied)
  await scene.redis.command('REPLICAOF', '127.0.0.1', 1)
  scene.gate.open()
  for (const [index, reply] of (await Promise.all(replies)).entries()) assertWhole(t, SIDES[index] ?? 'openai', reply)
  for (const surface of SIDES) {
    assertUnavailable(t, surface, await scene.ask(denied, surface))
    t.equal((await scene.ask(allowed, surface)).status, 200)
  }
  t.ok(await scene.metric('dashgate_store_errors_total', { code: 'READONLY' }) > 0)
  await scene.redis.command('REPLICAOF', 'NO', 'ONE')
  await mended(scene, denied)
  await assertBooks(t, scene, denied)
  await assertBooks(t, scene, allowed)
})

t.test('a store without memory refuses what is new, and lets end what runs', { skip }, async (t) => {
  const scene = await startFaultScene(t)
  const caller = await scene.team()
  const replies = await underWay(scene, caller)
  await scene.redis.command('CONFIG', 'SET', 'maxmemory', '1mb')
  for (let asked = 0; asked < 4; asked++) {
    for (const surface of SIDES) assertUnavailable(t, surface, await scene.ask(caller, surface))
  }
  scene.gate.open()
  for (const [index, reply] of (await Promise.all(replies)).entries()) assertWhole(t, SIDES[index] ?? 'openai', reply)
  await assertBooks(t, scene, caller, 'without memory')
  t.equal(await scene.metric('dashgate_store_errors_total', { code: 'OOM' }), 8)
  t.equal(await scene.metric('dashgate_reserve_ambiguous_total'), 0)
  t.equal(await scene.metric('dashgate_store_up'), 1, 'it is not away')
  await scene.redis.command('CONFIG', 'SET', 'maxmemory', 0)
  for (const surface of SIDES) t.equal((await scene.ask(caller, surface)).status, 200)
  await assertBooks(t, scene, caller)
})

/** Whether the store's settings are seen so. If not, its connections are made anew. */
async function seenAs (scene: FaultScene, isSound: 0 | 1): Promise<boolean> {
  if (await scene.metric('dashgate_store_config_ok') === isSound) return true
  if (await connections(scene) === 2) scene.proxy.cut()
  return false
}

t.test('a store that would forget counters', { skip }, async (t) => {
  await t.rejects(startFaultScene(t, { redis: ['--maxmemory-policy', 'allkeys-lru'] }), /noeviction/)
  const scene = await startFaultScene(t)
  t.equal(await scene.metric('dashgate_store_config_ok'), 1)
  await scene.redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  await until('it is noticed with a new connection', () => seenAs(scene, 0))
  t.equal(scene.logLines.filter((line) => /noeviction/.test(line)).length, 1)
  await scene.redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  await until('that it is mended too', () => seenAs(scene, 1))
})

t.test('a store that forgets the scripts again and again', { skip }, async (t) => {
  const scene = await startFaultScene(t)
  const caller = await scene.team()
  const other = new Redis({ port: scene.redis.port, host: '127.0.0.1', protocol: 2 })
  t.teardown(() => other.disconnect())
  const loading = new AbortController()
  let flushed = 0
  const flushing = (async () => {
    for (; !loading.signal.aborted && flushed < 100_000; flushed++) await other.script('FLUSH')
  })()
  for (let round = 0; round < 10; round++) {
    const replies = await Promise.all(SIDES.flatMap((surface) => [1, 2, 3].map(() => scene.ask(caller, surface))))
    t.strictSame(replies.map(({ status }) => status), [200, 200, 200, 200, 200, 200])
  }
  loading.abort()
  await flushing
  t.ok(flushed > 20, `${flushed} times`)
  t.equal(await scene.metric('dashgate_store_errors_total'), 0)
  t.equal((await assertBooks(t, scene, caller)).records.length, 60)
})

t.test('a store that somebody\'s slow script keeps busy', { skip }, async (t) => {
  const scene = await startFaultScene(t, { redis: ['--lua-time-limit', '50'] })
  const [denied, allowed] = [await scene.team(), await scene.team({ on_store_down: 'allow' })]
  const [slow, killer] = [1, 2].map(() => new Redis({ port: scene.redis.port, host: '127.0.0.1', protocol: 2, enableReadyCheck: false, maxRetriesPerRequest: null }))
  t.teardown(() => { for (const one of [slow, killer]) one?.disconnect() })
  await killer?.ping()
  const script = slow?.eval('while true do end', 0).catch((error: unknown) => String(error))
  await until('it is busy', async () => await scene.redis.command('PING').then(() => false, (error: unknown) => /BUSY/.test(String(error))))
  for (const surface of SIDES) {
    assertUnavailable(t, surface, await scene.ask(denied, surface))
    t.equal((await scene.ask(allowed, surface)).status, 200)
  }
  t.ok(await scene.metric('dashgate_store_errors_total', { code: 'BUSY' }) > 0)
  await killer?.script('KILL')
  t.match(await script, /killed/)
  await mended(scene, denied)
  await assertBooks(t, scene, denied)
  await assertBooks(t, scene, allowed)
})
