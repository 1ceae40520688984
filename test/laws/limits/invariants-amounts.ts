import assert from 'node:assert/strict'
import { addBudgets, countersOf, difference, finalCharges, heldBy, withoutDropped } from './sums.ts'
import { BUCKET_UNITS } from '../../../src/limits/claim.ts'
import { spentField } from './witness.ts'
import { usageOf } from './model-usage.ts'
import type { BucketMove, Moment, Settled, Witness } from './witness.ts'
import type { Charge as SettleCharge } from '../../../src/limits/store.ts'
import type { Entry } from './dump.ts'
import type { Sums } from './sums.ts'

function isFreshGrant (reply: Moment['reply']): boolean {
  return reply !== 'rejected' && 'status' in reply && reply.status === 'granted' && !reply.repeated
}

export function noOverspend ({ call, reply, after, witness }: Moment): void {
  for (const [field, spent] of Object.entries(countersOf(after, 'bs', witness))) {
    const bound = BigInt(witness.amounts.get(field) ?? 0) + (overruns(witness)[field] ?? 0n)
    assert.ok(spent <= bound, `${field}: ${spent} is more than ${bound}`)
  }
  if (call.step !== 'reserve' || call.args.mode !== 'reserve' || !isFreshGrant(reply)) return
  const { entries = [] } = witness.grants.get(call.args.rid) ?? {}
  for (const [index, claim] of call.args.claims.entries()) {
    const entry = entries[index]
    if (claim.kind !== 'budget' || entry?.kind !== 'budget') continue
    const amount = claim.windows.find(({ id }) => id === entry.windowId)?.amount
    const taken = (after.counters[spentField(claim.id, entry.windowId)] ?? 0) + Number(after.counters[`br:${claim.id}:${entry.windowId}`])
    assert.ok(taken <= Number(amount), `${claim.id}: ${taken} of ${amount}`)
  }
}

/** All that no grant had asked for: what was used beyond the reservation, and what nobody was asked about. */
function overruns ({ settled, grants }: Witness): Sums {
  const sums: Sums = {}
  for (const { charges, grant } of settled.values()) {
    const reserved = grant?.mode === 'reserve' ? grant.entries : []
    addBudgets(sums, charges.map((charge, index) => overrun(charge, reserved[index]?.cost)))
  }
  for (const { mode, entries } of grants.values()) if (mode === 'force') addBudgets(sums, entries)
  return sums
}

type Charge = Settled['charges'][number]

function overrun (charge: Charge, reserved = 0): Charge {
  return charge.kind === 'budget' ? { ...charge, cost: Math.max(0, charge.cost - reserved) } : charge
}

export function heldIsOfRecords ({ after, witness }: Moment): void {
  assert.deepEqual(countersOf(after, 'br', witness), withoutDropped(heldBy(after, 'br'), witness))
}

export function inFlightIsOfRecords ({ call, reply, after, witness }: Moment): void {
  assert.deepEqual(countersOf(after, 'c', witness), heldBy(after, 'c'))
  if (call.step !== 'reserve' || call.args.mode !== 'reserve' || !isFreshGrant(reply)) return
  for (const claim of call.args.claims) {
    if (claim.kind === 'concurrency') assert.ok(Number(after.counters[`c:${claim.id}`]) <= claim.limit)
  }
}

export function spentIsOfFinalCharges ({ after, witness }: Moment): void {
  assert.deepEqual(countersOf(after, 'bs', witness), withoutDropped(finalCharges(witness), witness))
}

/** What was reserved was no less than what is charged, unless more was used; what comes late puts that right. */
export function conservative ({ call, reply, before, after, witness }: Moment): void {
  const changes = difference(countersOf(after, 'bs', witness), countersOf(before, 'bs', witness))
  const expected: Sums = {}
  for (const { rid, entries } of before.reservations.filter(({ state }) => state === 'held')) {
    if (after.reservations.some((other) => other.rid === rid && other.state === 'expired')) addBudgets(expected, entries)
  }
  if (call.step === 'settle' && reply !== 'rejected' && 'status' in reply && reply.status === 'settled') {
    if (reply.how !== 'late') return
    const { charges, grant } = witness.settled.get(call.args.rid) ?? {}
    addBudgets(expected, charges ?? [])
    addBudgets(expected, grant?.entries ?? [], -1)
  }
  assert.deepEqual(changes, withoutDropped(expected, witness))
}

/** With the rate as it was set all the time; what was given back in between could be granted once more. */
export function rateInAnyTime ({ witness: { moves } }: Moment): void {
  const last = moves.at(-1)
  if (last?.kind !== 'granted') return
  let granted = 0
  for (const move of moves.filter(({ id }) => id === last.id).reverse()) {
    if (move.perMinute !== last.perMinute || move.burst !== last.burst) return
    if (move.kind !== 'forced') granted += move.kind === 'granted' ? move.tokens : Math.min(0, move.tokens)
    if (move.kind === 'granted') assert.ok(granted * BUCKET_UNITS <= allowedSince(move, last), `${granted} in ${last.timeMs - move.timeMs} ms`)
  }
}

function allowedSince ({ timeMs }: BucketMove, { burst, perMinute, timeMs: nowMs }: BucketMove): number {
  return burst * BUCKET_UNITS + perMinute * (nowMs - timeMs)
}

export function bucketBounds ({ call, after, before }: Moment): void {
  const rates = call.step === 'reserve' ? call.args.claims : call.step === 'settle' ? call.args.charges : []
  for (const rate of rates) {
    if (rate.kind !== 'rate') continue
    const level = after.counters[`rl:${rate.id}`]
    if (level === undefined || level === before.counters[`rl:${rate.id}`]) continue
    assert.ok(level <= rate.burst * BUCKET_UNITS && level >= -rate.burst * BUCKET_UNITS, `${level} in a bucket of ${rate.burst}`)
    if (call.step === 'reserve' && call.args.mode === 'reserve') assert.ok(level >= 0, `${level} is a debt that nobody should have granted`)
  }
}

export function settlementAdds ({ call, reply, before, after, witness }: Moment): void {
  if (call.step !== 'settle' || reply === 'rejected' || !('status' in reply) || reply.status !== 'settled') return
  const { charges, grant } = witness.settled.get(call.args.rid) ?? {}
  const spent: Sums = {}
  addBudgets(spent, charges ?? [])
  if (reply.how === 'late') addBudgets(spent, grant?.entries ?? [], -1)
  assert.deepEqual(difference(countersOf(after, 'bs', witness), countersOf(before, 'bs', witness)), withoutDropped(spent, witness))
  const held = difference(heldBy(after, 'br'), heldBy(before, 'br'))
  assert.deepEqual(difference(countersOf(after, 'br', witness), countersOf(before, 'br', witness)), withoutDropped(held, witness))
}

/**
 * The last word on every reservation is its one record. A void says nothing and cost nothing; what expired without anything
 * to be written of it is known to clients alone.
 */
export function ledgerAddsUp ({ after, witness }: Moment): void {
  const left = new Map(after.ledger.map(({ rid, record }) => [rid, record]))
  assert.equal(left.size, after.ledger.length, 'a reservation has two records')
  const sums: Sums = {}
  const add = (rid: string, entries: readonly (Entry | SettleCharge)[]): void => {
    const { limits = [] } = left.get(rid) ?? {}
    left.delete(rid)
    const budgets = entries.filter((entry) => entry.kind === 'budget')
    addBudgets(sums, budgets.map((entry) => ({ ...entry, cost: limits.find(({ id }) => id === entry.id)?.used ?? 0 })))
  }
  for (const [rid, { charges }] of witness.settled) add(rid, charges)
  for (const [rid, entries] of witness.expired) {
    if (witness.settled.has(rid)) continue
    if (witness.grants.get(rid)?.expiry === undefined) addBudgets(sums, entries)
    else add(rid, entries)
  }
  assert.deepEqual([...left.keys()], [], 'a record of nothing')
  assert.deepEqual(countersOf(after, 'bs', witness), withoutDropped(sums, witness))
  assert.deepEqual(after.usage, usageOf(after.ledger.map(({ record }) => record)), 'the hours come to other sums than the records')
}
