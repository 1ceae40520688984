import { statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { SPOOL_KEPT_MS } from '../../src/limits/spool.ts'
import { createSpool, openSpool } from '../../src/store/spool.ts'
import { BUDGET, TEAM, budget, createReports, pass, reserveCall, settleCall, tempFolder } from '../limits/trouble-scene.ts'
import { createManualClock } from '../support/fixed.ts'
import type { SettleCall, StoreState } from '../../src/limits/store.ts'

function scene (t: Test, dataDir = tempFolder(t)) {
  const clock = createManualClock()
  const reports = createReports()
  let ids = 0
  const open = () => openSpool(dataDir, { clock, createId: () => `id${++ids}`, report: reports.report })
  return { clock, reports, dataDir, open }
}

function call (rid: string, cost = 10, team = TEAM): SettleCall {
  return settleCall(reserveCall(rid, 1_000, [budget(cost)], team), cost)
}

const stateOf = (epoch: string, version: number): StoreState => ({ epoch, version, holdUntilMs: 0, nowMs: 5_000 })
const FIRST = stateOf('e1', 7)
const ridsOf = (spool: { next (after: number, max: number): readonly { call: SettleCall }[] }): string[] => spool.next(0, 100).map(({ call }) => call.rid)

t.test('keeps what is pending over restarts, oldest first, as it was', async (t) => {
  const { open, clock } = scene(t)
  const spool = open()
  await Promise.all([spool.add(call('a')), spool.add(call('b'))])
  clock.advance(2_000)
  await spool.add(call('c', 5, 'birch'))
  t.equal(spool.oldestMs(), 2_000)
  spool.close()
  const next = open()
  t.equal(next.pending, 3)
  t.strictSame(next.next(0, 2).map(({ call }) => call), [call('a'), call('b')])
  t.strictSame(next.next(next.next(0, 2)[1]?.place ?? 0, 2).map(({ call }) => call), [call('c', 5, 'birch')])
  t.equal(next.hasPending('birch'), true)
  await next.settled(call('c', 5, 'birch'), FIRST)
  t.equal(next.hasPending('birch'), false)
  t.equal(next.pending, 2)
  next.close()
})

t.test('belongs to its owner and to one process', async (t) => {
  const { open, dataDir } = scene(t)
  const spool = open()
  t.equal(statSync(join(dataDir, 'spool.db')).mode & 0o777, 0o600)
  t.throws(open, { message: `The data folder ${dataDir} is in use by another dashgate process.` })
  spool.close()
})

t.test('refuses a file of a later version, and one that is no database', async (t) => {
  const { open, dataDir } = scene(t)
  open().close()
  const database = new DatabaseSync(join(dataDir, 'spool.db'))
  database.exec('PRAGMA user_version = 9')
  database.close()
  t.throws(open, { message: 'The spool is of version 9; this dashgate knows 1.' })
  const other = scene(t)
  writeFileSync(join(other.dataDir, 'spool.db'), 'hello '.repeat(1_000))
  t.throws(other.open, /not a database/)
})

t.test('takes the first of two settlements with one id', async (t) => {
  const spool = scene(t).open()
  await spool.add(call('a', 10))
  await spool.add(call('a', 99))
  t.strictSame(spool.next(0, 9).map(({ call }) => call), [call('a', 10)])
  t.equal(spool.pending, 1)
  spool.close()
})

t.test('sends again what was acknowledged within two minutes, of one team or of all', async (t) => {
  const { open, clock } = scene(t)
  const spool = open()
  for (const [rid, team] of [['old', TEAM], ['a', TEAM], ['b', 'birch']] as const) {
    await spool.add(call(rid, 10, team))
    await spool.settled(call(rid, 10, team), FIRST)
    if (rid === 'old') clock.advance(SPOOL_KEPT_MS + 1)
  }
  t.equal(spool.pending, 0)
  await spool.replay('birch')
  t.strictSame(ridsOf(spool), ['b'])
  await spool.replay(undefined)
  t.strictSame(ridsOf(spool), ['a', 'b'])
  t.equal(spool.pending, 2)
  spool.close()
})

t.test('is not put out of step by a clock that somebody sets', async (t) => {
  const { dataDir } = scene(t)
  let wallMs = Date.UTC(2026, 0, 1)
  const clock = createManualClock()
  const open = () => openSpool(dataDir, { clock: { ...clock, nowMs: () => wallMs }, createId: () => 'id', report () {} })
  const spool = open()
  await spool.add(call('a'))
  await spool.settled(call('a'), FIRST)
  wallMs += 3_600_000
  await spool.add(call('b'))
  wallMs -= 7_200_000
  await spool.replay(undefined)
  t.strictSame(ridsOf(spool), ['a', 'b'])
  spool.close()
  const next = open()
  t.equal(next.oldestMs(), 0, 'nothing is from the future')
  await next.settled(call('a'), FIRST)
  await next.replay(undefined)
  t.strictSame(ridsOf(next), ['a', 'b'], 'the clock of the next start is behind, and nothing is forgotten for it')
  next.close()
})

t.test('makes one settlement of all the store took in, after the store has lost all', async (t) => {
  const { open, clock } = scene(t)
  const spool = open()
  for (const rid of ['a', 'b', 'c']) {
    await spool.add(call(rid, 10))
    await spool.settled(call(rid, 10), FIRST)
    clock.advance(SPOOL_KEPT_MS / 2 + 1)
  }
  await spool.add(call('other', 40, 'birch'))
  await spool.settled(call('other', 40, 'birch'), FIRST)
  await spool.add(call('pending', 3))
  await spool.rebuild(TEAM, () => stateOf('e2', 1))
  const [c, pending, sum, ...rest] = spool.next(0, 9).map(({ call }) => call)
  t.strictSame([c?.rid, pending?.rid, rest.length], ['c', 'pending', 0])
  t.match(sum, { team: TEAM, bornMs: 5_000, record: undefined, charges: [{ kind: 'budget', id: BUDGET, windowId: 'always', cost: 20 }] }, 'but for what is sent again by itself')
  t.match(sum?.rid, /^rebuild:e2:id\d:id\d$/)
  spool.close()
})

t.test('counts nothing twice, however often the store loses everything', async (t) => {
  const { open, clock } = scene(t)
  const spool = open()
  let epoch = 1
  let charged = 0
  for (let round = 0; round < 4; round++) {
    for (const rid of [`a${round}`, `b${round}`]) {
      await spool.add(call(rid, 10))
      clock.advance(SPOOL_KEPT_MS / 3)
    }
    // All that is pending gets through to the life of the store that begins now, and is gone with it.
    await spool.rebuild(TEAM, () => stateOf(`e${epoch}`, 1))
    charged = 0
    for (const { call } of spool.next(0, 100)) {
      for (const charge of call.charges) charged += charge.kind === 'budget' ? charge.cost : 0
      await spool.settled(call, stateOf(`e${epoch}`, 2))
      // A reply that was lost and comes again changes nothing.
      await spool.settled(call, stateOf(`e${epoch}`, 2))
    }
    epoch++
  }
  t.equal(charged, 80)
  await spool.rebuild(TEAM, () => stateOf('e1', 1))
  t.equal(spool.next(0, 100).flatMap(({ call }) => call.charges).reduce((sum, charge) => sum + (charge.kind === 'budget' ? charge.cost : 0), 0), 80)
  spool.close()
})

t.test('moves a settlement into the sum of the epoch that acknowledged it last', async (t) => {
  const spool = scene(t).open()
  await spool.add(call('a', 10))
  await spool.settled(call('a', 10), FIRST)
  await spool.replay(TEAM)
  await spool.settled(call('a', 10), stateOf('e2', 1))
  await spool.rebuild(TEAM, () => stateOf('e2', 2))
  t.strictSame(ridsOf(spool), ['a'], 'its own entry, and no sum')
  spool.close()
})

t.test('counts a settlement again that a copy of the store takes in which was believed lost', async (t) => {
  const { open, clock } = scene(t)
  const spool = open()
  await spool.add(call('a', 10))
  await spool.settled(call('a', 10), FIRST)
  await spool.rebuild(TEAM, () => stateOf('e2', 1))
  await spool.settled(call('a', 10), FIRST)
  clock.advance(SPOOL_KEPT_MS + 1)
  await spool.rebuild(TEAM, () => stateOf('e3', 1))
  t.match(spool.next(0, 9).map(({ call }) => call), [{ rid: /^rebuild:e3/, charges: [{ cost: 10 }] }])
  spool.close()
})

t.test('remembers the four latest windows of a budget, and a budget without end for ever', async (t) => {
  const { open, clock } = scene(t)
  const spool = open()
  for (let day = 1; day <= 6; day++) {
    const charges = [BUDGET, 'team:b:total'].map((id) => ({ kind: 'budget' as const, id, windowId: id === BUDGET ? `day${day}` : 'total', cost: day }))
    const settlement = { ...call(`day${day}`), charges }
    await spool.add(settlement)
    await spool.settled(settlement, FIRST)
    clock.advance(SPOOL_KEPT_MS + 1)
  }
  await spool.rebuild(TEAM, () => stateOf('e2', 1))
  const [sum] = spool.next(0, 9)
  t.strictSame(sum?.call.charges.map((charge) => charge.kind === 'budget' && `${charge.windowId}=${charge.cost}`), ['day3=3', 'day4=4', 'day5=5', 'day6=6', 'total=21'])
  spool.close()
})

t.test('splits a sum of more budgets than one settlement may hold', async (t) => {
  const { open, clock } = scene(t)
  const spool = open()
  const settlement = { ...call('a'), charges: Array.from({ length: 150 }, (_, index) => ({ kind: 'budget' as const, id: `b${index}`, windowId: 'w', cost: 1 })) }
  await spool.add(settlement)
  await spool.settled(settlement, FIRST)
  clock.advance(SPOOL_KEPT_MS + 1)
  await spool.rebuild(TEAM, () => stateOf('e2', 1))
  t.strictSame(spool.next(0, 9).map(({ call }) => call.charges.length), [64, 64, 22])
  spool.close()
})

t.test('tells what was last seen of each team, unless that is known to be lost', async (t) => {
  const { open } = scene(t)
  const spool = open()
  for (const [rid, version] of [['a', 9], ['b', 8]] as const) await spool.settled(call(rid), stateOf('e1', version))
  await spool.settled(call('c', 1, 'birch'), stateOf('e7', 3))
  spool.close()
  const next = open()
  t.strictSame(next.seen(), new Map([[TEAM, { epoch: 'e1', version: 9 }], ['birch', { epoch: 'e7', version: 3 }]]))
  await next.replay(TEAM)
  t.equal(next.seen().has(TEAM), false)
  next.close()
})

t.test('is as if it had seen only what was before, where an earlier life died before it had summed up', async (t) => {
  const { open, clock } = scene(t)
  const spool = open()
  await spool.settled(call('a', 10), stateOf('e1', 9))
  clock.advance(SPOOL_KEPT_MS + 1)
  await spool.settled(call('b', 5), stateOf('e2', 3))
  spool.close()
  const next = open()
  t.strictSame(next.seen().get(TEAM), { epoch: 'e1', version: 0 })
  await next.rebuild(TEAM, () => stateOf('e2', 4))
  t.match(next.next(0, 9).map(({ call }) => call), [{ rid: 'b' }, { rid: /^rebuild/, charges: [{ cost: 10 }] }])
  next.close()
  const third = open()
  t.strictSame(third.seen().get(TEAM), { epoch: 'e2', version: 3 })
  third.close()
})

t.test('sends many again in small steps, each of them once', async (t) => {
  const { open } = scene(t)
  const spool = open()
  const rids = Array.from({ length: 1_300 }, (_, index) => `r${index}`)
  await Promise.all(rids.map((rid) => spool.settled(call(rid, 1), FIRST)))
  const replayed = spool.replay(undefined)
  // The store answers while there are more to come.
  for (let turn = 0; turn < 200 && spool.pending < 500; turn++) await new Promise((resolve) => { setImmediate(resolve) })
  await Promise.all(spool.next(0, 400).map(({ call }) => spool.settled(call, FIRST)))
  await replayed
  t.equal(spool.pending, 900)
  await spool.rebuild(TEAM, () => stateOf('e2', 1))
  t.equal(spool.pending, 1_300)
  t.equal(spool.next(0, 9_999).some(({ call }) => call.rid.startsWith('rebuild')), false)
  spool.close()
})

t.test('writes nothing any more after it was closed', async (t) => {
  const spool = scene(t).open()
  spool.close()
  await t.rejects(spool.add(call('a')), { message: 'the spool is closed' })
})

t.test('holds a settlement back until it is added', async (t) => {
  const spool = scene(t).open()
  await spool.holdBack(call('escrow'))
  t.equal(spool.pending, 0)
  await spool.add(call('escrow', 3))
  t.strictSame(spool.next(0, 9).map(({ call }) => call), [call('escrow', 3)])
  await spool.holdBack(call('escrow'))
  t.equal(spool.pending, 1, 'what is pending stays so')
  spool.close()
})

t.test('sends what an earlier life held back, when nothing older is pending any more', async (t) => {
  const { open } = scene(t)
  const spool = open()
  await spool.holdBack(call('escrow'))
  await spool.add(call('a'))
  spool.close()
  const next = open()
  await next.holdBack(call('escrow of this life'))
  await next.add(call('b'))
  t.strictSame(ridsOf(next), ['a', 'b'])
  await next.settled(call('a'), FIRST)
  t.strictSame(ridsOf(next), ['escrow', 'b'])
  t.equal(next.pending, 2)
  next.close()
  const third = open()
  await third.settled(call('escrow'), FIRST)
  await third.settled(call('b'), FIRST)
  t.strictSame(ridsOf(third), ['escrow of this life'])
  third.close()
})

t.test('keeps a settlement that the store will never take, out of the way', async (t) => {
  const { open } = scene(t)
  const spool = open()
  await spool.add(call('a'))
  await spool.bury(call('a'))
  t.equal(spool.pending, 0)
  await spool.replay(undefined)
  t.strictSame(ridsOf(spool), [])
  spool.close()
  const next = open()
  await next.add(call('a'))
  t.equal(next.pending, 0, 'it is still known')
  next.close()
})

t.test('says once that it cannot be written, and once that it can again', async (t) => {
  const { clock, reports } = scene(t)
  const database = new DatabaseSync(':memory:')
  const spool = createSpool(database, { clock, createId: () => 'id', report: reports.report })
  const states = (): unknown[] => reports.events.map((event) => event.kind === 'spool_state' && event.isHealthy)
  await spool.add(call('a'))
  database.exec('PRAGMA query_only = ON')
  await t.rejects(spool.add(call('b')), /readonly/)
  await t.rejects(spool.replay(undefined), /readonly/)
  await pass(clock, 3_000)
  t.equal(spool.isHealthy, false)
  t.equal(spool.pending, 1, 'what was written before is still there')
  t.strictSame(states(), [false])
  database.exec('PRAGMA query_only = OFF')
  await pass(clock, 1_000)
  t.equal(spool.isHealthy, true, 'it has tried by itself')
  t.strictSame(states(), [false, true])
  await spool.add(call('b'))
  t.strictSame(ridsOf(spool), ['a', 'b'])
  spool.close()
})

t.test('takes all of a turn or nothing of it', async (t) => {
  const { clock, reports } = scene(t)
  const database = new DatabaseSync(':memory:')
  const spool = createSpool(database, { clock, createId: () => 'id', report: reports.report })
  database.exec('PRAGMA max_page_count = 30')
  const huge: SettleCall = { ...call('huge'), charges: Array.from({ length: 5_000 }, () => ({ kind: 'concurrency', id: 'c' })) }
  const ends = await Promise.allSettled([spool.add(call('a')), spool.add(huge), spool.settled(call('a'), FIRST)])
  t.strictSame(ends.map(({ status }) => status), ['rejected', 'rejected', 'rejected'])
  t.match(ends[1], { reason: { message: /full/ } })
  t.equal(spool.pending, 0)
  await spool.add(call('b'))
  t.equal(spool.pending, 1)
  t.equal(spool.isHealthy, true)
  spool.close()
})

t.test('writes what is still waiting when it is closed', async (t) => {
  const { open } = scene(t)
  const spool = open()
  const added = spool.add(call('a'))
  spool.close()
  await added
  const next = open()
  t.strictSame(ridsOf(next), ['a'])
  next.close()
})
