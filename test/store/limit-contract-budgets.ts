import type { Test } from 'tap'
import { AMOUNT_MAX, judge, NO_END } from '../../src/limits/claim.ts'
import { budget, charges, DAY_MS, dayWindow, MIDNIGHT_MS, place, rate, TEAM } from './limit-scene.ts'
import { FINAL_MEMORY_MS, LEASE_MS } from '../../src/limits/store.ts'
import type { BudgetWindow } from '../../src/limits/claim.ts'
import type { OpenScene } from './limit-contract.ts'

export async function budgetRules (t: Test, open: OpenScene): Promise<void> {
  await windows(t, open)
  await holds(t, open)
  await pruning(t, open)
  await largeAmounts(t, open)
}

async function windows (t: Test, open: OpenScene): Promise<void> {
  for (const [offsetMs, window, id] of [[-1, 0, 'd-1'], [0, 1, 'd0'], [1, 1, 'd0'], [DAY_MS - 1, 1, 'd0'], [DAY_MS, 2, 'd1'], [DAY_MS + 1, 2, 'd1']] as const) {
    await t.test(`of a claim's windows the one counts that the store's clock stands in (${offsetMs} ms from midnight)`, async (t) => {
      const { reserve, counted, now } = await open(t)
      now.set(MIDNIGHT_MS + offsetMs)
      const claim = budget(7, 0, [dayWindow(-1, 10), dayWindow(0, 11), dayWindow(1, 12)])
      t.match(await reserve('a#1', [claim]), { status: 'granted', standings: [{ window }] })
      t.same(await counted(), { [`br:day:${id}`]: '7' })
      t.match(await reserve('b#1', [{ ...claim, cost: 4 + window }], { mode: 'check' }), { status: 'denied', standings: [{ window, held: 7 }] }, 'and its amount')
      t.match(await reserve('b#1', [{ ...claim, cost: 3 + window }], { mode: 'check' }), { status: 'granted' })
    })
  }

  for (const [offsetMs, status] of [[-1, 'stale'], [0, 'granted'], [DAY_MS - 1, 'granted'], [DAY_MS, 'stale']] as const) {
    for (const mode of ['check', 'reserve', 'force'] as const) {
      await t.test(`a claim for one day is ${status} ${offsetMs} ms from its midnight (${mode})`, async (t) => {
        const { reserve, dump, now } = await open(t)
        now.set(MIDNIGHT_MS + offsetMs)
        t.match(await reserve('a#1', [rate(1), budget(5, 10), place(1)], { mode }), { status, nowMs: MIDNIGHT_MS + offsetMs })
        if (status === 'stale' || mode === 'check') t.same(await dump(TEAM), {})
      })
    }
  }

  await t.test('a request belongs to the window that it was admitted in', async (t) => {
    const { reserve, settle, counted, later, renew } = await open(t)
    const days = [dayWindow(0, 100), dayWindow(1, 100)]
    later(DAY_MS - 1)
    for (const rid of ['a#1', 'b#1']) await reserve(rid, [budget(50, 100, days)])
    later(1)
    t.match(await reserve('c#1', [budget(100, 100, days)]), { status: 'granted', standings: [{ window: 1, held: 0 }] })
    await settle('a#1', charges([budget(50, 100, days)], 20))
    t.same(await counted(), { 'bs:day:d0': '20', 'br:day:d0': '50', 'br:day:d1': '100' })
    later(LEASE_MS - 1)
    t.match(await renew(['c#1']), { swept: 1 })
    t.same(await counted(), { 'bs:day:d0': '70', 'br:day:d1': '100' })
    await settle('b#1', charges([budget(50, 100, days)], 30))
    t.same(await counted(), { 'bs:day:d0': '50', 'br:day:d1': '100' })
  })

  await t.test('what is held and asked for again in another window is stale, and lives on', async (t) => {
    const { reserve, later, renew, settle } = await open(t)
    later(DAY_MS - 1)
    await reserve('a#1', [budget(50, 100)])
    later(1)
    t.match(await reserve('a#1', [budget(50, 100)]), { status: 'stale', version: 1 })
    later(LEASE_MS - 1)
    t.match(await renew(), { swept: 0 })
    t.match(await reserve('a#1', [budget(50, 100, [dayWindow(1, 100)])]), { status: 'granted', repeated: true, standings: [{ window: 0, held: 0 }] })
    t.match(await settle('a#1', charges([budget(50, 100)], 9)), { how: 'reserved' })
  })

  await t.test('a budget for ever ends where it expires', async (t) => {
    const { reserve, now, counted, settle } = await open(t)
    const expiresMs = MIDNIGHT_MS + 1_000
    const total: BudgetWindow[] = [{ id: 'total', startMs: 0, endMs: expiresMs, amount: 100 }, { id: 'expired', startMs: expiresMs, endMs: NO_END, amount: 0 }]
    const claim = budget(10, 100, total)
    now.set(expiresMs - 1)
    t.match(await reserve('a#1', [claim]), { status: 'granted', standings: [{ window: 0 }] })
    now.set(expiresMs)
    const reply = await reserve('b#1', [claim])
    t.match(reply, { status: 'denied', standings: [{ window: 1, spent: 0, held: 0 }] })
    t.same(reply.status === 'denied' && judge(claim, reply.standings[0] as never, reply.nowMs), { allows: false, retryAfterMs: 'never' })
    await settle('a#1', charges([claim], 4))
    t.same(await counted(), { 'bs:day:total': '4' })
  })

  await t.test('a spent budget is there again in its next window, as was said', async (t) => {
    const { reserve, later } = await open(t)
    later(DAY_MS - 5_000)
    const claim = budget(60, 100, [dayWindow(0, 100), dayWindow(1, 100)])
    await reserve('a#1', [claim])
    const reply = await reserve('b#1', [claim])
    const verdict = reply.status === 'denied' ? judge(claim, reply.standings[0] as never, reply.nowMs) : undefined
    t.same(verdict, { allows: false, retryAfterMs: 5_000 })
    later(4_999)
    t.match(await reserve('b#1', [claim]), { status: 'denied' })
    later(1)
    t.match(await reserve('b#1', [claim]), { status: 'granted' })
  })

  await t.test('an amount that is lowered below what is spent refuses, and forgets nothing', async (t) => {
    const { reserve, counted } = await open(t)
    await reserve('a#1', [budget(60, 100)])
    t.match(await reserve('b#1', [budget(0, 50)]), { status: 'denied', standings: [{ held: 60 }] })
    t.match(await reserve('b#1', [budget(40, 100)]), { status: 'granted' })
    t.same(await counted(), { 'br:day:d0': '100' })
  })
}

async function holds (t: Test, open: OpenScene): Promise<void> {
  await t.test('while a team is on hold, no budget is granted', async (t) => {
    const { reserve, settle, renew, store, later, dump } = await open(t)
    await reserve('a#1', [budget(10, 100)])
    const holdUntilMs = MIDNIGHT_MS + 3_000
    t.strictSame(await store.hold({ team: TEAM, durationMs: 3_000 }), { version: 2, epoch: `${MIDNIGHT_MS}-a#1`, nowMs: MIDNIGHT_MS, holdUntilMs })
    const before = await dump(TEAM)
    t.match(before, { h: String(holdUntilMs) })
    later(2_999)
    for (const mode of ['reserve', 'check'] as const) {
      t.strictSame(await reserve('b#1', [rate(1), budget(10, 100)], { mode }), { version: 2, epoch: `${MIDNIGHT_MS}-a#1`, nowMs: holdUntilMs - 1, holdUntilMs, status: 'on_hold' })
    }
    t.same(await dump(TEAM), before)
    t.match(await reserve('a#1', [budget(10, 100)]), { status: 'granted', repeated: true }, 'what is held stays so')
    t.match(await reserve('b#1', [budget(10, 100, [])]), { status: 'stale', holdUntilMs })
    t.match(await renew(), { holdUntilMs })
    t.match(await reserve('c#1', [rate(1), place(1)]), { status: 'granted', holdUntilMs }, 'what is no budget is not on hold')
    t.match(await reserve('d#1', [budget(10, 100)], { mode: 'force' }), { status: 'granted' }, 'and what was lost is put back')
    t.match(await settle('a#1', charges([budget(10, 100)], 5)), { status: 'settled', holdUntilMs })
    later(1)
    t.match(await reserve('b#1', [rate(1), budget(10, 100)]), { status: 'granted', holdUntilMs })
  })

  await t.test('a hold that a clock which was put back has left behind holds nothing, and does not hide the next', async (t) => {
    const { reserve, store, later } = await open(t)
    later(86_400_000)
    await store.hold({ team: TEAM, durationMs: 3_000 })
    later(-86_400_000)
    t.match(await reserve('a#1', [budget(10, 100)]), { status: 'granted' })
    t.match(await store.hold({ team: TEAM, durationMs: 3_000 }), { holdUntilMs: MIDNIGHT_MS + 3_000 })
    t.match(await reserve('b#1', [budget(10, 100)]), { status: 'on_hold' })
  })

  await t.test('a shorter hold does not end a longer one', async (t) => {
    const { store, later } = await open(t)
    t.strictSame(await store.hold({ team: TEAM, durationMs: 3_000 }), { version: 1, epoch: `${MIDNIGHT_MS}-hold`, nowMs: MIDNIGHT_MS, holdUntilMs: MIDNIGHT_MS + 3_000 })
    later(1_000)
    t.match(await store.hold({ team: TEAM, durationMs: 1_000 }), { version: 2, holdUntilMs: MIDNIGHT_MS + 3_000 })
    t.match(await store.hold({ team: TEAM, durationMs: 2_001 }), { version: 3, holdUntilMs: MIDNIGHT_MS + 3_001 })
  })
}

async function pruning (t: Test, open: OpenScene): Promise<void> {
  const HOUR_MS = 3_600_000
  const hour = (index: number): BudgetWindow => ({ id: `h${index}`, startMs: MIDNIGHT_MS + index * HOUR_MS, endMs: MIDNIGHT_MS + (index + 1) * HOUR_MS, amount: 100 })
  const listed = (...indexes: number[]): string => indexes.map((index) => `h${index}=${hour(index).endMs}`).join(' ')

  await t.test('counters of old windows are forgotten once nobody may charge them any more', async (t) => {
    const { reserve, settle, dump, counted, now } = await open(t)
    const use = async (rid: string, index: number): Promise<void> => {
      const claim = budget(1, 100, [hour(index)])
      t.match(await reserve(rid, [claim]), { status: 'granted' })
      await settle(rid, charges([claim], 1))
    }
    for (const index of [0, 1, 2, 3]) {
      now.set(hour(index).startMs)
      await use(`a${index}#1`, index)
      await use(`b${index}#1`, index)
    }
    t.match(await dump(TEAM), { 'bw:day': listed(0, 1, 2, 3) })
    now.set(hour(6).startMs)
    await use('a6#1', 6)
    t.match(await dump(TEAM), { 'bw:day': listed(1, 2, 3, 6) }, 'an hour, two of memory and a lease after its end')
    t.same(await counted(), { 'bs:day:h1': '2', 'bs:day:h2': '2', 'bs:day:h3': '2', 'bs:day:h6': '1' })
    t.same(Object.keys(await dump(TEAM)).filter((field) => field.includes(':h0')), [])
    now.set(hour(7).startMs)
    await use('a7#1', 7)
    now.set(hour(40).startMs)
    await use('a40#1', 40)
    t.match(await dump(TEAM), { 'bw:day': listed(3, 6, 7, 40) }, 'no more than there have to be')
  })

  await t.test('a window is kept while its end may still be settled', async (t) => {
    const { reserve, dump, now } = await open(t)
    const use = (rid: string, index: number) => reserve(rid, [budget(1, 100, [hour(index)])], { mode: 'force' })
    for (const index of [0, 1, 2]) {
      now.set(hour(index).startMs)
      await use(`a${index}#1`, index)
    }
    const keptMs = hour(0).endMs + FINAL_MEMORY_MS + LEASE_MS
    const late = (id: string): BudgetWindow => ({ id, startMs: hour(3).startMs, endMs: hour(3).startMs + HOUR_MS, amount: 100 })
    now.set(keptMs)
    await reserve('x#1', [budget(1, 100, [late('x')])])
    await reserve('y#1', [budget(1, 100, [late('y')])])
    t.equal((await dump(TEAM))['bw:day'], `${listed(0, 1, 2)} x=${hour(3).endMs} y=${hour(3).endMs}`)
    now.set(keptMs + 1)
    await reserve('y#2', [budget(1, 100, [late('y')])])
    t.equal((await dump(TEAM))['bw:day'], `${listed(0, 1, 2)} x=${hour(3).endMs} y=${hour(3).endMs}`, 'only a new window clears away')
    await reserve('z#1', [budget(1, 100, [late('z')])])
    t.equal((await dump(TEAM))['bw:day'], `${listed(1, 2)} x=${hour(3).endMs} y=${hour(3).endMs} z=${hour(3).endMs}`)
    t.same(Object.keys(await dump(TEAM)).filter((field) => field.includes(':h0')), [])
  })

  await t.test('a window whose first charge was never reserved is not listed', async (t) => {
    const { reserve, settle, dump } = await open(t)
    await settle('a#1', charges([budget(5, 100)], 5))
    t.match(await reserve('b#1', [budget(5, 100), { ...budget(5, 100), id: 'key' }]), { status: 'granted', standings: [{ spent: 5 }, { spent: 0 }] })
    t.same(Object.keys(await dump(TEAM)).filter((field) => field.startsWith('bw:')), ['bw:key'])
  })

  await t.test('what never ends is never forgotten, and each budget has its own windows', async (t) => {
    const { reserve, dump, now } = await open(t)
    const total: BudgetWindow = { id: 'total', startMs: 0, endMs: NO_END, amount: 1_000 }
    for (let day = 0; day < 8; day++) {
      now.set(MIDNIGHT_MS + day * DAY_MS)
      await reserve(`r${day}#1`, [budget(1, 100, [dayWindow(day, 100)]), { kind: 'budget', id: 'all', cost: 1, windows: [total] }])
    }
    t.match(await dump(TEAM), { 'bw:all': `total=${NO_END}`, 'bw:day': [4, 5, 6, 7].map((day) => `d${day}=${dayWindow(day, 0).endMs}`).join(' ') })
    t.match(await dump(TEAM), { 'br:all:total': '1', 'bs:all:total': '7' })
  })
}

async function largeAmounts (t: Test, open: OpenScene): Promise<void> {
  await t.test('the largest amounts are counted to the unit', async (t) => {
    const { reserve, settle, counted, expire, dump } = await open(t)
    const half = AMOUNT_MAX / 2
    const claim = (cost: number) => [budget(cost, AMOUNT_MAX)]
    t.match(await reserve('a#1', claim(half - 1)), { status: 'granted' })
    t.match(await reserve('b#1', claim(half + 2)), { status: 'denied', standings: [{ held: half - 1 }] })
    t.match(await reserve('b#1', claim(half + 1)), { status: 'granted' })
    t.same(await counted(), { 'br:day:d0': '4503599627370496' })
    t.match(await reserve('c#1', claim(1)), { status: 'denied', standings: [{ spent: 0, held: AMOUNT_MAX }] })
    await settle('a#1', charges(claim(0), half - 3))
    t.same(await counted(), { 'bs:day:d0': '2251799813685245', 'br:day:d0': '2251799813685249' })
    t.match(await reserve('c#1', claim(2)), { status: 'granted' })
    await settle('c#1', charges(claim(0), 2))
    await expire()
    t.same(await counted(), { 'bs:day:d0': '4503599627370496' })
    await settle('b#1', charges(claim(0), AMOUNT_MAX))
    t.same(await counted(), { 'bs:day:d0': '6755399441055743' }, 'also beyond the limit')
    t.match(await dump(TEAM), { 'br:day:d0': '0' })
  })

  await t.test('the fastest bucket is counted to the unit', async (t) => {
    const { reserve, settle, later, dump } = await open(t)
    const fast = (cost: number) => [rate(cost, { perMinute: 1_000_000_000, burst: 1_000_000_000 })]
    await reserve('a#1', fast(999_999_999))
    later(1)
    t.match(await reserve('b#1', fast(16_667)), { status: 'granted', standings: [{ level: 1_000_060_000 }] })
    await settle('a#1', charges(fast(0), AMOUNT_MAX))
    t.match(await dump(TEAM), { 'rl:rpm': '-60000000000000' })
    later(119_999)
    t.match(await reserve('c#1', fast(1_000_000_000)), { status: 'denied', standings: [{ level: 59_999_000_000_000 }] })
    later(1)
    t.match(await reserve('c#1', fast(1_000_000_000)), { status: 'granted' })
  })
}
