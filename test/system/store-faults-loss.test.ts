import t from 'tap'
import { SIDES } from '../support/scene.ts'
import { assertBooks, booksOf } from './store-faults/books.ts'
import { assertUnavailable, assertWhole } from './store-faults/unavailable.ts'
import { mended } from './store-faults/mended.ts'
import { reasonToSkipRedis, startRedis, until } from '../support/redis.ts'
import { startFaultScene } from './store-faults/scene.ts'
import { systemClock } from '../../src/system.ts'
import { underWay } from './store-faults/under-way.ts'
import type { Caller, FaultScene } from './store-faults/scene.ts'

t.setTimeout(180_000)
const skip = await reasonToSkipRedis()

/** Budgets are on hold when a loss has been noticed, and then no longer. */
async function assertHeldFor (t: Tap, scene: FaultScene, caller: Caller): Promise<void> {
  await until('the loss is noticed', async () => await scene.metric('dashgate_store_rollback_total') > 0)
  await until('budgets are on hold', async () => (await scene.ask(caller, 'openai')).status === 503)
  for (const surface of SIDES) assertUnavailable(t, surface, await scene.ask(caller, surface))
  await until('they are free again', async () => (await scene.ask(caller, 'openai')).status === 200)
}
type Tap = Parameters<typeof assertUnavailable>[0]

t.test('a store that fails over to a copy which has missed the last writes', { skip }, async (t) => {
  const scene = await startFaultScene(t)
  const [caller, other] = [await scene.team(), await scene.team()]
  const primary = scene.redis
  const copy = await startRedis('--replicaof', '127.0.0.1', String(primary.port))
  await until('the copy is in step', async () => /master_link_status:up/.test(String(await copy.command('INFO', 'replication'))))
  for (const surface of SIDES) t.equal((await scene.ask(caller, surface)).status, 200)
  await until('both are recorded', async () => (await booksOf(scene, caller)).records.length === 2)
  // Redis waits for what the same connection has written.
  await primary.command('SET', 'last', 1)
  t.equal(await primary.command('WAIT', 1, 5_000), 1)
  await copy.command('REPLICAOF', '127.0.0.1', 1)
  for (const surface of SIDES) {
    for (const stream of [undefined, 'stream'] as const) t.equal((await scene.ask(caller, surface, stream)).status, 200)
  }
  t.equal((await scene.ask(other, 'openai')).status, 200, 'a team of which the copy has never heard')
  const replies = await underWay(scene, caller)
  primary.kill('SIGKILL')
  await copy.command('REPLICAOF', 'NO', 'ONE')
  scene.useRedis(copy)
  t.equal((await booksOf(scene, caller)).records.length, 2)
  await assertHeldFor(t, scene, caller)
  await until('what runs holds again what it held', async () => (await booksOf(scene, caller)).inFlight === 2)
  scene.gate.open()
  for (const [index, reply] of (await Promise.all(replies)).entries()) assertWhole(t, SIDES[index] ?? 'openai', reply)
  await mended(scene, caller)
  await assertBooks(t, scene, caller)
  await assertBooks(t, scene, other)
  t.equal(scene.logLines.filter((line) => /has lost writes/.test(line)).length, await scene.metric('dashgate_store_rollback_total'))
})

t.test('a store that is emptied under load', { skip }, async (t) => {
  const scene = await startFaultScene(t)
  const caller = await scene.team()
  const load = new AbortController()
  const statuses = new Set<number>()
  const clients = SIDES.flatMap((surface) => [undefined, 'stream' as const].map(async (stream) => {
    while (!load.signal.aborted) statuses.add((await scene.ask(caller, surface, stream)).status)
  }))
  for (let repetition = 1; repetition <= 2; repetition++) {
    const { length } = scene.simulator.requests
    await until('many have been served', async () => scene.simulator.requests.length > length + 20)
    await scene.redis.command('FLUSHALL')
    await until('the loss is noticed', async () => await scene.metric('dashgate_store_rollback_total') === repetition)
    await until('what was lost is written again', async () => scene.logLines.filter((line) => /is written again/.test(line)).length === repetition)
  }
  load.abort()
  await Promise.all(clients)
  t.strictSame([...statuses].sort(), [200, 503], '503 while budgets are on hold, and nothing else')
  await mended(scene, caller)
  await assertBooks(t, scene, caller)
})

t.test('a store that is emptied while nobody looks, and a gateway that only finds out at its start', { skip }, async (t) => {
  const scene = await startFaultScene(t)
  const caller = await scene.team()
  for (const surface of SIDES) t.equal((await scene.ask(caller, surface)).status, 200)
  const before = await booksOf(scene, caller)
  scene.proxy.carriage = 'refusing'
  scene.proxy.cut()
  await scene.redis.command('FLUSHALL')
  scene.proxy.carriage = 'open'
  await until('what was charged is charged again', async () => (await booksOf(scene, caller)).spentTokens === before.spentTokens)
  await mended(scene, caller)
  await assertBooks(t, scene, caller)
})

t.test('clocks that differ, and jump', { skip }, async (t) => {
  let aheadMs = 0
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs }
  const scene = await startFaultScene(t, { clock })
  const caller = await scene.team()
  const hour = 3_600_000
  for (const [name, ms] of [['an hour', hour], ['an hour back', -hour], ['a day', 24 * hour], ['a day back', -24 * hour]] as const) {
    await t.test(name, async (t) => {
      aheadMs = 0
      const replies = await underWay(scene, caller)
      aheadMs = ms
      scene.gate.open()
      for (const [index, reply] of (await Promise.all(replies)).entries()) assertWhole(t, SIDES[index] ?? 'openai', reply)
      for (const surface of SIDES) {
        const reply = await scene.ask(caller, surface)
        t.equal(reply.status, 200, surface)
      }
      const skewS = await scene.metric('dashgate_store_clock_skew_seconds')
      t.ok(Math.abs(skewS * 1_000 + ms) < 60_000, `${skewS} s`)
      await assertBooks(t, scene, caller)
    })
  }
  t.equal(await scene.metric('dashgate_store_rollback_total'), 0)
  t.equal(await scene.metric('dashgate_settlements_lost_total'), 0)
})
