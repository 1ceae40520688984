import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { createManualClock } from '../support/fixed.ts'
import { createMemoryAccounts } from './memory-store.ts'
import { followAccounts } from '../../src/accounts/follow.ts'
import { openDirectory } from '../../src/accounts/directory.ts'
import type { FollowState } from '../../src/accounts/follow.ts'

t.test('a key that is revoked on one gateway is dead on another within 250 ms', async (t) => {
  const store = createMemoryAccounts()
  const clock = createManualClock()
  const one = await openDirectory(store, clock)
  const two = await openDirectory(store, clock)
  await one.createTeam('search', {}, undefined)
  const key = await one.createKey({ id: 'abcdefgh', team: 'search', digest: 'digest-1', settings: {} }, undefined)
  const stop = followAccounts(two, { clock, stateChanged: () => t.fail('the store was there all the time') })
  clock.advance(250)
  await turn()
  t.ok(two.findByDigest('digest-1'))
  await one.removeKey(key, undefined)
  clock.advance(249)
  await turn()
  t.ok(two.findByDigest('digest-1'))
  clock.advance(1)
  await turn()
  t.notOk(two.findByDigest('digest-1'))
  stop()
  t.equal(clock.pending, 0)
})

t.test('a store that goes away and comes back is told of once each', async (t) => {
  const clock = createManualClock()
  const states: FollowState[] = []
  const away = new Error('away')
  const answers = [undefined, away, away, away, undefined, undefined, away]
  const stop = followAccounts({
    async catchUp () {
      const failure = answers.shift()
      if (failure !== undefined) throw failure
    }
  }, { clock, stateChanged: (state) => { states.push(state) } })
  for (let polls = 0; polls < 7; polls++) {
    clock.advance(250)
    await turn()
  }
  t.same(answers, [])
  t.same(states, [{ reachable: false, cause: away }, { reachable: true }, { reachable: false, cause: away }])
  stop()
})

t.test('one poll follows the other, and none follows a slow one that has not ended', async (t) => {
  const clock = createManualClock()
  let polls = 0
  let end = (): void => {}
  const stop = followAccounts({ catchUp: () => new Promise((resolve) => { polls++; end = resolve }) }, { clock, stateChanged () {} })
  clock.advance(10_000)
  t.equal(polls, 1)
  end()
  await turn()
  clock.advance(10_000)
  t.equal(polls, 2)
  stop()
  end()
  await turn()
  t.equal(clock.pending, 0, 'a poll that ends after the stop sets no timer')
})
