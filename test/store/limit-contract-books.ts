import type { Test } from 'tap'
import { budget, charges, expiryOf, place, recordOf, TEAM } from './limit-scene.ts'
import { NO_END } from '../../src/limits/claim.ts'
import { inOrder, readAll, sumUp } from './usage-contract.ts'
import { reservationId } from '../../src/limits/store.ts'
import type { LedgerRecord, ListQuery } from '../../src/metering/ledger.ts'
import type { OpenScene } from './limit-contract.ts'
import type { Scene } from './limit-scene.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Real time: a store may list by a clock of its own. */
const NOW_MS = Date.now()
const ALWAYS = { id: 'always', startMs: 0, endMs: NO_END, amount: 1_000_000 }
const ALL = { team: TEAM, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 1_000 } as const

export async function bookRules (t: Test, openScene: OpenScene): Promise<void> {
  const open: OpenScene = async (t) => {
    const scene = await openScene(t)
    scene.now.set(NOW_MS)
    return scene
  }
  await expiries(t, open)
  await sums(t, open)
  await requests(t, open)
  await lists(t, open)
}

function requestIdOf (number: number): string {
  const hex = NOW_MS.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(number).padStart(12, '0')}`
}

async function hoursOf ({ usage }: Scene): Promise<object[]> {
  return inOrder(await readAll(usage, TEAM, [NOW_MS - 2 * DAY_MS, NOW_MS + 2 * DAY_MS]))
}

async function recordsOf ({ records }: Scene, changes: Partial<ListQuery> = {}): Promise<LedgerRecord[]> {
  return (await records.list({ ...ALL, ...changes })).map(({ record }) => record)
}

async function expiries (t: Test, open: OpenScene): Promise<void> {
  const claims = [place(3), budget(100, 1_000, [ALWAYS])]
  const [rid, requestId] = [reservationId(requestIdOf(1), 1), requestIdOf(1)]
  const expiry = expiryOf(rid, { timeMs: NOW_MS, costNano: 100 })
  const settled = recordOf({ requestId, timeMs: NOW_MS - 7 * HOUR_MS, keyId: 'other', costNano: 30 })

  async function expired (t: Test): Promise<Scene> {
    const scene = await open(t)
    await scene.reserve(rid, claims, { expiry })
    t.same([await recordsOf(scene), await hoursOf(scene)], [[], []])
    await scene.expire()
    t.strictSame(await recordsOf(scene), [expiry])
    t.strictSame(await scene.records.find(requestId, TEAM), [expiry])
    t.strictSame(await hoursOf(scene), sumUp([expiry]))
    return scene
  }

  await t.test('a lease that ends writes what was to be written, once', async (t) => {
    const scene = await expired(t)
    await scene.renew([rid])
    await scene.reserve(rid, claims, { expiry: { ...expiry, costNano: 9 } })
    scene.later(LONG_MS)
    t.match(await scene.renew(), { swept: 1 })
    t.strictSame([await recordsOf(scene), await hoursOf(scene)], [[expiry], sumUp([expiry])])
    t.strictSame(await scene.records.find(requestId, TEAM), [expiry], 'also when nobody can correct it any more')
  })

  await t.test('a late settlement takes the place of what was written, in another hour if need be', async (t) => {
    const scene = await expired(t)
    t.match(await scene.settle(rid, charges(claims, 30), { record: settled }), { how: 'late' })
    for (let time = 0; time < 2; time++) {
      t.strictSame([await recordsOf(scene), await hoursOf(scene)], [[settled], sumUp([settled])])
      t.strictSame(await scene.records.find(requestId, TEAM), [settled])
      t.match(await scene.settle(rid, charges(claims, 30), { record: settled }), { status: 'repeated' })
    }
  })

  await t.test('a late void takes back what was written', async (t) => {
    const scene = await expired(t)
    t.match(await scene.settle(rid, charges(claims, 0)), { how: 'late' })
    t.strictSame([await recordsOf(scene), await hoursOf(scene), await scene.records.find(requestId, TEAM)], [[], [], []])
    t.same(await scene.counted(), {})
  })

  await t.test('a lease of no request’s ends without a word', async (t) => {
    const scene = await open(t)
    await scene.reserve(rid, claims, { expiry: undefined })
    await scene.expire()
    t.same(await scene.counted(), { 'bs:day:always': '100' })
    t.same([await recordsOf(scene), await hoursOf(scene)], [[], []])
    t.match(await scene.settle(rid, charges(claims, 30), { record: settled }), { how: 'late' })
    t.strictSame([await recordsOf(scene), await hoursOf(scene)], [[settled], sumUp([settled])])
  })

  await t.test('a record that cannot be counted is an error that changes nothing', async (t) => {
    const scene = await open(t)
    await t.rejects(scene.reserve(rid, claims, { expiry: { ...expiry, costNano: 0.5 } }), TypeError)
    await scene.reserve(rid, claims, { expiry })
    const before = await scene.dump(TEAM)
    await t.rejects(scene.settle(rid, charges(claims, 1), { record: { ...settled, durationMs: NaN } }), TypeError)
    t.same(await scene.dump(TEAM), before)
  })
}

/** Until an expired reservation is forgotten. */
const LONG_MS = 3 * HOUR_MS

async function sums (t: Test, open: OpenScene): Promise<void> {
  await t.test('after every step the hours are the sums of the records', async (t) => {
    const scene = await open(t)
    const claims = [budget(10, 1_000, [ALWAYS])]
    const outcomes = ['completed', 'failed', 'cut', 'client_closed'] as const
    for (let number = 0; number < 60; number++) {
      const rid = reservationId(requestIdOf(number), 1 + number % 21)
      const timeMs = NOW_MS - number % 5 * HOUR_MS / 2
      await scene.reserve(rid, claims, { expiry: expiryOf(rid, { timeMs, keyId: `k${number % 3}`, currency: number % 4 === 0 ? undefined : 'CNY' }) })
      const record = recordOf({
        requestId: requestIdOf(number),
        timeMs: timeMs - number % 2 * HOUR_MS,
        keyId: `k${number % 3}`,
        model: number % 7 === 0 ? 'a/b:c@d' : 'qwen-plus',
        outcome: outcomes[number % 4] ?? 'cut',
        superseded: number % 5 === 1,
        firstContentMs: number % 3 === 0 ? undefined : number * 100,
        durationMs: number * 3_200,
        costNano: number,
        currency: number % 4 === 0 ? undefined : 'CNY'
      })
      if (number % 9 === 5) await scene.expire()
      if (number % 4 !== 2) await scene.settle(rid, charges(claims, number), { record })
      const records = await recordsOf(scene)
      t.strictSame(await hoursOf(scene), sumUp(records), `after ${number}`)
    }
    t.ok((await recordsOf(scene)).some(({ outcome }) => outcome === 'expired'))
  })

  await t.test('sums are exact up to the largest number, also where something is taken out of them', async (t) => {
    const scene = await open(t)
    const half = 2 ** 52
    const settle = async (number: number, costNano: number): Promise<unknown> =>
      await scene.settle(reservationId(requestIdOf(number), 1), [], { record: recordOf({ timeMs: NOW_MS, costNano, durationMs: costNano }) })
    const rid = reservationId(requestIdOf(3), 1)
    await settle(1, half)
    await scene.reserve(rid, [], { expiry: expiryOf(rid, { timeMs: NOW_MS, costNano: half - 1 }) })
    await scene.expire()
    t.match(await hoursOf(scene), [{ counts: { costNano: 2 ** 53 - 1, durationMs: half } }])
    await scene.settle(rid, [], { record: undefined })
    await settle(2, half - 2)
    t.match(await hoursOf(scene), [{ counts: { costNano: 2 ** 53 - 2, durationMs: 2 ** 53 - 2, requests: 2 } }])
  })

  await t.test('hours are read as they come, from the first that begins in a range to the last', async (t) => {
    const scene = await open(t)
    const first = Math.floor(NOW_MS / DAY_MS) * DAY_MS - HOUR_MS
    const times = [26, 3, 0, 1, 24, 2, 25, 48].map((hours) => first + hours * HOUR_MS)
    for (const [number, timeMs] of times.entries()) {
      for (const keyId of ['k2', 'k1']) {
        await scene.settle(reservationId(requestIdOf(number), keyId === 'k1' ? 1 : 2), [], { record: recordOf({ timeMs: timeMs + 1_234_567, keyId }) })
      }
    }
    const read = async (fromMs: number, toMs: number): Promise<number[]> => (await readAll(scene.usage, TEAM, [fromMs, toMs])).map(({ hourMs }) => (hourMs - first) / HOUR_MS)
    t.same(await read(first, first + 49 * HOUR_MS), [0, 0, 1, 1, 2, 2, 3, 3, 24, 24, 25, 25, 26, 26, 48, 48])
    t.same(await read(first + HOUR_MS, first + 25 * HOUR_MS), [1, 1, 2, 2, 3, 3, 24, 24])
    t.same(await read(first + 1, first + HOUR_MS + 1), [1, 1])
    t.same(await read(first + 4 * HOUR_MS, first + 24 * HOUR_MS), [])
    t.same(await read(first, first), [])
    t.same(await readAll(scene.usage, 'other', [first, first + DAY_MS]), [])
    await t.rejects(readAll(scene.usage, TEAM, [0, Number.MAX_SAFE_INTEGER]), RangeError)
  })
}

async function requests (t: Test, open: OpenScene): Promise<void> {
  await t.test('all records of a request are found, in the order of its attempts', async (t) => {
    const scene = await open(t)
    const requestId = requestIdOf(7)
    const attempts = [3, 1, 2].map((attempt) => recordOf({ requestId, timeMs: NOW_MS, attempt, superseded: attempt < 3 }))
    for (const record of attempts) {
      await scene.settle(reservationId(requestId, record.attempt * 7), [], { record })
    }
    await scene.reserve(reservationId(requestId, 2), [], { expiry: expiryOf('x#2', { requestId, timeMs: NOW_MS, attempt: 4 }) })
    await scene.settle(reservationId(requestId, 3), [], { record: undefined })
    await scene.expire()
    t.match(await scene.records.find(requestId, TEAM), [{ attempt: 1 }, { attempt: 2 }, { attempt: 3 }, { attempt: 4, outcome: 'expired' }])
    t.same(await scene.records.find(requestId, 'other'), [])
    t.match(await hoursOf(scene), [{ counts: { requests: 2, errors: 1 } }], 'two attempts are of a request that another record counts')
  })
}

async function lists (t: Test, open: OpenScene): Promise<void> {
  /** In an order of times that is not that in which they are written. */
  async function filled (t: Test, count: number): Promise<Scene> {
    const scene = await open(t)
    const settlements = Array.from({ length: count }, async (_, number) => await scene.settle(reservationId(requestIdOf(number), 1), [], {
      record: recordOf({ requestId: requestIdOf(number), timeMs: NOW_MS - number % 4 * HOUR_MS, costNano: number })
    }))
    await Promise.all(settlements)
    return scene
  }

  await t.test('the latest that was written comes first, page by page, without gaps or repetitions', async (t) => {
    const count = 1_100
    const { records } = await filled(t, count)
    const seen: LedgerRecord[] = []
    let before: string | undefined
    for (let pages = 0; pages < 20; pages++) {
      const page = await records.list({ ...ALL, limit: 150, ...before !== undefined && { before } })
      const cursors = page.map(({ cursor }) => cursor)
      t.same(cursors, cursors.toSorted().reverse())
      t.ok(page.every(({ cursor }) => /^\d{13}-\d{6,}-l-search$/.test(cursor) && (before === undefined || cursor < before)))
      seen.push(...page.map(({ record }) => record))
      before = cursors.at(-1) ?? before
      if (page.length < 150) break
    }
    t.same(seen.map(({ costNano }) => costNano), Array.from({ length: count }, (_, index) => count - 1 - index))
    t.same((await records.list({ ...ALL, team: 'other' })).length, 0)
    t.same((await records.list({ ...ALL, limit: 0 })).length, 0)
  })

  await t.test('requests of a range of time are listed, whenever their records were written', async (t) => {
    const scene = await filled(t, 40)
    const hours = async (fromMs: number, toMs: number): Promise<number[]> =>
      [...new Set((await recordsOf(scene, { fromMs, toMs })).map(({ timeMs }) => (NOW_MS - timeMs) / HOUR_MS))].sort()
    t.same(await hours(NOW_MS, NOW_MS + 1), [0])
    t.same(await hours(NOW_MS - 2 * HOUR_MS, NOW_MS), [1, 2])
    t.same(await hours(NOW_MS - 9 * HOUR_MS, NOW_MS - 4 * HOUR_MS), [])
    t.equal((await recordsOf(scene, { fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS })).length, 10)
    t.equal((await recordsOf(scene, { fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS, limit: 3 })).length, 3)
    const all = await scene.records.list(ALL)
    const [, second] = all
    const elsewhere = `${String(second?.cursor).slice(0, 13)}-99999999999999999999-r-zebra`
    t.same(await scene.records.list({ ...ALL, before: elsewhere }), all.filter(({ cursor }) => cursor < elsewhere), 'a cursor of another list does as well')
  })
}
