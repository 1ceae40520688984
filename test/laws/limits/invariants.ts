import assert from 'node:assert/strict'
import { FINAL_MEMORY_MS, LEASE_MS, SWEEP_RESERVATIONS_MAX } from '../../../src/limits/store.ts'
import {
  bucketBounds, conservative, heldIsOfRecords, inFlightIsOfRecords, ledgerAddsUp, noOverspend, rateInAnyTime, settlementAdds, spentIsOfFinalCharges
} from './invariants-amounts.ts'
import { swept, withLease, withoutLeases } from './sums.ts'
import { windowAt } from './settings.ts'
import type { Standing } from '../../../src/limits/claim.ts'
import type { Moment } from './witness.ts'

/** What must hold of every step of one team. Those that are about whole lives have tests of their own: see `ELSEWHERE`. */
export interface Invariant {
  readonly number: number
  readonly sentence: string
  /** @throws AssertionError where it does not hold */
  readonly check: (moment: Moment) => void
}

export const INVARIANTS: readonly Invariant[] = [
  { number: 1, sentence: 'after a grant spent + held is within the limit, and spent exceeds it by overruns alone', check: noOverspend },
  { number: 2, sentence: 'what is held of a budget is the sum of the held reservations', check: heldIsOfRecords },
  { number: 3, sentence: 'in flight is the number of held reservations, at a grant within the limit', check: inFlightIsOfRecords },
  { number: 4, sentence: 'every reservation adds to what is spent exactly once', check: spentIsOfFinalCharges },
  { number: 5, sentence: 'a call that is repeated changes nothing after its first effect but a lease', check: repetitionChangesNothing },
  { number: 8, sentence: 'an expiry charges in full, and a late settlement leaves what was used', check: conservative },
  { number: 9, sentence: 'a refusal leaves all as it was but for leases that had run out', check: refusalChangesNothing },
  { number: 11, sentence: 'in any time Δ at most burst + rate·Δ is granted', check: rateInAnyTime },
  { number: 12, sentence: 'no refund lifts a bucket above its burst, and no debt exceeds it', check: bucketBounds },
  { number: 13, sentence: 'a settlement adds to its own windows and touches no other', check: settlementAdds },
  { number: 14, sentence: 'the store’s clock chooses the window, whatever the gateway’s shows', check: windowOfStoreTime },
  { number: 15, sentence: 'no clock that goes back or forth loses a counter', check: noCounterLost },
  { number: 16, sentence: 'the version grows with every step that changes anything, and with no other', check: versionGrows },
  { number: 19, sentence: 'records add up to what is spent, and so do the sums of their hours', check: ledgerAddsUp },
  { number: 21, sentence: 'one call ends a bounded number of leases', check: sweepIsBounded },
  { number: 23, sentence: 'all numbers are whole and exact, also near 2⁵²', check: numbersAreExact },
  { number: 24, sentence: 'a call that makes no sense changes nothing', check: nonsenseChangesNothing }
]

/** Those that are no matter of one step, or of a store at all, and where they are shown. */
export const ELSEWHERE = [
  { number: 6, sentence: 'any order of calls for one reservation comes to what some sequence comes to', shownIn: 'test/laws/limits/orders.test.ts' },
  { number: 7, sentence: 'every reservation comes to its end, even if nobody asks for it again', shownIn: 'test/laws/limits/stores.test.ts' },
  { number: 10, sentence: 'a reservation and its void leave everything as it was', shownIn: 'test/laws/limits/orders.test.ts' },
  { number: 17, sentence: 'replays after a rollback restore what is spent and what is final', shownIn: 'test/laws/limits/orders.test.ts' },
  { number: 18, sentence: 'no step of one team changes another', shownIn: 'test/laws/limits/stores.test.ts' },
  { number: 20, sentence: 'when all is over nothing is held, in flight or remembered', shownIn: 'test/laws/limits/stores.test.ts' },
  { number: 22, sentence: 'what is spent while the store is down was held before it went', shownIn: 'test/limits/outage.test.ts' }
] as const

function repetitionChangesNothing ({ call, reply, before, after, nowMs }: Moment): void {
  if (reply === 'rejected' || !('status' in reply)) return
  if (reply.status === 'repeated') assert.deepEqual(after, before)
  if (call.step !== 'reserve') return
  if (reply.status === 'final' || reply.status === 'expired') assert.deepEqual(after, swept(before, nowMs))
  if (reply.status === 'granted' && reply.repeated) assert.deepEqual(after, withLease(swept(before, nowMs), call.args.rid, nowMs + LEASE_MS))
}

function refusalChangesNothing ({ call, reply, before, after, nowMs }: Moment): void {
  if (reply === 'rejected' || !('status' in reply) || call.step !== 'reserve') return
  const { mode, rid } = call.args
  if (mode === 'check') assert.deepEqual(after, before)
  else if (reply.status === 'denied' || reply.status === 'old' || reply.status === 'on_hold') assert.deepEqual(after, swept(before, nowMs))
  else if (reply.status === 'stale') assert.deepEqual(withLease(after, rid, 0), withLease(swept(before, nowMs), rid, 0))
}

function windowOfStoreTime ({ call, reply, nowMs, limits }: Moment): void {
  if (call.step !== 'reserve' || reply === 'rejected' || !('standings' in reply)) return
  for (const [index, claim] of call.args.claims.entries()) {
    const standing: Standing | undefined = reply.standings[index]
    const limit = limits.find(({ id }) => id === claim.id)
    if (claim.kind !== 'budget') continue
    assert.ok(standing?.kind === 'budget' && limit?.kind === 'budget')
    assert.equal(claim.windows[standing.window]?.id, windowAt(limit, nowMs).id)
  }
}

function noCounterLost ({ before, after, nowMs }: Moment): void {
  for (const field of Object.keys(before.counters)) {
    if (field in after.counters) continue
    const [, id = '', windowId] = /^b[sr]:(.*):([^:]*)$/.exec(field) ?? []
    const known = (before.windows[id] ?? '').split(' ').find((entry) => entry.startsWith(`${windowId}=`))
    assert.ok(Number(known?.split('=')[1]) + FINAL_MEMORY_MS + LEASE_MS < nowMs, `${field} was dropped too early`)
  }
}

/** A hold counts also where a longer one is in force: it tells whoever looks that somebody has noticed a loss. */
function versionGrows ({ call, reply, before, after }: Moment): void {
  const isChanged = call.step === 'hold' || textOf(after) !== textOf(before)
  assert.equal(after.version > before.version, isChanged)
  assert.ok(after.version >= before.version)
  assert.equal(after.epoch === '', after.version === 0)
  if (before.epoch !== '') assert.equal(after.epoch, before.epoch)
  if (reply !== 'rejected') assert.deepEqual([reply.version, reply.epoch, reply.holdUntilMs], [after.version, after.epoch, after.holdUntilMs])
}

function textOf (dump: Moment['after']): string {
  return JSON.stringify({ ...withoutLeases(dump), version: 0 })
}

function sweepIsBounded ({ call, reply, before, after }: Moment): void {
  const stateAfter = new Map(after.reservations.map(({ rid, state }) => [rid, state]))
  const isSettled = (rid: string): boolean => call.step === 'settle' && call.args.rid === rid
  const ended = before.reservations.filter(({ rid, state }) => stateAfter.get(rid) !== state && !isSettled(rid))
  assert.ok(ended.length <= SWEEP_RESERVATIONS_MAX)
  if (reply !== 'rejected' && 'swept' in reply) assert.equal(reply.swept, ended.length)
  else if (call.step !== 'reserve') assert.equal(ended.length, 0)
}

/** Invariants 2, 4 and 19 add up in whole numbers of any size. */
function numbersAreExact ({ after }: Moment): void {
  for (const [field, amount] of Object.entries(after.counters)) assert.ok(Number.isSafeInteger(amount), `${field}: ${amount}`)
}

function nonsenseChangesNothing ({ reply, before, after }: Moment): void {
  if (reply === 'rejected') assert.deepEqual(after, before)
}
