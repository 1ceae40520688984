import type { Test } from 'tap'
import { BIRTH_AHEAD_MS_MAX, BIRTH_MS_MAX, FINAL_MEMORY_MS } from '../../src/limits/store.ts'
import { BUCKET_UNITS, judge } from '../../src/limits/claim.ts'
import { budget, charges, MIDNIGHT_MS, place, rate, standingsOf, TEAM } from './limit-scene.ts'
import type { OpenScene } from './limit-contract.ts'

export async function reserveRules (t: Test, open: OpenScene): Promise<void> {
  await grants(t, open)
  await refusals(t, open)
  await births(t, open)
  await repetitions(t, open)
}

async function grants (t: Test, open: OpenScene): Promise<void> {
  await t.test('a grant tells what stood before it, and takes from every limit', async (t) => {
    const { reserve, dump, counted } = await open(t)
    const claims = [rate(3), place(2), budget(40, 100)]
    const reply = await reserve('a#1', claims)
    t.strictSame(reply, {
      version: 1,
      epoch: `${MIDNIGHT_MS}-a#1`,
      nowMs: MIDNIGHT_MS,
      holdUntilMs: 0,
      status: 'granted',
      repeated: false,
      standings: [{ kind: 'rate', level: 10 * BUCKET_UNITS }, { kind: 'concurrency', inFlight: 0 }, { kind: 'budget', window: 0, spent: 0, held: 0 }]
    })
    t.same(await counted(), { 'c:cc': '1', 'br:day:d0': '40' })
    t.match(await dump(TEAM), { 'rl:rpm': String(7 * BUCKET_UNITS), 'rt:rpm': String(MIDNIGHT_MS), 'held:a#1': String })
    const second = await reserve('b#1', claims)
    t.match(second, { version: 2, epoch: `${MIDNIGHT_MS}-a#1`, status: 'granted' })
    t.same(standingsOf(second), [{ kind: 'rate', level: 7 * BUCKET_UNITS }, { kind: 'concurrency', inFlight: 1 }, { kind: 'budget', window: 0, spent: 0, held: 40 }])
  })

  await t.test('what is left is granted to the last unit', async (t) => {
    const { reserve, counted } = await open(t)
    t.match(await reserve('a#1', [budget(60, 100), rate(4), place(2)]), { status: 'granted' })
    t.match(await reserve('b#1', [budget(41, 100), rate(6), place(2)]), { status: 'denied' })
    t.match(await reserve('b#1', [budget(40, 100), rate(7), place(2)]), { status: 'denied' })
    t.match(await reserve('b#1', [budget(40, 100), rate(6), place(1)]), { status: 'denied' })
    t.match(await reserve('b#1', [budget(40, 100), rate(6), place(2)]), { status: 'granted' })
    t.same(await counted(), { 'br:day:d0': '100', 'c:cc': '2' })
  })

  await t.test('no claims at all make a reservation that counts nowhere', async (t) => {
    const { reserve, settle, dump } = await open(t)
    t.match(await reserve('a#1', []), { status: 'granted', repeated: false, standings: [], version: 1 })
    t.same(Object.keys(await dump(TEAM)), ['held:a#1'])
    t.match(await settle('a#1', []), { status: 'settled', how: 'reserved' })
    t.same(await dump(TEAM), {})
  })

  await t.test('amounts of nothing are granted also where nothing is left', async (t) => {
    const { reserve, counted } = await open(t)
    t.match(await reserve('a#1', [budget(0, 0), rate(10)]), { status: 'granted' })
    t.match(await reserve('b#1', [budget(0, 0), rate(0)]), { status: 'granted' })
    t.match(await reserve('c#1', [place(0)]), { status: 'denied' })
    t.same(await counted(), {})
  })

  await t.test('checking decides and leaves no trace', async (t) => {
    const { reserve, dump, expire, later } = await open(t)
    const check = { mode: 'check' } as const
    t.match(await reserve('a#1', [rate(3), place(1), budget(40, 100)], check), { status: 'granted', repeated: false, version: 0, epoch: '' })
    t.same(await dump(TEAM), {})
    await reserve('a#1', [rate(3), place(2), budget(40, 100)])
    const before = await dump(TEAM)
    for (const rid of ['a#1', 'b#1']) {
      t.match(await reserve(rid, [rate(3), place(2), budget(60, 100)], check), { status: 'granted', repeated: false, version: 1, standings: [{}, { inFlight: 1 }, { held: 40 }] })
      t.match(await reserve(rid, [rate(3), place(2), budget(61, 100)], check), { status: 'denied', version: 1 })
      t.match(await reserve(rid, [budget(1, 100, [])], check), { status: 'stale', version: 1 })
    }
    later(60 * 60_000)
    t.match(await reserve('old#1', [place(2)], { ...check, bornMs: 0 }), { status: 'granted', standings: [{ inFlight: 1 }] }, 'whatever its birth, and nothing is swept')
    t.same(await dump(TEAM), before)
    t.match(await expire(), { swept: 1 })
  })

  await t.test('forcing takes without deciding', async (t) => {
    const { reserve, dump, counted } = await open(t)
    const force = { mode: 'force' } as const
    t.match(await reserve('a#1', [rate(8), place(1), budget(90, 100)]), { status: 'granted' })
    t.match(await reserve('b#1', [rate(8), place(1), budget(90, 100)], force), { status: 'granted', repeated: false, standings: [{ level: 2 * BUCKET_UNITS }, { inFlight: 1 }, { held: 90 }] })
    t.same(await counted(), { 'c:cc': '2', 'br:day:d0': '180' })
    t.match(await dump(TEAM), { 'rl:rpm': String(-6 * BUCKET_UNITS) })
    await reserve('c#1', [rate(8)], force)
    t.match(await dump(TEAM), { 'rl:rpm': String(-10 * BUCKET_UNITS) }, 'a bucket owes no more than it can hold')
    t.match(await reserve('d#1', [rate(0)]), { status: 'denied' })
    t.match(await reserve('b#1', [place(1)], force), { status: 'granted', repeated: true }, 'and it takes once')
  })
}

async function refusals (t: Test, open: OpenScene): Promise<void> {
  const limits = [rate(5), place(2), budget(40, 100)]
  const refused = [rate(6), place(1), budget(61, 100)]
  for (const [index, { kind }] of refused.entries()) {
    await t.test(`a request that a ${kind} refuses takes nothing from the others`, async (t) => {
      const { reserve, dump, later } = await open(t)
      await reserve('a#1', limits)
      const before = await dump(TEAM)
      later(1)
      const claims = limits.with(index, refused[index] ?? rate(0))
      const reply = await reserve('b#1', claims)
      t.match(reply, { status: 'denied', version: 1 })
      t.same(standingsOf(reply), [{ kind: 'rate', level: 5 * BUCKET_UNITS + 60 }, { kind: 'concurrency', inFlight: 1 }, { kind: 'budget', window: 0, spent: 0, held: 40 }])
      t.same(claims.map((claim, at) => judge(claim, standingsOf(reply)[at] as never, reply.nowMs).allows), [true, true, true].with(index, false))
      t.same(await dump(TEAM), before)
    })
  }

  await t.test('a refusal of a team that has nothing yet writes nothing', async (t) => {
    const { reserve, dump } = await open(t)
    t.match(await reserve('a#1', [rate(11), place(1)]), { status: 'denied', version: 0, epoch: '' })
    t.same(await dump(TEAM), {})
  })

  await t.test('a refused request may ask again under its id', async (t) => {
    const { reserve, counted } = await open(t)
    await reserve('a#1', [budget(101, 100)])
    t.match(await reserve('a#1', [budget(100, 100)]), { status: 'granted', repeated: false })
    t.same(await counted(), { 'br:day:d0': '100' })
  })

  await t.test('of many that ask at once as many are granted as there is room for', async (t) => {
    const { reserve, counted } = await open(t)
    const replies = await Promise.all(Array.from({ length: 50 }, (_, index) => reserve(`r${index}#1`, [budget(5, 100), place(30)])))
    t.equal(replies.filter(({ status }) => status === 'granted').length, 20)
    t.equal(replies.filter(({ status }) => status === 'denied').length, 30)
    t.same(await counted(), { 'br:day:d0': '100', 'c:cc': '20' })
  })

  for (const mode of ['check', 'reserve', 'force'] as const) {
    for (const cost of [0.5, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await t.test(`a claim of ${cost} is an error of whoever makes it (${mode})`, async (t) => {
        const { reserve, dump } = await open(t)
        await t.rejects(reserve('a#1', [place(1), rate(1), budget(cost, 100)], { mode }))
        t.same(await dump(TEAM), {})
      })
    }
  }
}

async function births (t: Test, open: OpenScene): Promise<void> {
  const cases = [
    { mode: 'reserve', ageMs: BIRTH_MS_MAX, status: 'granted' },
    { mode: 'reserve', ageMs: BIRTH_MS_MAX + 1, status: 'old' },
    { mode: 'reserve', ageMs: -BIRTH_AHEAD_MS_MAX, status: 'granted' },
    { mode: 'reserve', ageMs: -BIRTH_AHEAD_MS_MAX - 1, status: 'old' },
    { mode: 'force', ageMs: BIRTH_MS_MAX + 1, status: 'granted' },
    { mode: 'force', ageMs: FINAL_MEMORY_MS, status: 'granted' },
    { mode: 'force', ageMs: FINAL_MEMORY_MS + 1, status: 'old' },
    { mode: 'force', ageMs: -BIRTH_AHEAD_MS_MAX - 1, status: 'old' }
  ] as const
  for (const { mode, ageMs, status } of cases) {
    await t.test(`a request born ${ageMs} ms ago is ${status} (${mode})`, async (t) => {
      const { reserve, dump } = await open(t)
      t.match(await reserve('a#1', [place(1)], { mode, bornMs: MIDNIGHT_MS - ageMs }), { status })
      t.same(Object.keys(await dump(TEAM)).sort(), status === 'granted' ? ['c:cc', 'held:a#1'] : [])
    })
  }
}

async function repetitions (t: Test, open: OpenScene): Promise<void> {
  await t.test('a repeated reservation takes nothing more, and is counted in', async (t) => {
    const { reserve, dump } = await open(t)
    const claims = [rate(3), place(1), budget(60, 100)]
    await reserve('a#1', claims)
    const before = await dump(TEAM)
    for (const mode of ['reserve', 'force'] as const) {
      const reply = await reserve('a#1', claims, { mode })
      t.match(reply, { status: 'granted', repeated: true, version: 1 })
      t.same(standingsOf(reply), [{ kind: 'rate', level: 7 * BUCKET_UNITS }, { kind: 'concurrency', inFlight: 1 }, { kind: 'budget', window: 0, spent: 0, held: 60 }])
    }
    t.same(Object.keys(await dump(TEAM)), Object.keys(before))
    t.same(await dump(TEAM), before)
  })

  await t.test('of many repetitions at once one takes', async (t) => {
    const { reserve, counted } = await open(t)
    const replies = await Promise.all(Array.from({ length: 8 }, () => reserve('a#1', [budget(60, 100), place(1)])))
    t.same(replies.map((reply) => reply.status === 'granted' && reply.repeated).sort(), [false, ...Array<boolean>(7).fill(true)])
    t.same(await counted(), { 'br:day:d0': '60', 'c:cc': '1' })
  })

  await t.test('what is held may be asked for again at any age', async (t) => {
    const { reserve, renew, later } = await open(t)
    await reserve('a#1', [place(1)])
    for (let count = 0; count < 3; count++) {
      later(29_000)
      await renew(['a#1'])
    }
    t.match(await reserve('a#1', [place(1)]), { status: 'granted', repeated: true })
  })

  await t.test('a reservation that was voided before it came is never granted', async (t) => {
    const { reserve, settle, counted, later } = await open(t)
    const claims = [rate(3), place(1), budget(60, 100)]
    t.match(await settle('a#1', charges(claims, 0)), { status: 'settled', how: 'unreserved' })
    for (const mode of ['reserve', 'force'] as const) t.match(await reserve('a#1', claims, { mode }), { status: 'final' })
    later(BIRTH_MS_MAX + 1)
    t.match(await reserve('a#1', claims), { status: 'final' }, 'also when it is old')
    t.same(await counted(), {})
    t.match(await reserve('b#1', claims), { status: 'granted' })
  })

  await t.test('a settled reservation is final', async (t) => {
    const { reserve, settle, dump } = await open(t)
    const claims = [rate(3), place(1), budget(60, 100)]
    await reserve('a#1', claims)
    await settle('a#1', charges(claims, 50))
    const before = await dump(TEAM)
    for (const mode of ['reserve', 'force'] as const) t.match(await reserve('a#1', claims, { mode }), { status: 'final', version: 2 })
    t.same(await dump(TEAM), before)
  })

  await t.test('teams know nothing of each other', async (t) => {
    const { reserve, settle, store, dump, ledger, expire } = await open(t)
    const claims = [rate(3), place(1), budget(60, 100)]
    await reserve('a#1', claims)
    const before = await dump(TEAM)
    const other = { team: 'other' }
    t.match(await reserve('a#1', claims, other), { status: 'granted', repeated: false, version: 1 })
    t.same(await dump('other'), before)
    await reserve('b#1', [], other)
    await settle('a#1', charges(claims, 7), other)
    t.match(await store.hold({ team: 'other', durationMs: 1_000 }), { version: 4 })
    t.same(await dump(TEAM), before)
    t.same(await ledger(TEAM), [])
    const otherBefore = await dump('other')
    t.match(await expire(), { swept: 1, version: 2, holdUntilMs: 0 })
    t.same(await dump('other'), otherBefore)
  })
}
