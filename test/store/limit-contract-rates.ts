import type { Test } from 'tap'
import { BUCKET_UNITS, judge } from '../../src/limits/claim.ts'
import { budget, charges, MIDNIGHT_MS, place, rate, standingsOf, TEAM } from './limit-scene.ts'
import type { OpenScene } from './limit-contract.ts'

export async function rateRules (t: Test, open: OpenScene): Promise<void> {
  await t.test('a bucket refills by the millisecond, up to its burst', async (t) => {
    const { reserve, later } = await open(t)
    const check = { mode: 'check' } as const
    await reserve('a#1', [rate(10)])
    for (const [ms, level] of [[1, 60], [999, 60_000], [8_999, 599_940], [1, 600_000], [86_400_000, 600_000]] as const) {
      later(ms)
      t.same(standingsOf(await reserve('x#1', [rate(0)], check)), [{ kind: 'rate', level }])
    }
  })

  for (const perMinute of [1, 7, 60, 1_000, 59_999, 60_001, 1_000_000]) {
    await t.test(`whoever waits as long as was said is granted, and not before (${perMinute} a minute)`, async (t) => {
      const { reserve, later } = await open(t)
      const claim = rate(3, { perMinute, burst: 5 })
      await reserve('a#1', [claim])
      const reply = await reserve('b#1', [claim])
      const verdict = judge(claim, standingsOf(reply)[0] as never, reply.nowMs)
      const retryAfterMs = verdict.allows ? 0 : Number(verdict.retryAfterMs)
      t.equal(retryAfterMs, Math.ceil(60_000 / perMinute))
      later(retryAfterMs - 1)
      t.match(await reserve('b#1', [claim], { bornMs: MIDNIGHT_MS + retryAfterMs }), { status: 'denied' })
      later(1)
      t.match(await reserve('b#1', [claim], { bornMs: MIDNIGHT_MS + retryAfterMs }), { status: 'granted' })
    })
  }

  await t.test('a bucket whose settings change goes on from its level', async (t) => {
    const { reserve } = await open(t)
    const check = { mode: 'check' } as const
    await reserve('a#1', [rate(4)])
    t.match(await reserve('x#1', [rate(7, { burst: 100 })], check), { status: 'denied', standings: [{ level: 6 * BUCKET_UNITS }] })
    t.match(await reserve('x#1', [rate(2, { burst: 2 })], check), { status: 'granted', standings: [{ level: 2 * BUCKET_UNITS }] })
  })

  await t.test('a clock that goes back freezes buckets and loses nothing', async (t) => {
    const { reserve, settle, counted, dump, now, renew } = await open(t)
    const claims = [rate(10), place(2), budget(60, 100)]
    await reserve('a#1', claims)
    now.set(MIDNIGHT_MS - 3_600_000)
    t.match(await reserve('b#1', [rate(1)]), { status: 'denied', standings: [{ level: 0 }] })
    t.match(await reserve('b#1', [rate(0)]), { status: 'granted', nowMs: MIDNIGHT_MS - 3_600_000 })
    t.match(await dump(TEAM), { 'rl:rpm': '0', 'rt:rpm': String(MIDNIGHT_MS) }, 'nor does it flow in twice')
    t.match(await reserve('c#1', [budget(1, 100)]), { status: 'stale' })
    t.match(await renew(), { swept: 0 })
    t.match(await settle('a#1', charges(claims, 4)), { status: 'settled', how: 'reserved' })
    t.same(await counted(), { 'bs:day:d0': '4' })
    t.match(await dump(TEAM), { 'rl:rpm': String(6 * BUCKET_UNITS), 'rt:rpm': String(MIDNIGHT_MS) })
    now.set(MIDNIGHT_MS + 1_000)
    t.match(await reserve('d#1', [rate(8)], { mode: 'check' }), { status: 'denied', standings: [{ level: 7 * BUCKET_UNITS }] })
  })
}
