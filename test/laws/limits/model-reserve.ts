import { BIRTH_MS_MAX, HOLD_MS_MAX, LEASE_MS } from '../../../src/limits/store.ts'
import { changed, isBeyondMemory, stateOf } from './model-team.ts'
import { held, inFlight, levelAt, spent, UNITS_PER_TOKEN, useWindow } from './history.ts'
import { sweep } from './model-settle.ts'
import type { BudgetClaim, BudgetWindow, Claim, Standing } from '../../../src/limits/claim.ts'
import type { Entry } from './dump.ts'
import type { ModelTeam } from './model-team.ts'
import type { ReserveCall, ReserveReply } from '../../../src/limits/store.ts'

export function reserve (team: ModelTeam, call: ReserveCall, nowMs: number): ReserveReply {
  const { rid, claims, mode } = call
  if (mode !== 'check') sweep(team, nowMs)
  const ended = mode === 'check' ? undefined : endedBy(team, call, nowMs)
  if (ended !== undefined) return { ...stateOf(team, nowMs), status: ended }
  const known = mode === 'check' ? undefined : team.reservations.get(rid)
  if (known !== undefined) known.dueMs = nowMs + LEASE_MS

  const windows = claims.map((claim) => claim.kind === 'budget' ? windowAt(claim, nowMs) : undefined)
  const budgets = claims.filter(({ kind }) => kind === 'budget')
  if (windows.filter((window) => window !== undefined).length < budgets.length) return { ...stateOf(team, nowMs), status: 'stale' }
  const mayBeRefused = known === undefined && mode !== 'force'
  if (mayBeRefused && budgets.length > 0 && team.holdUntilMs > nowMs && team.holdUntilMs <= nowMs + HOLD_MS_MAX) return { ...stateOf(team, nowMs), status: 'on_hold' }
  const standings = claims.map((claim, index) => standingOf(team, claim, windows[index], nowMs))
  if (mayBeRefused && claims.some((claim, index) => isOver(claim, standings[index]))) return { ...stateOf(team, nowMs), status: 'denied', standings }

  if (known === undefined && mode !== 'check') take(team, call, windows, nowMs)
  return { ...stateOf(team, nowMs), status: 'granted', repeated: known !== undefined, standings }
}

function endedBy (team: ModelTeam, { rid, bornMs, mode }: ReserveCall, nowMs: number): 'final' | 'expired' | 'old' | undefined {
  if (team.finals.has(rid)) return 'final'
  const known = team.reservations.get(rid)
  if (known?.state === 'expired') return 'expired'
  if (known?.state === 'held') return undefined
  if (mode === 'reserve' && nowMs - bornMs > BIRTH_MS_MAX) return 'old'
  return isBeyondMemory(bornMs, nowMs) ? 'old' : undefined
}

function windowAt ({ windows }: BudgetClaim, nowMs: number): BudgetWindow | undefined {
  return windows.find(({ startMs, endMs }) => nowMs >= startMs && nowMs < endMs)
}

function standingOf ({ history, reservations }: ModelTeam, claim: Claim, window: BudgetWindow | undefined, nowMs: number): Standing {
  if (claim.kind === 'rate') return { kind: 'rate', level: levelAt(history, claim, nowMs) }
  if (claim.kind === 'concurrency') return { kind: 'concurrency', inFlight: inFlight(reservations, claim.id) }
  if (window === undefined) throw new Error('a budget without a window has no standing')
  return {
    kind: 'budget',
    window: claim.windows.indexOf(window),
    spent: spent(history, claim.id, window.id),
    held: held(history, reservations, { id: claim.id, windowId: window.id })
  }
}

function isOver (claim: Claim, standing: Standing | undefined): boolean {
  if (claim.kind === 'rate' && standing?.kind === 'rate') return claim.cost * UNITS_PER_TOKEN > standing.level
  if (claim.kind === 'concurrency' && standing?.kind === 'concurrency') return standing.inFlight + 1 > claim.limit
  if (claim.kind !== 'budget' || standing?.kind !== 'budget') throw new Error('a standing is of another kind than its claim')
  return standing.spent + standing.held + claim.cost > Number(claim.windows[standing.window]?.amount)
}

function take (team: ModelTeam, call: ReserveCall, windows: readonly (BudgetWindow | undefined)[], nowMs: number): void {
  const { rid, bornMs, claims, mode, expiry } = call
  const { history, reservations } = team
  const entries = claims.map((claim, index): Entry => {
    if (claim.kind === 'rate') {
      const { id, perMinute, burst, cost } = claim
      history.bucketChanges.push({ id, perMinute, burst, atMs: nowMs, units: -cost * UNITS_PER_TOKEN, by: mode === 'force' ? 'force' : 'reserve' })
      return { kind: 'rate', id, cost }
    }
    if (claim.kind === 'concurrency') {
      history.touched.add(`c:${claim.id}`)
      return { kind: 'concurrency', id: claim.id, cost: 1 }
    }
    const window = windows[index]
    if (window === undefined) throw new Error('a budget cannot be taken from without a window')
    useWindow(history, reservations, { id: claim.id, window, nowMs })
    return { kind: 'budget', id: claim.id, cost: claim.cost, windowId: window.id }
  })
  reservations.set(rid, { state: 'held', bornMs, expiry, entries, dueMs: nowMs + LEASE_MS })
  changed(team, `${nowMs}-${rid}`)
}
