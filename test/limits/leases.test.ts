import t from 'tap'
import { RENEW_RESERVATIONS_MAX } from '../../src/limits/store.ts'
import { createLeases } from '../../src/limits/leases.ts'
import { createTroubleStore } from './trouble-store.ts'
import { BUDGET, PLACES, TEAM, budget, createReports, pass, place, reserveCall } from './trouble-scene.ts'
import { createManualClock } from '../support/fixed.ts'
import type { BudgetClaim } from '../../src/limits/claim.ts'
import type { ReserveCall } from '../../src/limits/store.ts'

function scene () {
  const clock = createManualClock()
  const store = createTroubleStore(clock)
  const connection = store.connect()
  const reports = createReports()
  const served: string[] = []
  const leases = createLeases(connection, { clock, report: reports.report, served: (team) => { served.push(team) } })
  async function begin (call: ReserveCall): Promise<void> {
    const reply = await connection.reserve(call)
    if (reply.status !== 'granted') throw new Error(reply.status)
    leases.begin(call, reply.standings)
  }
  return { clock, store, connection, reports, leases, begin, served, held: () => store.counter(TEAM, `br:${BUDGET}:always`) }
}

t.test('keeps a reservation for as long as its request lives', async (t) => {
  const { clock, store, leases, begin, served } = scene()
  await begin(reserveCall('a', clock.nowMs()))
  await pass(clock, 300_000, 1_000)
  t.equal(store.state(TEAM).reservations.get('a')?.state, 'held')
  leases.end(TEAM, 'a')
  await pass(clock, 60_000, 1_000)
  await store.connect().renew({ team: TEAM, rids: [] })
  t.equal(store.state(TEAM).reservations.get('a')?.state, 'expired')
  t.strictSame(served, [TEAM])
})

t.test('renews many with few calls', async (t) => {
  const { clock, connection, begin } = scene()
  for (let index = 0; index < RENEW_RESERVATIONS_MAX + 10; index++) await begin(reserveCall(`r${index}`, clock.nowMs(), []))
  connection.sent.length = 0
  await pass(clock, 10_000, 1_000)
  t.strictSame(connection.sent.map(({ operation }) => operation), ['renew', 'renew'])
})

t.test('puts back what the store has lost, and not what ended meanwhile', async (t) => {
  const { clock, store, connection, leases, begin, held } = scene()
  for (const rid of ['a', 'b']) await begin(reserveCall(rid, clock.nowMs()))
  store.flushAll()
  leases.end(TEAM, 'b')
  await pass(clock, 10_000, 1_000)
  t.equal(held(), 100)
  t.equal(store.counter(TEAM, `c:${PLACES}`), 1)
  t.strictSame(connection.sent.filter(({ mode }) => mode === 'force').map(({ rid }) => rid), ['a'])
})

t.test('puts a reservation back at once where it is known that all is lost', async (t) => {
  const { clock, store, connection, leases, begin, held } = scene()
  for (let index = 0; index < 40; index++) await begin(reserveCall(`r${index}`, clock.nowMs(), [budget(1)]))
  store.flushAll()
  await leases.restore(TEAM)
  t.equal(held(), 40)
  connection.fate = 'lost'
  await t.rejects(leases.restore(TEAM), { code: 'timeout' })
})

t.test('puts a reservation back in the window it was granted in, or, when that is over, in none', async (t) => {
  const { clock, store, leases, begin } = scene()
  const nowMs = clock.nowMs()
  const windows = [{ id: 'day1', startMs: 0, endMs: nowMs + 60_000, amount: 500 }, { id: 'day2', startMs: nowMs + 60_000, endMs: nowMs + 120_000, amount: 500 }]
  const claim: BudgetClaim = { kind: 'budget', id: BUDGET, cost: 5, windows }
  await begin(reserveCall('a', nowMs, [claim]))
  store.flushAll()
  await leases.restore(TEAM)
  t.equal(store.counter(TEAM, `br:${BUDGET}:day1`), 5)
  clock.advance(90_000)
  store.flushAll()
  await leases.restore(TEAM)
  t.equal(store.counter(TEAM, `br:${BUDGET}:day2`), 0)
})

t.test('counts what fails and goes on', async (t) => {
  const { clock, connection, begin, store, reports } = scene()
  await begin(reserveCall('a', clock.nowMs()))
  connection.fate = 'lost'
  await pass(clock, 27_000, 1_000)
  t.equal(reports.kinds().filter((kind) => kind === 'upkeep_failed').length, 9, 'sooner than usual')
  connection.fate = 'answered'
  await pass(clock, 31_000, 1_000)
  t.equal(store.state(TEAM).reservations.get('a')?.state, 'held')
})

t.test('renews at once when it is told to', async (t) => {
  const { clock, connection, leases, begin } = scene()
  await begin(reserveCall('a', clock.nowMs()))
  connection.sent.length = 0
  leases.renewNow()
  await pass(clock, 9_000, 1_000)
  t.equal(connection.sent.length, 1)
})

t.test('tells how many places live requests hold', async (t) => {
  const { clock, leases, begin } = scene()
  for (const rid of ['a', 'b']) await begin(reserveCall(rid, clock.nowMs(), [place()]))
  await begin(reserveCall('c', clock.nowMs(), [budget(1)]))
  t.equal(leases.placesOf(TEAM, PLACES), 2)
  leases.end(TEAM, 'a')
  t.equal(leases.placesOf(TEAM, PLACES), 1)
  t.equal(leases.placesOf('birch', PLACES), 0)
})

t.test('renews nothing any more after it was closed', async (t) => {
  const { clock, connection, leases, begin } = scene()
  await begin(reserveCall('a', clock.nowMs()))
  connection.sent.length = 0
  leases.close()
  await pass(clock, 60_000, 1_000)
  t.strictSame(connection.sent, [])
  t.equal(clock.pending, 0)
})
