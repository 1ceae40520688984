import t from 'tap'
import { LEASE_MS } from '../../src/limits/store.ts'
import { createSweeps } from '../../src/limits/sweeps.ts'
import { createTroubleStore } from './trouble-store.ts'
import { BUDGET, TEAM, budget, createReports, pass, reserveCall, turns } from './trouble-scene.ts'
import { createManualClock } from '../support/fixed.ts'

function scene (teams: () => string[] = () => []) {
  const clock = createManualClock()
  const store = createTroubleStore(clock)
  const connection = store.connect()
  const reports = createReports()
  const randoms = [0, 0.999]
  const sweeps = createSweeps(connection, { clock, random: () => randoms.shift() ?? 0.5, report: reports.report, teams })
  async function abandon (count: number, team = TEAM): Promise<void> {
    for (let index = 0; index < count; index++) await store.connect().reserve(reserveCall(`${team}${index}`, clock.nowMs(), [budget(1)], team))
  }
  return { clock, store, connection, reports, sweeps, abandon }
}

t.test('ends what nobody renews, within a lease and a sweep', async (t) => {
  const { clock, store, sweeps, abandon } = scene()
  sweeps.serve(TEAM)
  await abandon(100)
  await pass(clock, LEASE_MS + 6_000, 500)
  t.equal(store.counter(TEAM, `br:${BUDGET}:always`), 0)
  t.equal(store.counter(TEAM, `bs:${BUDGET}:always`), 100, 'and charges all of it')
})

t.test('sweeps at moments of its own', async (t) => {
  const { clock, connection, sweeps } = scene()
  sweeps.serve(TEAM)
  await pass(clock, 3_999, 1_333)
  t.equal(connection.sent.length, 0)
  await pass(clock, 1)
  t.equal(connection.sent.length, 1)
  await pass(clock, 5_990, 599)
  t.equal(connection.sent.length, 1)
  await pass(clock, 10)
  t.equal(connection.sent.length, 2)
})

t.test('sweeps every team at the start, also those that it does not serve', async (t) => {
  const { clock, store, sweeps, abandon } = scene(() => ['birch', TEAM])
  await abandon(40, 'birch')
  clock.advance(LEASE_MS + 1)
  await sweeps.sweepAll()
  t.equal(store.counter('birch', `br:${BUDGET}:always`), 0)
})

t.test('sweeps every team once more when what was held at the start has run out', async (t) => {
  const { clock, store, sweeps, abandon } = scene(() => [TEAM])
  await abandon(40)
  await sweeps.sweepAll()
  t.equal(store.counter(TEAM, `br:${BUDGET}:always`), 40)
  await pass(clock, LEASE_MS + 5_000, 1_000)
  t.equal(store.counter(TEAM, `br:${BUDGET}:always`), 0)
})

t.test('sweeps one team for a bounded number of calls', async (t) => {
  const { clock, connection, store, sweeps, abandon } = scene(() => [TEAM])
  await abandon(1_100)
  clock.advance(LEASE_MS + 1)
  await sweeps.sweepAll()
  t.equal(connection.sent.length, 32)
  t.equal(store.counter(TEAM, `br:${BUDGET}:always`), 1_100 - 32 * 32)
})

t.test('counts what fails and goes on with the next team', async (t) => {
  const { connection, reports, sweeps } = scene(() => [TEAM, 'birch'])
  connection.fate = ({ team }) => team === TEAM ? 'lost' : 'answered'
  await sweeps.sweepAll()
  t.strictSame(connection.sent.map(({ team }) => team), [TEAM, 'birch'])
  t.strictSame(reports.kinds(), ['upkeep_failed'])
})

t.test('sweeps every team once at a time, however often it is asked', async (t) => {
  const { connection, sweeps } = scene(() => [TEAM, 'birch'])
  await Promise.all([sweeps.sweepAll(), sweeps.sweepAll()])
  t.equal(connection.sent.length, 2)
  await sweeps.sweepAll()
  t.equal(connection.sent.length, 4)
})

t.test('counts that nobody could say which teams there are', async (t) => {
  const { reports, sweeps } = scene(() => { throw new Error('the directory is away') })
  await sweeps.sweepAll()
  t.match(reports.events, [{ kind: 'upkeep_failed', cause: { message: 'the directory is away' } }])
})

t.test('stops when it is closed, also in the middle', async (t) => {
  const { clock, connection, sweeps, abandon } = scene(() => [TEAM])
  await abandon(200)
  clock.advance(LEASE_MS + 1)
  connection.fate = () => {
    sweeps.close()
    return 'answered'
  }
  await sweeps.sweepAll()
  await turns()
  t.equal(connection.sent.length, 1)
  t.equal(clock.pending, 0)
})
