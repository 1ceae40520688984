import fc from 'fast-check'
import { budget, DAY_MS, dayWindow, expiryOf, MIDNIGHT_MS, place, rate } from '../store/limit-scene.ts'
import { createTeamState } from '../../src/limits/engine-state.ts'
import { FINAL_MEMORY_MS, LEASE_MS } from '../../src/limits/store.ts'
import { hold, renew, reserve, settle } from '../../src/limits/engine.ts'
import type { Charge, ReserveCall } from '../../src/limits/store.ts'
import type { Claim } from '../../src/limits/claim.ts'
import type { Step } from '../../src/limits/engine.ts'
import type { TeamState } from '../../src/limits/engine-state.ts'

/** One step of a random history, and the time that passes before it: also backwards. */
export interface Move {
  readonly afterMs: number
  readonly kind: 'reserve' | 'settle' | 'renew' | 'hold'
  readonly mode: ReserveCall['mode']
  readonly rid: number
  readonly cost: number
  readonly used: number
}

export const TOKENS = { perMinute: 600, burst: 50 }
const RIDS = 12

export const moves: fc.Arbitrary<Move[]> = fc.array(fc.record({
  afterMs: fc.oneof({ weight: 8, arbitrary: fc.nat(2_000) }, { weight: 2, arbitrary: fc.constantFrom(LEASE_MS - 1, LEASE_MS, DAY_MS, FINAL_MEMORY_MS, -5_000) }),
  kind: fc.constantFrom('reserve', 'reserve', 'reserve', 'settle', 'settle', 'renew', 'hold'),
  mode: fc.constantFrom('reserve', 'reserve', 'reserve', 'force', 'check'),
  rid: fc.nat(RIDS - 1),
  cost: fc.nat(40),
  used: fc.nat(60)
}), { maxLength: 60 })

/** The time of each move. A request is born when it is first heard of; much later ones are new requests under the same number. */
export function at (history: readonly Move[]): (Move & { readonly nowMs: number, readonly bornMs: number, readonly name: string })[] {
  let nowMs = MIDNIGHT_MS
  const births = new Map<number, number>()
  return history.map((move) => {
    nowMs += move.afterMs
    const born = births.get(move.rid)
    const bornMs = born === undefined || nowMs - born > 2 * FINAL_MEMORY_MS ? nowMs : born
    births.set(move.rid, bornMs)
    return { ...move, nowMs, bornMs, name: `r${move.rid}-${bornMs}#1` }
  })
}

export type TimedMove = ReturnType<typeof at>[number]

export function claimsOf ({ rid, cost, nowMs }: Pick<TimedMove, 'rid' | 'cost' | 'nowMs'>): Claim[] {
  const day = Math.floor((nowMs - MIDNIGHT_MS) / DAY_MS)
  const all = [rate(cost, { id: 'tpm', ...TOKENS }), place(4), budget(cost, 150, [dayWindow(day, 150)]), { ...budget(2 * cost, 400, [dayWindow(day, 400)]), id: 'key' }]
  return all.slice(rid % 3)
}

export function chargesOf (move: TimedMove, used: number): Charge[] {
  return claimsOf(move).map((claim) => {
    if (claim.kind === 'concurrency') return { kind: 'concurrency', id: claim.id }
    if (claim.kind === 'rate') return { ...claim, cost: used }
    return { kind: 'budget', id: claim.id, windowId: claim.windows[0]?.id ?? '', cost: used }
  })
}

/** One team in memory, with what is final beside it. */
export interface Played {
  readonly state: TeamState
  readonly finals: Set<string>
}

export function createPlayed (): Played {
  return { state: createTeamState(), finals: new Set() }
}

export function play ({ state, finals }: Played, move: TimedMove) {
  const step: Step = { nowMs: move.nowMs, isFinal: (rid) => finals.has(rid) }
  const { name: rid, bornMs, mode } = move
  switch (move.kind) {
    case 'reserve': return reserve(state, { team: 't', rid, bornMs, claims: claimsOf(move), mode, expiry: expiryOf(rid) }, step)
    case 'settle': return settle(state, { team: 't', rid, bornMs, charges: chargesOf(move, move.used), record: undefined }, step)
    case 'renew': return renew(state, { team: 't', rids: [rid] }, step)
    case 'hold': return hold(state, 1_500, move.nowMs)
  }
}
