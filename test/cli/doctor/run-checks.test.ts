import t from 'tap'
import { setImmediate } from 'node:timers/promises'
import { createManualClock } from '../../support/fixed.ts'
import { eachOf, runChecks } from '../../../src/cli/doctor/run-checks.ts'
import { findingsFor } from '../../../src/cli/doctor/finding.ts'
import type { Check } from '../../../src/cli/doctor/finding.ts'

const good = (name: string): Check => ({ name, run: async () => [findingsFor(name).ok('fine')] })

t.test('findings come in the order of the checks, whichever ends first', async (t) => {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const slow: Check = { name: 'slow', run: async () => { await promise; return [findingsFor('slow').ok('at last')] } }
  const told: (readonly [string, number])[] = []
  const running = runChecks([slow, good('a'), good('b')], { clock: createManualClock(), progress: (check, left) => { told.push([check, left]) } })
  await setImmediate()
  resolve(undefined)
  t.same((await running).map(({ check }) => check), ['slow', 'a', 'b'])
  t.same(told, [['a', 2], ['b', 1], ['slow', 0]])
})

t.test('a check that throws, or does not end, is a failure of its own and holds up no other', async (t) => {
  const clock = createManualClock()
  const broken: Check = { name: 'broken', run: async () => { throw new Error('no such thing') } }
  const endless: Check = { name: 'endless', run: async () => await new Promise(() => {}) }
  const running = runChecks([broken, endless, good('a')], { clock, progress: () => {} })
  await setImmediate()
  t.equal(clock.pending, 1, 'only the endless one is waited for')
  clock.advance(30_000)
  t.match(await running, [
    { check: 'broken', level: 'fail', message: /no such thing/ }, { check: 'endless', level: 'fail', message: /not done within 30 s/ }, { check: 'a', level: 'ok' }
  ])
  t.equal(clock.pending, 0)
})

t.test('no more run at once than may, and none is left out', async (t) => {
  let [running, most] = [0, 0]
  const results = await eachOf([5, 4, 3, 2, 1], 2, async (item) => {
    most = Math.max(most, ++running)
    await setImmediate()
    running--
    return item * 10
  })
  t.same([results, most], [[50, 40, 30, 20, 10], 2])
  t.same(await eachOf([], 2, async () => 1), [])
})
