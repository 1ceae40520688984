import { BUCKET_UNITS, judge, refilled } from './claim.ts'
import { addTo, changeLedger, counter, countVersion, dropReservation, keepReservation, rememberWindow, setCounter } from './engine-state.ts'
import { BIRTH_AHEAD_MS_MAX, BIRTH_MS_MAX, FINAL_GRACE_MS, FINAL_MEMORY_MS, HOLD_MS_MAX, LEASE_MS, SWEEP_RESERVATIONS_MAX } from './store.ts'
import { checkCharges, checkClaims, checkRids, checkTime } from './engine-check.ts'
import type { BudgetClaim, BudgetStanding, Claim, RateClaim, Standing } from './claim.ts'
import type { Charge, RenewCall, RenewReply, ReserveCall, ReserveReply, SettleCall, SettleReply, StoreState } from './store.ts'
import type { Entry, Reservation, TeamState } from './engine-state.ts'

/** What a step is told of the world. */
export interface Step {
  readonly nowMs: number
  /** Whether a reservation is final, of those that are no longer among the state's changes. */
  readonly isFinal: (rid: string) => boolean
}

/*
 * The four steps of LimitStore on a state in memory. Each looks first and changes then, so that one that throws has
 * changed nothing, but for what its sweep cleared away.
 */

/** @throws TypeError for amounts that cannot be counted */
export function reserve (state: TeamState, call: ReserveCall, step: Step): ReserveReply {
  checkClaims(call.claims)
  checkTime(call.bornMs)
  const { nowMs } = step
  if (call.mode === 'check') return decide(state, call, nowMs)
  sweep(state, nowMs)
  const known = state.reservations.get(call.rid)
  if (known === undefined) {
    if (isFinal(state, call.rid, step)) return { ...stateOf(state, nowMs), status: 'final' }
    if (isTooOldToReserve(call, nowMs)) return { ...stateOf(state, nowMs), status: 'old' }
    return decide(state, call, nowMs)
  }
  if (known.state === 'expired') return { ...stateOf(state, nowMs), status: 'expired' }
  state.due.put(known, nowMs + LEASE_MS)
  const standings = standingsOf(state, call.claims, nowMs)
  if (standings === undefined) return { ...stateOf(state, nowMs), status: 'stale' }
  return { ...stateOf(state, nowMs), status: 'granted', repeated: true, standings }
}

function isFinal (state: TeamState, rid: string, step: Step): boolean {
  return state.changes.finals.has(rid) || step.isFinal(rid)
}

function isTooOldToReserve ({ mode, bornMs }: ReserveCall, nowMs: number): boolean {
  return isOld(bornMs, nowMs) || (mode === 'reserve' && nowMs - bornMs > BIRTH_MS_MAX)
}

function isOld (bornMs: number, nowMs: number): boolean {
  return nowMs - bornMs > FINAL_MEMORY_MS || bornMs - nowMs > BIRTH_AHEAD_MS_MAX
}

function stateOf (state: TeamState, nowMs: number): StoreState {
  return { version: counter(state, 'v'), epoch: state.texts.get('e') ?? '', nowMs, holdUntilMs: counter(state, 'h') }
}

function decide (state: TeamState, call: ReserveCall, nowMs: number): ReserveReply {
  const { claims, mode } = call
  const standings = standingsOf(state, claims, nowMs)
  if (standings === undefined) return { ...stateOf(state, nowMs), status: 'stale' }
  if (mode !== 'force') {
    if (holdOf(state, nowMs) > nowMs && claims.some(({ kind }) => kind === 'budget')) return { ...stateOf(state, nowMs), status: 'on_hold' }
    if (!claims.every((claim, index) => judge(claim, standings[index] as Standing, nowMs).allows)) {
      return { ...stateOf(state, nowMs), status: 'denied', standings }
    }
  }
  if (mode !== 'check') take(state, call, standings, nowMs)
  return { ...stateOf(state, nowMs), status: 'granted', repeated: false, standings }
}

/** @returns undefined where the time is in none of a budget's windows */
function standingsOf (state: TeamState, claims: readonly Claim[], nowMs: number): Standing[] | undefined {
  const standings: Standing[] = []
  for (const claim of claims) {
    const standing = standingOf(state, claim, nowMs)
    if (standing === undefined) return undefined
    standings.push(standing)
  }
  return standings
}

function standingOf (state: TeamState, claim: Claim, nowMs: number): Standing | undefined {
  switch (claim.kind) {
    case 'rate': return { kind: 'rate', level: levelOf(state, claim, nowMs) }
    case 'concurrency': return { kind: 'concurrency', inFlight: counter(state, `c:${claim.id}`) }
    case 'budget': {
      const window = claim.windows.findIndex(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs)
      const id = claim.windows[window]?.id
      if (id === undefined) return undefined
      return { kind: 'budget', window, spent: counter(state, `bs:${claim.id}:${id}`), held: counter(state, `br:${claim.id}:${id}`) }
    }
  }
}

function levelOf (state: TeamState, rate: Pick<RateClaim, 'id' | 'perMinute' | 'burst'>, nowMs: number): number {
  const level = state.counters.get(`rl:${rate.id}`)
  return refilled(level === undefined ? undefined : { level, timeMs: counter(state, `rt:${rate.id}`) }, rate, nowMs)
}

/** A bucket owes at most what it can hold, and holds no more. Time never goes back in it, or it would flow in twice. */
function setLevel (state: TeamState, { id, burst }: Pick<RateClaim, 'id' | 'burst'>, level: number, nowMs: number): void {
  const full = burst * BUCKET_UNITS
  setCounter(state, `rl:${id}`, Math.min(full, Math.max(-full, level)))
  setCounter(state, `rt:${id}`, Math.max(counter(state, `rt:${id}`), nowMs))
}

function take (state: TeamState, call: ReserveCall, standings: readonly Standing[], nowMs: number): void {
  const { rid, bornMs, expiry, claims } = call
  const entries = claims.map((claim, index) => takeOne(state, claim, standings[index] as Standing, nowMs))
  keepReservation(state, { rid, bornMs, expiry, entries, state: 'held', dueMs: nowMs + LEASE_MS })
  state.changes.rids.add(rid)
  countVersion(state, nowMs, rid)
}

function takeOne (state: TeamState, claim: Claim, standing: Standing, nowMs: number): Entry {
  if (claim.kind === 'rate' && standing.kind === 'rate') {
    setLevel(state, claim, standing.level - claim.cost * BUCKET_UNITS, nowMs)
    return { kind: 'rate', id: claim.id, cost: claim.cost }
  }
  if (claim.kind === 'budget' && standing.kind === 'budget') return takeOfBudget(state, claim, standing, nowMs)
  addTo(state, `c:${claim.id}`, 1)
  return { kind: 'concurrency', id: claim.id, cost: 1 }
}

function takeOfBudget (state: TeamState, claim: BudgetClaim, standing: BudgetStanding, nowMs: number): Entry {
  const window = claim.windows[standing.window]
  if (window === undefined) throw new RangeError(`the claim has no window ${standing.window}`)
  const [spent, held] = [`bs:${claim.id}:${window.id}`, `br:${claim.id}:${window.id}`]
  const isNew = !state.counters.has(spent) && !state.counters.has(held)
  // The latest settlement of a window comes when the last lease in it has run out and has been remembered.
  if (isNew) rememberWindow(state, claim.id, window, nowMs - FINAL_MEMORY_MS - LEASE_MS)
  addTo(state, held, claim.cost)
  return { kind: 'budget', id: claim.id, cost: claim.cost, windowId: window.id }
}

/** @throws TypeError for charges that are not those of the reservation, or amounts that cannot be counted */
export function settle (state: TeamState, call: SettleCall, step: Step): SettleReply {
  const { rid, bornMs, charges, record } = call
  const { nowMs } = step
  const known = state.reservations.get(rid)
  checkCharges(charges, known?.entries)
  checkTime(bornMs)
  if (isOld(bornMs, nowMs)) return { ...stateOf(state, nowMs), status: 'old' }
  if (known === undefined && isFinal(state, rid, step)) return { ...stateOf(state, nowMs), status: 'repeated' }
  for (const [index, charge] of charges.entries()) putActual(state, charge, known?.entries[index], { isHeld: known?.state === 'held', nowMs })
  if (known !== undefined) dropReservation(state, known)
  state.changes.finals.set(rid, bornMs)
  changeLedger(state, { rid, atMs: nowMs, former: known?.state === 'expired' ? known.expiry : undefined, record })
  countVersion(state, nowMs, rid)
  return { ...stateOf(state, nowMs), status: 'settled', how: known === undefined ? 'unreserved' : known.state === 'held' ? 'reserved' : 'late' }
}

interface Settling { readonly isHeld: boolean, readonly nowMs: number }

/** What is held is given back. Of what has expired, and of what nobody knows of, budgets alone are charged. */
function putActual (state: TeamState, charge: Charge, entry: Entry | undefined, { isHeld, nowMs }: Settling): void {
  if (charge.kind === 'budget') {
    const window = `${charge.id}:${entry?.windowId ?? charge.windowId}`
    if (isHeld) addTo(state, `br:${window}`, -(entry?.cost ?? 0))
    addTo(state, `bs:${window}`, isHeld ? charge.cost : charge.cost - (entry?.cost ?? 0))
  } else if (isHeld && charge.kind === 'concurrency') {
    addTo(state, `c:${charge.id}`, -1)
  } else if (isHeld && charge.kind === 'rate') {
    setLevel(state, charge, levelOf(state, charge, nowMs) + ((entry?.cost ?? 0) - charge.cost) * BUCKET_UNITS, nowMs)
  }
}

export function renew (state: TeamState, { rids }: RenewCall, step: Step): RenewReply {
  checkRids(rids)
  const { nowMs } = step
  const swept = sweep(state, nowMs)
  const unknown: string[] = []
  for (const rid of rids) {
    const known = state.reservations.get(rid)
    if (known?.state === 'held') state.due.put(known, nowMs + LEASE_MS)
    else if (known === undefined && !isFinal(state, rid, step)) unknown.push(rid)
  }
  return { ...stateOf(state, nowMs), unknown, swept }
}

/** Ends what is due, the longest overdue first. */
function sweep (state: TeamState, nowMs: number): number {
  for (let swept = 0; swept < SWEEP_RESERVATIONS_MAX; swept++) {
    const first = state.due.first()
    if (first === undefined || first.dueMs > nowMs) return swept
    if (first.state === 'held') expire(state, first, nowMs)
    else dropReservation(state, first)
    countVersion(state, nowMs, first.rid)
  }
  return SWEEP_RESERVATIONS_MAX
}

/** Nobody says what was used, so it is all of it. What flowed out of a bucket is gone. */
function expire (state: TeamState, reservation: Reservation, nowMs: number): void {
  const { rid, bornMs, expiry, entries } = reservation
  for (const { kind, id, cost, windowId } of entries) {
    if (kind === 'concurrency') addTo(state, `c:${id}`, -1)
    if (kind !== 'budget') continue
    addTo(state, `br:${id}:${windowId}`, -cost)
    addTo(state, `bs:${id}:${windowId}`, cost)
  }
  reservation.state = 'expired'
  state.due.put(reservation, Math.max(nowMs, bornMs) + FINAL_MEMORY_MS + FINAL_GRACE_MS)
  state.changes.rids.add(rid)
  changeLedger(state, { rid, atMs: nowMs, former: undefined, record: expiry })
}

/** One that is further ahead than any can be is left from a clock that has been put right. */
function holdOf (state: TeamState, nowMs: number): number {
  const holdUntilMs = counter(state, 'h')
  return holdUntilMs - nowMs > HOLD_MS_MAX ? 0 : holdUntilMs
}

export function hold (state: TeamState, durationMs: number, nowMs: number): StoreState {
  if (!Number.isSafeInteger(durationMs)) throw new TypeError(`${durationMs} is no number of milliseconds`)
  setCounter(state, 'h', Math.max(holdOf(state, nowMs), nowMs + durationMs))
  countVersion(state, nowMs, 'hold')
  return stateOf(state, nowMs)
}
