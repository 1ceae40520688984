import type { Test } from 'tap'
import { BIRTH_AHEAD_MS_MAX, FINAL_MEMORY_MS } from '../../src/limits/store.ts'
import { BUCKET_UNITS } from '../../src/limits/claim.ts'
import { budget, charges, MIDNIGHT_MS, place, rate, recordOf, TEAM } from './limit-scene.ts'
import type { Charge } from '../../src/limits/store.ts'
import type { OpenScene } from './limit-contract.ts'

export async function settleRules (t: Test, open: OpenScene): Promise<void> {
  await amounts(t, open)
  await once(t, open)
  await errors(t, open)
}

const claims = [rate(5), place(3), budget(40, 100)]
const record = recordOf({ requestId: 'a' })

async function amounts (t: Test, open: OpenScene): Promise<void> {
  const cases = [
    { name: 'less than was held is charged, and the rest comes back', cost: 2, level: 8, spent: { 'bs:day:d0': '2' } },
    { name: 'all that was held is charged', cost: 5, level: 5, spent: { 'bs:day:d0': '5' } },
    { name: 'more than was held is charged too, beyond every limit', cost: 120, level: -10, spent: { 'bs:day:d0': '120' } },
    { name: 'a void gives everything back', cost: 0, level: 10, spent: {} }
  ]
  for (const { name, cost, level, spent } of cases) {
    await t.test(name, async (t) => {
      const { reserve, settle, counted, dump, ledger } = await open(t)
      await reserve('a#1', claims)
      const reply = await settle('a#1', charges(claims, cost), { record: cost === 0 ? undefined : record })
      t.strictSame(reply, { version: 2, epoch: `${MIDNIGHT_MS}-a#1`, nowMs: MIDNIGHT_MS, holdUntilMs: 0, status: 'settled', how: 'reserved' })
      t.same(await counted(), spent)
      t.match(await dump(TEAM), { 'rl:rpm': String(level * BUCKET_UNITS) })
      t.notOk('held:a#1' in await dump(TEAM))
      t.same(await ledger(TEAM), cost === 0 ? [] : ['a'])
    })
  }

  await t.test('what comes back to a bucket never lifts it above its burst', async (t) => {
    const { reserve, settle, dump, later } = await open(t)
    await reserve('a#1', [rate(5)])
    later(4_000)
    await settle('a#1', charges([rate(5)], 1))
    t.match(await dump(TEAM), { 'rl:rpm': String(10 * BUCKET_UNITS), 'rt:rpm': String(MIDNIGHT_MS + 4_000) })
  })

  await t.test('a bucket in debt pays it off before it grants again', async (t) => {
    const { reserve, settle, later } = await open(t)
    await reserve('a#1', [rate(10)])
    await settle('a#1', charges([rate(10)], 14))
    t.match(await reserve('b#1', [rate(1)]), { status: 'denied', standings: [{ level: -4 * BUCKET_UNITS }] })
    later(4_999)
    t.match(await reserve('b#1', [rate(1)]), { status: 'denied' })
    later(1)
    t.match(await reserve('b#1', [rate(1)]), { status: 'granted' })
  })

  await t.test('each claim is charged with its own amount, in the window it was admitted in', async (t) => {
    const { reserve, settle, counted } = await open(t)
    const more = [budget(60, 100), place(1, 'c1'), place(1, 'c2'), { ...budget(7, 100), id: 'key' }]
    await reserve('a#1', more)
    t.same(await counted(), { 'br:day:d0': '60', 'br:key:d0': '7', 'c:c1': '1', 'c:c2': '1' })
    const used: Charge[] = [
      { kind: 'budget', id: 'day', windowId: 'another', cost: 59 },
      { kind: 'concurrency', id: 'c1' },
      { kind: 'concurrency', id: 'c2' },
      { kind: 'budget', id: 'key', windowId: 'd0', cost: 8 }
    ]
    await settle('a#1', used)
    t.same(await counted(), { 'bs:day:d0': '59', 'bs:key:d0': '8' })
  })

  await t.test('a settlement of what nobody knows of charges budgets alone', async (t) => {
    const { settle, counted, dump, ledger } = await open(t)
    t.match(await settle('a#1', charges(claims, 30), { record }), { status: 'settled', how: 'unreserved', version: 1, epoch: `${MIDNIGHT_MS}-a#1` })
    t.same(await counted(), { 'bs:day:d0': '30' })
    t.notOk('rl:rpm' in await dump(TEAM))
    t.same(await ledger(TEAM), ['a'])
  })

  await t.test('a settlement after the lease ran out corrects what was charged, up or down', async (t) => {
    const { reserve, settle, counted, dump, expire, ledger } = await open(t)
    for (const rid of ['a#1', 'b#1', 'c#1']) await reserve(rid, [rate(1), place(3), budget(20, 100)])
    await expire()
    t.same(await counted(), { 'bs:day:d0': '60' })
    const { 'rl:rpm': level } = await dump(TEAM)
    const late = [rate(1), place(3), budget(20, 100)]
    t.match(await settle('a#1', charges(late, 5), { record }), { status: 'settled', how: 'late' })
    t.same(await counted(), { 'bs:day:d0': '45' })
    t.match(await settle('b#1', charges(late, 50), { record: recordOf({ requestId: 'b' }) }), { how: 'late' })
    t.same(await counted(), { 'bs:day:d0': '75' })
    t.match(await settle('c#1', charges(late, 0)), { how: 'late' })
    t.same(await counted(), { 'bs:day:d0': '55' })
    t.match(await dump(TEAM), { 'rl:rpm': level })
    t.same(Object.keys(await dump(TEAM)).filter((field) => field.includes('#')), [])
    t.same(await ledger(TEAM), ['a', 'b'])
  })
}

async function once (t: Test, open: OpenScene): Promise<void> {
  await t.test('a repeated settlement changes nothing', async (t) => {
    const { reserve, settle, dump, ledger } = await open(t)
    await reserve('a#1', claims)
    await reserve('b#1', [place(3)])
    await settle('a#1', charges(claims, 50), { record })
    const before = await dump(TEAM)
    for (const cost of [50, 0, 99]) t.match(await settle('a#1', charges(claims, cost), { record }), { status: 'repeated', version: 3 })
    t.same(await dump(TEAM), before)
    t.same(await ledger(TEAM), ['a'])
  })

  await t.test('of many settlements at once one counts', async (t) => {
    const { reserve, settle, counted, ledger } = await open(t)
    await reserve('a#1', claims)
    const replies = await Promise.all([1, 2, 3, 4, 5].map((cost) => settle('a#1', charges(claims, cost), { record })))
    t.same(replies.map(({ status }) => status).sort(), ['repeated', 'repeated', 'repeated', 'repeated', 'settled'])
    t.match((await counted())['bs:day:d0'], /^[1-5]$/)
    t.same(await ledger(TEAM), ['a'])
  })

  await t.test('the ledger keeps the order of settlements', async (t) => {
    const { reserve, settle, ledger } = await open(t)
    const ids = ['q', 'b', 'z', 'a', 'm']
    for (const id of ids.toSorted()) await reserve(`${id}#1`, [place(9)])
    for (const id of ids) await settle(`${id}#1`, charges([place(9)], 0), { record: recordOf({ requestId: id }) })
    t.same(await ledger(TEAM), ids)
    t.same(await ledger('other'), [])
  })

  const ages = [
    { ageMs: FINAL_MEMORY_MS, status: 'settled' },
    { ageMs: FINAL_MEMORY_MS + 1, status: 'old' },
    { ageMs: -BIRTH_AHEAD_MS_MAX, status: 'settled' },
    { ageMs: -BIRTH_AHEAD_MS_MAX - 1, status: 'old' }
  ]
  for (const { ageMs, status } of ages) {
    await t.test(`a settlement of a request born ${ageMs} ms ago is ${status}`, async (t) => {
      const { settle, counted, ledger } = await open(t)
      t.match(await settle('a#1', charges(claims, 30), { bornMs: MIDNIGHT_MS - ageMs, record }), { status, version: status === 'old' ? 0 : 1 })
      t.same(await counted(), status === 'old' ? {} : { 'bs:day:d0': '30' })
      t.same(await ledger(TEAM), status === 'old' ? [] : ['a'])
    })
  }

  await t.test('a settlement is remembered until its request is old', async (t) => {
    const { settle, later } = await open(t)
    await settle('a#1', charges(claims, 30))
    later(FINAL_MEMORY_MS)
    t.match(await settle('a#1', charges(claims, 30)), { status: 'repeated' })
    later(1)
    t.match(await settle('a#1', charges(claims, 30)), { status: 'old' })
  })

  await t.test('versions grow with every step that changes anything, and with no other', async (t) => {
    const { reserve, settle, renew, store, later } = await open(t)
    const used = charges([place(1)], 0)
    const steps = [
      async () => [0, await reserve('a#1', [place(1)], { mode: 'check' })] as const,
      async () => [1, await reserve('a#1', [place(1)])] as const,
      async () => [1, await reserve('a#1', [place(1)])] as const,
      async () => [1, await reserve('b#1', [place(1)])] as const,
      async () => [1, await renew(['a#1', 'x#1'])] as const,
      async () => [2, await reserve('b#1', [place(1)], { mode: 'force' })] as const,
      async () => [3, await settle('a#1', used)] as const,
      async () => [3, await settle('a#1', used)] as const,
      async () => [3, await reserve('a#1', [place(1)])] as const,
      async () => [4, await settle('v#1', used)] as const,
      async () => [5, await store.hold({ team: TEAM, durationMs: 1 })] as const,
      async () => [5, await settle('o#1', used, { bornMs: 0 })] as const,
      async () => [6, (later(30_000), await renew())] as const,
      async () => [6, await renew()] as const,
      async () => [7, await settle('b#1', used)] as const
    ]
    for (const [index, step] of steps.entries()) {
      const [version, reply] = await step()
      t.equal(reply.version, version, `step ${index}`)
      t.equal(reply.epoch, version === 0 ? '' : `${MIDNIGHT_MS}-a#1`)
    }
  })
}

async function errors (t: Test, open: OpenScene): Promise<void> {
  const good = charges(claims, 9)
  const [flow, room, day] = good as [Charge, Charge, Charge]
  const wrong: Record<string, readonly Charge[]> = {
    'one too few': [flow, room],
    'one too many': [...good, room],
    none: [],
    'in another order': [room, flow, day],
    'of another limit': [flow, room, { kind: 'budget', id: 'month', windowId: 'd0', cost: 9 }],
    'of another kind': [flow, room, { kind: 'concurrency', id: 'day' }],
    'a fraction': [flow, room, { kind: 'budget', id: 'day', windowId: 'd0', cost: 0.5 }],
    negative: [flow, room, { kind: 'budget', id: 'day', windowId: 'd0', cost: -1 }],
    'no number': [flow, room, { kind: 'budget', id: 'day', windowId: 'd0', cost: Number.NaN }]
  }
  for (const [name, used] of Object.entries(wrong)) {
    await t.test(`charges that cannot be are an error that changes nothing: ${name}`, async (t) => {
      const { reserve, settle, dump, ledger, counted, expire } = await open(t)
      for (const rid of ['a#1', 'b#1']) await reserve(rid, claims)
      const before = await dump(TEAM)
      await t.rejects(settle('a#1', used, { record }))
      t.same(await dump(TEAM), before)
      t.same(await ledger(TEAM), [])
      t.match(await settle('a#1', good, { record }), { status: 'settled', how: 'reserved', version: 3 }, 'the right ones still count')
      await expire()
      const expired = await dump(TEAM)
      await t.rejects(settle('b#1', used, { record }), 'also when they come late')
      t.same(await dump(TEAM), expired)
      t.same(await ledger(TEAM), ['a', 'b'])
      t.same(await counted(), { 'bs:day:d0': '49' })
    })
  }

  await t.test('a birth that is no whole number is an error, and fails nobody beside it', async (t) => {
    const { reserve, settle, dump } = await open(t)
    await reserve('a#1', claims)
    const before = await dump(TEAM)
    for (const bornMs of [MIDNIGHT_MS + 0.5, Number.NaN]) {
      const other = settle('other#1', [])
      await t.rejects(settle('a#1', good, { bornMs }), TypeError)
      await t.rejects(reserve('b#1', claims, { bornMs }), TypeError)
      t.match(await other, { version: Number })
    }
    t.match(await dump(TEAM), { 'held:a#1': before['held:a#1'] })
  })
}
