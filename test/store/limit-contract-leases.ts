import type { Test } from 'tap'
import {
  BIRTH_AHEAD_MS_MAX, FINAL_GRACE_MS, FINAL_MEMORY_MS, LEASE_MS, RENEW_RESERVATIONS_MAX, SWEEP_RESERVATIONS_MAX
} from '../../src/limits/store.ts'
import { BUCKET_UNITS } from '../../src/limits/claim.ts'
import { budget, charges, MIDNIGHT_MS, place, rate, TEAM } from './limit-scene.ts'
import type { OpenScene } from './limit-contract.ts'

export async function leaseRules (t: Test, open: OpenScene): Promise<void> {
  await expiry(t, open)
  await sweeping(t, open)
  await renewal(t, open)
}

async function expiry (t: Test, open: OpenScene): Promise<void> {
  await t.test('a lease ends to the millisecond, and what it held is charged in full', async (t) => {
    const { reserve, renew, later, counted, dump, ledger } = await open(t)
    await reserve('a#1', [rate(5), place(2), budget(60, 100)])
    later(LEASE_MS - 1)
    t.match(await renew(), { swept: 0, unknown: [], version: 1 })
    t.same(await counted(), { 'c:cc': '1', 'br:day:d0': '60' })
    const before = await dump(TEAM)
    later(1)
    t.strictSame(await renew(), { version: 2, epoch: `${MIDNIGHT_MS}-a#1`, nowMs: MIDNIGHT_MS + LEASE_MS, holdUntilMs: 0, unknown: [], swept: 1 })
    t.same(await counted(), { 'bs:day:d0': '60' })
    const after = await dump(TEAM)
    t.match(after, { 'expired:a#1': String, 'rl:rpm': before['rl:rpm'], 'rt:rpm': before['rt:rpm'] })
    t.notOk('held:a#1' in after)
    t.match(await renew(), { swept: 0, version: 2 })
    t.same(await ledger(TEAM), ['a'])
  })

  await t.test('what has expired is not granted again', async (t) => {
    const { reserve, expire, dump } = await open(t)
    await reserve('a#1', [place(2)])
    await expire()
    const before = await dump(TEAM)
    for (const mode of ['reserve', 'force'] as const) t.match(await reserve('a#1', [place(2)], { mode }), { status: 'expired', version: 2 })
    t.same(await dump(TEAM), before)
  })

  await t.test('a reservation asked for again has a new lease', async (t) => {
    const { reserve, renew, later } = await open(t)
    for (const mode of ['reserve', 'force'] as const) {
      await reserve(`${mode}#1`, [place(2)])
      later(LEASE_MS - 1)
      t.match(await reserve(`${mode}#1`, [place(2)], { mode }), { status: 'granted', repeated: true })
      later(LEASE_MS - 1)
      t.match(await renew(), { swept: 0 })
      later(1)
      t.match(await renew(), { swept: 1 })
    }
  })

  await t.test('the lease of a reservation runs on while it is checked', async (t) => {
    const { reserve, renew, later } = await open(t)
    await reserve('a#1', [place(2)])
    later(LEASE_MS - 1)
    await reserve('a#1', [place(2)], { mode: 'check' })
    later(1)
    t.match(await renew(), { swept: 1 })
  })

  for (const aheadMs of [0, BIRTH_AHEAD_MS_MAX, -BIRTH_AHEAD_MS_MAX]) {
    await t.test(`an expired reservation is forgotten when nobody may settle it any more (born ${aheadMs} ms ahead)`, async (t) => {
      const { reserve, renew, counted, dump, now, settle } = await open(t)
      const bornMs = MIDNIGHT_MS + aheadMs
      await reserve('a#1', [place(2), budget(60, 100)], { bornMs, mode: 'force' })
      now.set(MIDNIGHT_MS + LEASE_MS)
      await renew()
      const forgottenMs = Math.max(MIDNIGHT_MS + LEASE_MS, bornMs) + FINAL_MEMORY_MS + FINAL_GRACE_MS
      now.set(forgottenMs - 1)
      t.match(await renew(['a#1']), { swept: 0, unknown: [], version: 2 })
      now.set(forgottenMs)
      t.match(await renew(['a#1']), { swept: 1, unknown: ['a#1'], version: 3 })
      t.same(await counted(), { 'bs:day:d0': '60' })
      t.notOk('expired:a#1' in await dump(TEAM))
      now.set(forgottenMs + 1)
      t.match(await settle('a#1', charges([place(2), budget(60, 100)], 1), { bornMs }), { status: 'old' })
      t.same(await counted(), { 'bs:day:d0': '60' })
    })
  }
}

async function sweeping (t: Test, open: OpenScene): Promise<void> {
  await t.test('leases end a few at a time, the longest overdue first', async (t) => {
    const { reserve, renew, later, dump, counted } = await open(t)
    // The order of their ends is neither that of their names nor that of their grants.
    const rids = Array.from({ length: 70 }, (_, index) => `r${String((index * 37) % 70).padStart(2, '0')}#1`)
    for (const [index, rid] of rids.entries()) {
      if (index % 10 === 0) later(1)
      await reserve(rid, [place(100), budget(1, 100)])
    }
    const renewed = rids.slice(0, 10)
    later(1)
    await renew(renewed)
    const groups = [...Array.from({ length: 6 }, (_, group) => rids.slice(10 * group + 10, 10 * group + 20)), renewed]
    const inOrder = groups.flatMap((group) => group.toSorted())
    later(LEASE_MS)
    for (const swept of [32, 32, 6, 0]) {
      t.match(await renew(), { swept })
      const expired = Object.keys(await dump(TEAM)).filter((field) => field.startsWith('expired:')).map((field) => field.slice(8))
      t.same(expired.sort(), inOrder.slice(0, expired.length).sort())
      const held = String(70 - expired.length)
      t.same(await counted(), { 'bs:day:d0': String(expired.length), ...(held === '0' ? {} : { 'c:cc': held, 'br:day:d0': held }) })
    }
  })

  await t.test('every lease that ends is a version', async (t) => {
    const { reserve, expire, renew } = await open(t)
    for (let index = 0; index < 40; index++) await reserve(`r${index}#1`, [])
    t.match(await expire(), { version: 40 + SWEEP_RESERVATIONS_MAX, swept: SWEEP_RESERVATIONS_MAX })
    t.match(await renew(), { version: 80, swept: 8 })
  })

  await t.test('whoever reserves clears away first what stands in the way', async (t) => {
    const { reserve, later, counted } = await open(t)
    await reserve('a#1', [place(1)])
    later(LEASE_MS)
    t.match(await reserve('b#1', [place(1)], { mode: 'check' }), { status: 'denied', version: 1 })
    t.match(await reserve('b#1', [place(1)], { bornMs: MIDNIGHT_MS }), { status: 'granted', version: 3, standings: [{ inFlight: 0 }] })
    t.same(await counted(), { 'c:cc': '1' })
  })

  await t.test('a request that is refused has cleared away all the same', async (t) => {
    const { reserve, later, counted } = await open(t)
    await reserve('a#1', [place(1), budget(60, 100)])
    later(LEASE_MS)
    t.match(await reserve('b#1', [budget(60, 100)]), { status: 'denied', version: 2, standings: [{ spent: 60, held: 0 }] })
    t.same(await counted(), { 'bs:day:d0': '60' })
  })
}

async function renewal (t: Test, open: OpenScene): Promise<void> {
  await t.test('a renewed lease runs anew, and nothing else changes', async (t) => {
    const { reserve, renew, later, dump } = await open(t)
    const claims = [rate(1), place(2), budget(10, 100)]
    for (const rid of ['a#1', 'b#1']) await reserve(rid, claims)
    const before = await dump(TEAM)
    for (let count = 0; count < 10; count++) {
      later(LEASE_MS - 1)
      t.match(await renew(['a#1', 'b#1']), { version: 2, swept: 0, unknown: [] })
    }
    t.same(await dump(TEAM), before)
    later(LEASE_MS - 1)
    await renew(['b#1'])
    later(1)
    t.match(await renew(), { swept: 1 })
    t.ok('held:b#1' in await dump(TEAM))
  })

  await t.test('what is due is ended before it could be renewed', async (t) => {
    const { reserve, renew, later } = await open(t)
    await reserve('a#1', [place(2)])
    later(LEASE_MS)
    t.match(await renew(['a#1']), { swept: 1, unknown: [] })
  })

  await t.test('only what the store has never heard of is unknown', async (t) => {
    const { reserve, settle, renew, expire } = await open(t)
    for (const rid of ['expired#1', 'settled#1']) await reserve(rid, [])
    await settle('settled#1', [])
    await expire()
    await reserve('held#1', [])
    await settle('void#1', [])
    const rids = ['x#1', 'held#1', 'settled#1', 'y#1', 'expired#1', 'void#1', 'held#2']
    t.match(await renew(rids), { unknown: ['x#1', 'y#1', 'held#2'] })
  })

  await t.test('more than one call may renew is an error', async (t) => {
    const { renew } = await open(t)
    const rids = (count: number): string[] => Array.from({ length: count }, (_, index) => `r${index}#1`)
    t.equal((await renew(rids(RENEW_RESERVATIONS_MAX))).unknown.length, RENEW_RESERVATIONS_MAX)
    await t.rejects(renew(rids(RENEW_RESERVATIONS_MAX + 1)), RangeError)
  })

  await t.test('a team of which nothing is kept knows nothing', async (t) => {
    const { renew, dump } = await open(t)
    t.strictSame(await renew(['a#1']), { version: 0, epoch: '', nowMs: MIDNIGHT_MS, holdUntilMs: 0, unknown: ['a#1'], swept: 0 })
    t.same(await dump(TEAM), {})
  })

  await t.test('what was lost is put back by force', async (t) => {
    const { reserve, renew, settle, counted, later, dump } = await open(t)
    const claims = [rate(5), place(1), budget(60, 100)]
    const bornMs = MIDNIGHT_MS - 600_000
    t.match(await renew(['a#1']), { unknown: ['a#1'] })
    t.match(await reserve('a#1', claims, { mode: 'force', bornMs }), { status: 'granted', repeated: false })
    t.match(await renew(['a#1']), { unknown: [] })
    t.same(await counted(), { 'c:cc': '1', 'br:day:d0': '60' })
    t.match(await dump(TEAM), { 'rl:rpm': String(5 * BUCKET_UNITS) })
    later(1_000)
    t.match(await settle('a#1', charges(claims, 5), { bornMs }), { status: 'settled', how: 'reserved' })
    t.same(await counted(), { 'bs:day:d0': '5' })
  })
}
