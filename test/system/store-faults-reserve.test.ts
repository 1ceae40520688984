import t from 'tap'
import { SCRIPTS } from '../../src/store/redis/script.ts'
import { SIDES } from '../support/scene.ts'
import { assertBooks } from './store-faults/books.ts'
import { assertUnavailable } from './store-faults/unavailable.ts'
import { mended } from './store-faults/mended.ts'
import { reasonToSkipRedis, until } from '../support/redis.ts'
import { startFaultScene } from './store-faults/scene.ts'
import type { TeamSettings } from '../../src/accounts/account.ts'

t.setTimeout(120_000)
const skip = await reasonToSkipRedis()
const RESERVE = new RegExp(SCRIPTS.reserve.sha)
const SETTLE = new RegExp(SCRIPTS.settle.sha)

t.test('a store that is away at the start', { skip }, async (t) => {
  const scene = await startFaultScene(t, { before: (proxy) => { proxy.carriage = 'refusing' } })
  t.equal(await scene.readiness(), '503 starting')
  t.equal((await fetch(`${scene.server.adminUrl}/livez`)).status, 200)
  t.equal(await scene.metric('dashgate_store_up'), 0)
  const nobody = { team: 'nobody', apiKey: 'sk-of-nobody-yet' }
  for (const surface of SIDES) assertUnavailable(t, surface, await scene.ask(nobody, surface))
  scene.proxy.carriage = 'open'
  await until('it is ready', async () => await scene.readiness() === '200 ok')
  t.equal(await scene.metric('dashgate_store_up'), 1)
  const lines = scene.logLines.filter((line) => /store of the limits/.test(line))
  t.equal(lines.length, 2, 'one line for each change, and none for each try')
  const caller = await scene.team()
  for (const surface of SIDES) t.equal((await scene.ask(caller, surface)).status, 200)
  await assertBooks(t, scene, caller)
})

for (const fault of ['drop', 'swallow'] as const) {
  t.test(`a reservation of which nobody knows what became: ${fault}`, { skip }, async (t) => {
    const scene = await startFaultScene(t)
    const policies: TeamSettings['on_store_down'][] = ['deny', 'escrow', 'shadow', 'allow']
    for (const policy of policies) {
      await t.test(String(policy), async (t) => {
        const caller = await scene.team({ on_store_down: policy ?? 'deny' })
        for (const surface of SIDES) {
          await mended(scene, caller)
          const [sealed, failed] = [await scene.metric('dashgate_reserve_ambiguous_total'), await scene.metric('dashgate_store_errors_total', { operation: 'reserve' })]
          const met = scene.proxy.meet(RESERVE, fault, 2)
          const reply = await scene.ask(caller, surface)
          t.equal(met(), 2, 'over both connections')
          if (policy === 'deny') assertUnavailable(t, surface, reply)
          else t.equal(reply.status, 200, surface)
          t.equal(await scene.metric('dashgate_reserve_ambiguous_total'), sealed + 1)
          t.equal(await scene.metric('dashgate_store_errors_total', { operation: 'reserve' }), failed + 2)
        }
        await mended(scene, caller)
        // What is set aside is given back at the end.
        if (policy === 'escrow') await scene.restart()
        await assertBooks(t, scene, caller)
      })
    }
  })
}

t.test('an answer that is lost', { skip }, async (t) => {
  const scene = await startFaultScene(t)
  const caller = await scene.team()
  for (const [operation, command] of [['reserve', RESERVE], ['settle', SETTLE]] as const) {
    for (const surface of SIDES) {
      for (const stream of [undefined, 'stream'] as const) {
        await mended(scene, caller)
        const repeated = await scene.metric('dashgate_store_repeated_total', { operation })
        const met = scene.proxy.meet(command, 'swallow')
        t.equal((await scene.ask(caller, surface, stream)).status, 200)
        await until('it has been told once more', async () => await scene.metric('dashgate_store_repeated_total', { operation }) > repeated)
        t.equal(met(), 1)
      }
    }
  }
  await mended(scene, caller)
  await assertBooks(t, scene, caller)
})

t.test('a store that is slow', { skip }, async (t) => {
  const scene = await startFaultScene(t)
  const [denied, allowed] = [await scene.team(), await scene.team({ on_store_down: 'allow' })]
  await mended(scene, denied)
  await t.test('but answers in time', async (t) => {
    scene.proxy.carriage = { delayMs: 20 }
    for (const surface of SIDES) t.equal((await scene.ask(denied, surface)).status, 200)
  })
  await t.test('and answers too late', async (t) => {
    const timeouts = await scene.metric('dashgate_store_errors_total', { code: 'timeout' })
    scene.proxy.carriage = { delayMs: 700 }
    for (const surface of SIDES) {
      assertUnavailable(t, surface, await scene.ask(denied, surface))
      t.equal((await scene.ask(allowed, surface)).status, 200)
    }
    t.ok(await scene.metric('dashgate_store_errors_total', { code: 'timeout' }) >= timeouts + 2)
  })
  await t.test('and stands still for a while', async (t) => {
    await mended(scene, denied)
    scene.redis.kill('SIGSTOP')
    for (const surface of SIDES) {
      assertUnavailable(t, surface, await scene.ask(denied, surface))
      t.equal((await scene.ask(allowed, surface)).status, 200)
    }
    scene.redis.kill('SIGCONT')
    await mended(scene, denied)
  })
  await assertBooks(t, scene, denied)
  await assertBooks(t, scene, allowed)
})

t.test('a wire that carries bytes one by one', { skip }, async (t) => {
  const scene = await startFaultScene(t, { before: (proxy) => { proxy.carriage = 'bytewise' } })
  const caller = await scene.team()
  for (const surface of SIDES) t.equal((await scene.ask(caller, surface, 'stream')).status, 200)
  await assertBooks(t, scene, caller)
})

t.test('a store that answers nobody any more stops being asked, and is found again', { skip }, async (t) => {
  const scene = await startFaultScene(t)
  const [denied, allowed] = [await scene.team(), await scene.team({ on_store_down: 'allow' })]
  await mended(scene, denied)
  scene.proxy.carriage = 'refusing'
  scene.proxy.cut()
  for (let asked = 0; asked < 8; asked++) {
    for (const surface of SIDES) {
      assertUnavailable(t, surface, await scene.ask(denied, surface))
      t.equal((await scene.ask(allowed, surface)).status, 200)
    }
  }
  t.equal(await scene.metric('dashgate_store_up'), 0)
  t.equal(await scene.readiness(), '200 degraded')
  t.equal(await scene.metric('dashgate_spool_pending') >= 16, true, 'what was used waits')
  t.ok(await scene.metric('dashgate_spool_oldest_seconds') > 0)
  await mended(scene, denied)
  await assertBooks(t, scene, denied)
  await assertBooks(t, scene, allowed)
  const lines = scene.logLines.filter((line) => /store of the limits/.test(line))
  t.equal(lines.length, 3, 'a line for the start, one for the loss, one for the return')
})
