import { createDueQueue, NO_PLACE } from './engine-due.ts'
import type { BudgetWindow, Claim } from './claim.ts'
import type { Due, DueQueue } from './engine-due.ts'
import type { LedgerRecord } from '../metering/ledger.ts'

/** All that is counted for one team, in memory. Fields have the names that stores keep them under. */
export interface TeamState {
  /** `v`, `h`, `rl:…`, `rt:…`, `c:…`, `bs:…` and `br:…`; what is absent is 0, but for a bucket, which then is full. */
  readonly counters: Map<string, number>
  /** `e`, and `bw:<budget>`: the windows that are kept of a budget, "windowId=endMs", oldest first. */
  readonly texts: Map<string, string>
  readonly reservations: Map<string, Reservation>
  readonly due: DueQueue<Reservation>
  /** What is not written down yet. */
  changes: Changes
}

export interface Reservation extends Due {
  readonly bornMs: number
  /** What its expiry writes into the ledger, or has written. */
  readonly expiry: LedgerRecord | undefined
  readonly entries: readonly Entry[]
  /** A held one is due at the end of its lease; an expired one, when it need not be remembered any more. */
  state: 'held' | 'expired'
}

/** What was taken of one limit. */
export interface Entry {
  readonly kind: Claim['kind']
  readonly id: string
  readonly cost: number
  /** Of budgets. */
  readonly windowId?: string
}

/** Whoever keeps the state takes from here what to write, as it is by then. */
export interface Changes {
  /** Names of counters and texts; what is no longer there is to be removed. */
  readonly fields: Set<string>
  /** Likewise for reservations. */
  readonly rids: Set<string>
  /** When each of those that are final from now on was born. */
  readonly finals: Map<string, number>
  /** In their order. */
  readonly ledger: LedgerChange[]
}

/** The one record of a reservation comes, or goes, or another one takes its place. */
export interface LedgerChange {
  readonly rid: string
  readonly atMs: number
  readonly former: LedgerRecord | undefined
  readonly record: LedgerRecord | undefined
}

export function createTeamState (): TeamState {
  return { counters: new Map(), texts: new Map(), reservations: new Map(), due: createDueQueue(), changes: noChanges() }
}

function noChanges (): Changes {
  return { fields: new Set(), rids: new Set(), finals: new Map(), ledger: [] }
}

/** True where something is to be written: every step that changes anything counts the version on. */
export function isChanged ({ changes }: TeamState): boolean {
  return changes.fields.size > 0
}

export function takeChanges (state: TeamState): Changes {
  const { changes } = state
  state.changes = noChanges()
  return changes
}

export function counter (state: TeamState, field: string): number {
  return state.counters.get(field) ?? 0
}

export function setCounter (state: TeamState, field: string, value: number): void {
  state.counters.set(field, value)
  state.changes.fields.add(field)
}

export function addTo (state: TeamState, field: string, amount: number): void {
  setCounter(state, field, counter(state, field) + amount)
}

function setText (state: TeamState, field: string, value: string): void {
  state.texts.set(field, value)
  state.changes.fields.add(field)
}

function removeCounter (state: TeamState, field: string): void {
  state.counters.delete(field)
  state.changes.fields.add(field)
}

/** Counts a change, and names the state's life with the first. */
export function countVersion (state: TeamState, nowMs: number, by: string): void {
  if (!state.texts.has('e')) setText(state, 'e', `${nowMs}-${by}`)
  addTo(state, 'v', 1)
}

export function changeLedger (state: TeamState, change: LedgerChange): void {
  if (change.former !== undefined || change.record !== undefined) state.changes.ledger.push(change)
}

/** A reservation as it is made or loaded; the state does not change by it. */
export function keepReservation (state: TeamState, reservation: Omit<Reservation, 'place'>): void {
  const kept = { ...reservation, place: NO_PLACE }
  state.reservations.set(kept.rid, kept)
  state.due.put(kept, kept.dueMs)
}

export function dropReservation (state: TeamState, reservation: Reservation): void {
  state.due.remove(reservation)
  state.reservations.delete(reservation.rid)
  state.changes.rids.add(reservation.rid)
}

/** A budget keeps more windows only while each of them may still be charged. */
const WINDOWS_KEPT_MAX = 4

/** Remembers that a budget counts in a window, and forgets the counters of its oldest ones that ended before `endedBeforeMs`. */
export function rememberWindow (state: TeamState, budgetId: string, window: BudgetWindow, endedBeforeMs: number): void {
  const field = `bw:${budgetId}`
  const known = (state.texts.get(field) ?? '').split(' ').filter(Boolean)
  if (known.some((entry) => windowOf(entry).id === window.id)) return
  known.push(`${window.id}=${window.endMs}`)
  while (known.length > WINDOWS_KEPT_MAX) {
    const ended = known.find((entry) => windowOf(entry).endMs < endedBeforeMs)
    if (ended === undefined) break
    known.splice(known.indexOf(ended), 1)
    for (const kind of ['bs', 'br']) removeCounter(state, `${kind}:${budgetId}:${windowOf(ended).id}`)
  }
  setText(state, field, known.join(' '))
}

function windowOf (entry: string): { readonly id: string, readonly endMs: number } {
  const equals = entry.lastIndexOf('=')
  return { id: entry.slice(0, equals), endMs: Number(entry.slice(equals + 1)) }
}
