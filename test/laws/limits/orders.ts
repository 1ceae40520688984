import assert from 'node:assert/strict'
import fc from 'fast-check'
import { assertNothingHeld, live, sweepAll } from './lives.ts'
import { claimOf, plain, START_MS, windowAt } from './settings.ts'
import { createLockstep } from './lockstep.ts'
import { LEASE_MS } from '../../../src/limits/store.ts'
import { lifeArbitrary } from './steps.ts'
import { ridOf } from './requests.ts'
import { TEAM_NAMES } from './scene.ts'
import type { Call, Reply } from './calls.ts'
import type { Charge } from '../../../src/limits/store.ts'
import type { Claim } from '../../../src/limits/claim.ts'
import type { Life } from './steps.ts'
import type { Limit } from './settings.ts'
import type { Lockstep } from './lockstep.ts'
import type { Subject } from './subject.ts'
import type { TeamDump } from './dump.ts'

type Act = 'reserve' | 'settle' | 'void' | 'expire' | 'renew'

/** What befalls one reservation, in any order and any number of times. */
export interface Order { readonly acts: readonly Act[], readonly cost: number, readonly actual: number }

export const orderArbitrary: fc.Arbitrary<Order> = plain({
  acts: fc.array(fc.constantFrom<Act[]>('reserve', 'reserve', 'settle', 'void', 'expire', 'renew'), { minLength: 1, maxLength: 8 }),
  cost: fc.integer({ min: 0, max: 20 }),
  actual: fc.integer({ min: 0, max: 40 })
})

const [TEAM = ''] = TEAM_NAMES
const BUDGET: Limit & { kind: 'budget' } = { kind: 'budget', id: 't.b.total', periodMs: undefined, expiresAtMs: undefined, amount: 100 }
const LIMITS: readonly Limit[] = [{ kind: 'rate', id: 't.rpm', perMinute: 60, burst: 25 }, { kind: 'concurrency', id: 't.conc', limit: 1 }, BUDGET]

/** Invariant 6: whichever came first of settlement and void decides, and nothing else does; without either, the lease's end. */
export async function anyOrderIsOne (order: Order, subjects: readonly Subject[]): Promise<number> {
  for (const subject of subjects) await subject.clear()
  const lockstep = createLockstep({ limits: [LIMITS, LIMITS], pace: 1, steps: [] }, subjects)
  const replies = order.acts.map((act) => actOn(lockstep, act, order))
  sweepAll(lockstep, TEAM)
  await lockstep.look()
  const ends = order.acts.findIndex((act) => act === 'settle' || act === 'void')
  const wasGranted = replies.some((reply) => reply !== 'rejected' && 'status' in reply && reply.status === 'granted')
  const expected = ends < 0 ? (wasGranted ? order.cost : 0) : order.acts[ends] === 'settle' ? order.actual : 0
  if (ends === 0) assert.ok(!wasGranted, 'what was ended before it began was granted')
  for (const subject of subjects) {
    const dump = await subject.dump(TEAM)
    assertNothingHeld(dump)
    assert.equal(dump.counters[`bs:${BUDGET.id}:${windowAt(BUDGET, START_MS).id}`] ?? 0, expected)
  }
  return lockstep.taken
}

function actOn ({ scene, take }: Lockstep, act: Act, { cost, actual }: Order): Reply {
  const [rid, bornMs] = [ridOf(START_MS, 0), START_MS]
  if (act === 'expire') scene.nowMs = scene.latestMs = scene.nowMs + LEASE_MS
  const claims = LIMITS.map((limit) => claimOf(limit, cost, scene.nowMs))
  const calls: Record<Act, Call> = {
    reserve: { step: 'reserve', args: { team: TEAM, rid, bornMs, claims, mode: 'reserve', expiry: undefined } },
    settle: { step: 'settle', args: { team: TEAM, rid, bornMs, charges: chargesOf(claims, actual), record: undefined } },
    void: { step: 'settle', args: { team: TEAM, rid, bornMs, charges: chargesOf(claims, 0), record: undefined } },
    expire: { step: 'renew', args: { team: TEAM, rids: [] } },
    renew: { step: 'renew', args: { team: TEAM, rids: [rid] } }
  }
  return take({ nowMs: scene.nowMs, call: calls[act] })
}

function chargesOf (claims: readonly Claim[], cost: number): Charge[] {
  return claims.map((claim): Charge => {
    if (claim.kind === 'concurrency') return { kind: 'concurrency', id: claim.id }
    return claim.kind === 'rate' ? { ...claim, cost } : { kind: 'budget', id: claim.id, windowId: claim.windows[0]?.id ?? '', cost }
  })
}

/** A life, and after it one request of which nothing remains. */
export interface Undoing { readonly life: Life, readonly mask: number, readonly cost: number }

export const undoingArbitrary: fc.Arbitrary<Undoing> = plain({
  life: lifeArbitrary,
  mask: fc.integer({ min: 1, max: 255 }),
  cost: fc.integer({ min: 0, max: 3 })
})

/** Invariant 10: a reservation and its void leave budgets, places and buckets as they were, but for what flowed back meanwhile. */
export async function voidUndoes ({ life, mask, cost }: Undoing, subjects: readonly Subject[]): Promise<number> {
  for (const subject of subjects) await subject.clear()
  const lockstep = createLockstep(life, subjects)
  await live(lockstep, life.steps, subjects)
  sweepAll(lockstep, TEAM)
  const { scene, take, look } = lockstep
  await look()
  const before = await Promise.all(subjects.map((subject) => subject.dump(TEAM)))
  const [rid, bornMs] = [ridOf(scene.nowMs, STRANGER), scene.nowMs]
  const claims = (scene.limits[0] ?? []).filter((_, index) => (mask >> index) % 2 === 1).map((limit) => claimOf(limit, cost, scene.nowMs))
  const reply = take({ nowMs: scene.nowMs, call: { step: 'reserve', args: { team: TEAM, rid, bornMs, claims, mode: 'reserve', expiry: undefined } } })
  take({ nowMs: scene.nowMs, call: { step: 'settle', args: { team: TEAM, rid, bornMs, charges: chargesOf(claims, 0), record: undefined } } })
  await look()
  for (const [index, subject] of subjects.entries()) assertUndone(before[index], await subject.dump(TEAM), { claims, reply, nowMs: scene.nowMs })
  return lockstep.taken
}

const STRANGER = 0xfffff
const UNITS_PER_TOKEN = 60_000

interface Asked { readonly claims: readonly Claim[], readonly reply: Reply, readonly nowMs: number }

function assertUndone (before: TeamDump | undefined, after: TeamDump, { claims, reply, nowMs }: Asked): void {
  assert.ok(before !== undefined && reply !== 'rejected' && 'status' in reply)
  for (const [field, amount] of Object.entries(after.counters)) {
    if (/^(c|b[sr]):/.test(field)) assert.equal(amount, before.counters[field] ?? 0, field)
  }
  for (const claim of claims) {
    const level: number | undefined = before.counters[`rl:${claim.id}`]
    const timeMs: number = before.counters[`rt:${claim.id}`] ?? nowMs
    if (claim.kind !== 'rate' || reply.status !== 'granted') continue
    const full = claim.burst * UNITS_PER_TOKEN
    const flowed = claim.perMinute * Math.max(0, nowMs - timeMs)
    assert.equal(after.counters[`rl:${claim.id}`], level === undefined ? full : Math.min(full, level + flowed))
  }
}
