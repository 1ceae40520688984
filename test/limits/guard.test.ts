import fc from 'fast-check'
import t from 'tap'
import { StoreUnavailable } from '../../src/limits/store.ts'
import { createGuardedStore } from '../../src/limits/guard.ts'
import { createTroubleStore } from './trouble-store.ts'
import { BUDGET, PLACES, TEAM, budget, createReports, pass, reserveCall, turns } from './trouble-scene.ts'
import { createManualClock } from '../support/fixed.ts'
import type { Fate } from './trouble-store.ts'
import type { SettleCall } from '../../src/limits/store.ts'

async function scene () {
  const clock = createManualClock()
  const store = createTroubleStore(clock)
  const [main, spare] = [store.connect(), store.connect()]
  const reports = createReports()
  const sealed: SettleCall[] = []
  let returns = 0
  const guard = createGuardedStore({ main, spare }, {
    clock, report: reports.report, seal: (call) => { sealed.push(call) }, returned: () => { returns++ }
  })
  return { clock, store, main, spare, guard, sealed, reports, returns: () => returns, call: (rid: string, cost = 100) => reserveCall(rid, clock.nowMs(), [budget(cost)]) }
}

async function upScene () {
  const made = await scene()
  await made.guard.start()
  made.main.sent.length = 0
  made.reports.events.length = 0
  return made
}

const rejectsWith = async (t: Tap, promise: Promise<unknown>, code: string): Promise<void> => {
  const caught: unknown = await promise.then(() => undefined, (cause: unknown) => cause)
  t.ok(caught instanceof StoreUnavailable, 'the store is unavailable')
  t.equal((caught as StoreUnavailable).code, code)
}
type Tap = Pick<typeof t, 'ok' | 'equal'>

t.test('asks nothing of a store before the first contact', async (t) => {
  const { guard, main, call, sealed } = await scene()
  await rejectsWith(t, guard.reserve(call('a')), 'breaker_open')
  t.strictSame(main.sent, [])
  t.strictSame(sealed, [], 'what was not sent need not be sealed')
})

t.test('says once that a store is away at the start, and once that it is there', async (t) => {
  const { guard, main, spare, clock, reports, returns } = await scene()
  main.fate = spare.fate = { code: 'ECONNREFUSED' }
  await guard.start()
  await pass(clock, 2_000)
  t.strictSame(reports.events, [{ kind: 'store_state', isUp: false, code: 'ECONNREFUSED' }])
  t.same([main.sent.length, spare.sent.length], [5, 5], 'it looks every 500 ms, over both connections')
  main.fate = 'answered'
  await pass(clock, 500)
  t.equal(guard.isUp, true)
  t.strictSame(reports.events.slice(1), [{ kind: 'store_state', isUp: true, code: undefined }])
  t.equal(returns(), 1)
})

t.test('tells a grant whose first answer was lost', async (t) => {
  const { guard, main, spare, call, sealed, reports, store } = await upScene()
  main.fate = 'reply_lost'
  const reply = await guard.reserve(call('a'))
  t.match(reply, { status: 'granted', repeated: true })
  t.equal(spare.sent.length, 1)
  t.equal(store.counter(TEAM, `br:${BUDGET}:always`), 100, 'it is held once')
  t.strictSame(sealed, [])
  t.strictSame(reports.kinds(), ['store_error', 'repeated'])
})

t.test('seals what was denied after an answer had been lost', async (t) => {
  const { guard, main, call, sealed, store } = await upScene()
  main.fate = 'delayed'
  const reply = await guard.reserve(call('a', 2_000_000))
  t.equal(reply.status, 'denied')
  t.equal(sealed.length, 1)
  main.fate = 'answered'
  await main.settle(sealed[0] as SettleCall)
  store.deliver()
  t.equal(store.state(TEAM).reservations.size, 0, 'the first try comes too late')
})

t.test('seals a reservation nobody can say anything of', async (t) => {
  const { guard, main, spare, sealed, store, reports } = await upScene()
  const call = reserveCall('a', 0 + Date.UTC(2026, 0, 1))
  main.fate = 'reply_lost'
  spare.fate = 'lost'
  await rejectsWith(t, guard.reserve(call), 'timeout')
  t.equal(store.counter(TEAM, `c:${PLACES}`), 1, 'it was made')
  main.fate = 'answered'
  t.match(await main.settle(sealed[0] as SettleCall), { status: 'settled', how: 'reserved' })
  t.equal(store.counter(TEAM, `c:${PLACES}`), 0)
  t.strictSame(reports.kinds(), ['store_error', 'store_error', 'reserve_ambiguous'])
})

t.test('does not ask again for what it has sealed', async (t) => {
  const { guard, main, spare, call, sealed } = await upScene()
  main.fate = 'lost'
  spare.fate = 'lost'
  await rejectsWith(t, guard.reserve(call('a')), 'timeout')
  main.fate = 'answered'
  await rejectsWith(t, guard.reserve(call('a')), 'sealed')
  t.equal(sealed.length, 1)
  t.equal((await guard.reserve(call('b'))).status, 'granted')
})

t.test('neither retries nor seals what a store without memory refuses, and does not take it for away', async (t) => {
  const { guard, main, spare, call, sealed } = await upScene()
  main.fate = ({ operation }) => operation === 'reserve' ? { code: 'OOM' } : 'answered'
  for (let calls = 0; calls < 30; calls++) await rejectsWith(t, guard.reserve(call(`a${calls}`)), 'OOM')
  t.strictSame(spare.sent, [])
  t.strictSame(sealed, [])
  t.equal(guard.isUp, true)
  t.equal((await guard.renew({ team: TEAM, rids: [] })).swept, 0)
})

t.test('seals after an ambiguous try although the second one said for certain that there is no memory', async (t) => {
  const { guard, main, spare, call, sealed } = await upScene()
  main.fate = 'reply_lost'
  spare.fate = { code: 'OOM' }
  await rejectsWith(t, guard.reserve(call('a')), 'OOM')
  t.equal(sealed.length, 1)
})

t.test('seals nothing that only looked or was put back', async (t) => {
  const { guard, main, spare, call, sealed } = await upScene()
  main.fate = spare.fate = 'lost'
  await rejectsWith(t, guard.reserve({ ...call('a'), mode: 'check' }), 'timeout')
  await rejectsWith(t, guard.reserve({ ...call('a'), mode: 'force' }), 'timeout')
  t.equal(spare.sent.length, 2)
  t.strictSame(sealed, [])
})

t.test('a connection that is cut fails nobody while the other leads there, however many were under way on it', async (t) => {
  const { guard, main, call } = await upScene()
  main.fate = { code: 'closed' }
  const calls = Array.from({ length: 50 }, (_, index) => guard.reserve(call(`a${index}`, 1)))
  const replies = await Promise.all([...calls, guard.renew({ team: TEAM, rids: [] })])
  t.equal(replies.length, 51)
  t.equal(guard.isUp, true)
})

t.test('stops asking a store that fails, says so once, and asks again when a probe gets through', async (t) => {
  const { guard, main, spare, clock, call, reports, sealed } = await upScene()
  main.fate = 'lost'
  spare.fate = 'lost'
  for (let calls = 0; calls < 10; calls++) await guard.reserve(call(`a${calls}`)).catch(() => undefined)
  t.equal(guard.isUp, false)
  t.same([main.sent.length, spare.sent.length], [5, 5], 'the five failures in a row and nothing more')
  t.equal(sealed.length, 5)
  t.strictSame(reports.events.filter(({ kind }) => kind === 'store_state'), [{ kind: 'store_state', isUp: false, code: 'timeout' }])
  await rejectsWith(t, guard.settle({ team: TEAM, rid: 'x', bornMs: 0, charges: [], record: undefined }), 'breaker_open')
  await pass(clock, 1_000)
  t.equal(main.sent.filter(({ operation }) => operation === 'renew').length, 2)
  main.fate = 'answered'
  await pass(clock, 500)
  t.equal((await guard.reserve(call('b'))).status, 'granted')
  t.equal(reports.events.filter(({ kind }) => kind === 'store_state').length, 2)
})

t.test('lets an error that is ours through and does not count it', async (t) => {
  const { guard, call } = await upScene()
  for (let calls = 0; calls < 8; calls++) await t.rejects(guard.reserve(call(`a${calls}`, NaN)), TypeError)
  t.equal(guard.isUp, true)
})

t.test('looks for nobody any more after it was closed', async (t) => {
  const { guard, main, clock } = await scene()
  main.fate = 'lost'
  await guard.start()
  guard.close()
  await pass(clock, 2_000)
  t.equal(main.sent.length, 1)
  t.equal(clock.pending, 0)
})

const fates = fc.constantFrom<Fate>('answered', 'lost', 'reply_lost', 'delayed', { code: 'READONLY' }, { code: 'OOM' })

t.test('leaves nothing held but what it told as granted, whatever is lost, late or out of order', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ main: fates, spare: fates, cost: fc.integer({ min: 1, max: 600 }), delivers: fc.boolean() }), { maxLength: 12 }), async (steps) => {
    const { guard, main, spare, store, call, sealed } = await upScene()
    const granted = new Set<string>()
    for (const [index, step] of steps.entries()) {
      main.fate = step.main
      spare.fate = step.spare
      const rid = `r${index}`
      const reply = await guard.reserve({ ...call(rid), claims: [budget(step.cost, 1_000)] }).catch(() => undefined)
      if (reply?.status === 'granted') granted.add(rid)
      if (step.delivers) store.deliver()
    }
    main.fate = 'answered'
    for (const seal of sealed) await main.settle(seal)
    store.deliver()
    await turns()
    const held = [...store.state(TEAM).reservations.keys()]
    if (held.some((rid) => !granted.has(rid)) || held.length !== granted.size) throw new Error(`held ${held.join()}, granted ${[...granted].join()}`)
    if (store.counter(TEAM, `br:${BUDGET}:always`) > 1_000) throw new Error('more is held than the budget allows')
  }), { numRuns: 300 })
})
