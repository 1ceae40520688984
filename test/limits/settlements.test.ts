import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { createSettlements } from '../../src/limits/settlements.ts'
import { createSpool } from '../../src/store/spool.ts'
import { createTroubleStore } from './trouble-store.ts'
import { BUDGET, TEAM, budget, createReports, pass, reserveCall, settleCall, turns } from './trouble-scene.ts'
import { createManualClock } from '../support/fixed.ts'
import type { SettleCall, SettleReply } from '../../src/limits/store.ts'

type Where = 'spooled' | 'in memory'

function scene (where: Where) {
  const clock = createManualClock()
  const store = createTroubleStore(clock)
  const connection = store.connect()
  const reports = createReports()
  const database = new DatabaseSync(':memory:')
  const spool = where === 'spooled' ? createSpool(database, { clock, createId: () => 'id', report: reports.report }) : undefined
  const ends: string[] = []
  const settlements = createSettlements(connection, {
    clock, random: () => 0.5, report: reports.report, spool, ended: ({ rid }, isCounted) => { ends.push(`${rid} ${isCounted ? 'counted' : 'lost'}`) }
  })
  const call = (rid: string, cost = 10): SettleCall => settleCall(reserveCall(rid, clock.nowMs(), [budget(cost)]), cost)
  return { clock, store, connection, reports, database, spool, settlements, ends, call, spent: () => store.counter(TEAM, `bs:${BUDGET}:always`) }
}

for (const where of ['spooled', 'in memory'] as const) {
  t.test(where, async (t) => {
    t.test('is acknowledged when it resolves, where the store answers', async (t) => {
      const { settlements, store, call, ends, spool } = scene(where)
      await settlements.settle(call('a'))
      t.equal(store.isFinal(TEAM, 'a'), true)
      t.equal(settlements.pending, 0)
      t.strictSame(ends, ['a counted'])
      spool?.close()
    })

    t.test('resolves while the store is away, and is sent until it gets through', async (t) => {
      const { settlements, store, connection, call, clock, ends } = scene(where)
      connection.fate = 'lost'
      await settlements.settle(call('a'))
      await settlements.settle(call('b'))
      t.equal(settlements.pending, 2)
      await pass(clock, 30_000, 250)
      t.equal(settlements.oldestMs(), 30_000)
      t.equal(store.isFinal(TEAM, 'a'), false)
      const tries = connection.sent.length / 2
      t.ok(tries > 8 && tries < 20, `${tries} tries in 30 s`)
      connection.fate = 'answered'
      await pass(clock, 5_000, 250)
      t.equal(settlements.pending, 0)
      t.equal(settlements.oldestMs(), 0)
      t.strictSame(ends, ['a counted', 'b counted'])
      t.equal(clock.pending, 0, 'nothing waits any more')
    })

    t.test('is charged once, though every second answer is lost', async (t) => {
      const { settlements, connection, call, clock, spent } = scene(where)
      let sent = 0
      connection.fate = () => ++sent % 2 === 1 ? 'reply_lost' : 'answered'
      for (let settled = 0; settled < 20; settled++) await settlements.settle(call(`r${settled}`, 7))
      await pass(clock, 10_000, 250)
      t.equal(spent(), 140)
      t.equal(settlements.pending, 0)
    })

    t.test('goes out at once when the store is said to be back', async (t) => {
      const { settlements, connection, call, clock } = scene(where)
      connection.fate = 'lost'
      await settlements.settle(call('a'))
      await pass(clock, 20_000, 250)
      connection.fate = 'answered'
      settlements.retry()
      await turns()
      t.equal(settlements.pending, 0)
    })

    t.test('does not wait for what cannot get through', async (t) => {
      const { settlements, connection, call, clock, store } = scene(where)
      connection.fate = ({ team }) => team === TEAM ? 'lost' : 'answered'
      for (let settled = 0; settled < 600; settled++) await settlements.settle(call(`r${settled}`))
      connection.fate = 'lost'
      await settlements.settle({ ...call('other'), team: 'birch' })
      connection.fate = ({ team }) => team === TEAM ? 'lost' : 'answered'
      await pass(clock, 20_000, 250)
      t.equal(store.isFinal('birch', 'other'), where === 'spooled', 'in memory the oldest are tried alone')
      t.equal(settlements.pending, where === 'spooled' ? 600 : 601)
    })

    t.test('gives up what the store calls too old, and tells it', async (t) => {
      const { settlements, call, reports, ends } = scene(where)
      await settlements.settle({ ...call('a'), bornMs: 0 })
      t.equal(settlements.pending, 0)
      t.match(reports.events, [{ kind: 'settlement_lost', team: TEAM, rid: 'a', reason: 'old' }])
      t.strictSame(ends, ['a lost'])
    })

    t.test('gives up what the store finds fault with, after a few tries', async (t) => {
      const { settlements, call, reports, ends, clock, connection } = scene(where)
      await settlements.settle({ ...call('a'), charges: [{ kind: 'budget', id: BUDGET, windowId: 'w', cost: NaN }] })
      await settlements.settle(call('b'))
      t.strictSame(ends, ['b counted'])
      await pass(clock, 10_000, 250)
      t.equal(connection.sent.filter(({ rid }) => rid === 'a').length, 5)
      t.match(reports.events, [{ kind: 'settlement_lost', rid: 'a', reason: 'refused' }])
      t.equal(settlements.pending, 0)
      t.equal(clock.pending, 0)
    })

    t.test('is drained at the end, for as long as that is given', async (t) => {
      const { settlements, connection, call, clock } = scene(where)
      await settlements.drain(1_000)
      connection.fate = 'lost'
      await settlements.settle(call('a'))
      let isDrained = false
      const drained = settlements.drain(1_000).then(() => { isDrained = true })
      await pass(clock, 950)
      t.equal(isDrained, false)
      await pass(clock, 50)
      await drained
      connection.fate = 'answered'
      const again = settlements.drain(1_000)
      await turns()
      await again
      t.equal(settlements.pending, 0)
      settlements.close()
    })

    t.test('sends nothing any more after it was closed', async (t) => {
      const { settlements, connection, call, clock } = scene(where)
      connection.fate = 'lost'
      await settlements.settle(call('a'))
      settlements.close()
      const sent = connection.sent.length
      await settlements.settle(call('b'))
      await pass(clock, 10_000, 250)
      t.equal(connection.sent.length, sent)
      t.equal(settlements.pending, 2)
      t.equal(clock.pending, 0)
    })
  })
}

t.test('sends the settlements of an earlier life', async (t) => {
  const { settlements, connection, call, clock, database, reports, store } = scene('spooled')
  connection.fate = 'lost'
  await settlements.settle(call('a'))
  settlements.close()
  connection.fate = 'answered'
  const spool = createSpool(database, { clock, createId: () => 'id', report: reports.report })
  const next = createSettlements(connection, { clock, random: () => 0, report: reports.report, spool, ended () {} })
  t.equal(next.pending, 1)
  next.retry()
  await turns()
  t.equal(store.isFinal(TEAM, 'a'), true)
  t.equal(next.pending, 0)
})

t.test('falls back to memory while the spool cannot be written, and says that nothing is durable then', async (t) => {
  const { settlements, connection, call, clock, database, spent, reports } = scene('spooled')
  database.exec('PRAGMA query_only = ON')
  connection.fate = 'lost'
  await settlements.settle(call('a'))
  t.equal(settlements.healthy, false)
  t.equal(settlements.pending, 1)
  connection.fate = 'answered'
  await settlements.settle(call('b'))
  await pass(clock, 5_000, 250)
  t.equal(settlements.pending, 0)
  t.equal(spent(), 20)
  database.exec('PRAGMA query_only = OFF')
  await pass(clock, 1_000, 250)
  t.equal(settlements.healthy, true)
  t.ok(reports.kinds().includes('upkeep_failed'))
})

t.test('asks again, and charges nothing more, where only the note of the acknowledgement failed', async (t) => {
  const { settlements, connection, call, clock, database, spent } = scene('spooled')
  connection.fate = () => {
    database.exec('PRAGMA query_only = ON')
    return 'answered'
  }
  await settlements.settle(call('a'))
  t.equal(settlements.pending, 1)
  connection.fate = 'answered'
  database.exec('PRAGMA query_only = OFF')
  await pass(clock, 6_000, 250)
  t.equal(settlements.pending, 0)
  t.equal(spent(), 10)
})

t.test('has few of many pending ones under way at a time', async (t) => {
  const { connection, call, clock, spent, spool, reports } = scene('spooled')
  let underWay = 0
  let underWayMost = 0
  async function settle (settlement: SettleCall): Promise<SettleReply> {
    underWayMost = Math.max(underWayMost, ++underWay)
    try {
      return await connection.settle(settlement)
    } finally {
      underWay--
    }
  }
  const settlements = createSettlements({ ...connection, settle }, { clock, random: () => 0, report: reports.report, spool, ended () {} })
  connection.fate = 'lost'
  await Promise.all(Array.from({ length: 2_000 }, (_, index) => settlements.settle(call(`r${index}`, 1))))
  t.equal(settlements.pending, 2_000)
  t.equal(underWayMost, 256)
  underWayMost = 0
  connection.fate = 'answered'
  await pass(clock, 10_000, 250)
  await turns(1_000)
  t.equal(settlements.pending, 0)
  t.equal(spent(), 2_000)
  t.equal(underWayMost, 16)
})
