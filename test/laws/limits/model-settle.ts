import { changed, isBeyondMemory, stateOf } from './model-team.ts'
import { FINAL_GRACE_MS, FINAL_MEMORY_MS, HOLD_MS_MAX, LEASE_MS, SWEEP_RESERVATIONS_MAX } from '../../../src/limits/store.ts'
import { charge, UNITS_PER_TOKEN } from './history.ts'
import type { Charge, RenewCall, RenewReply, SettleCall, SettleReply, StoreState } from '../../../src/limits/store.ts'
import type { Entry } from './dump.ts'
import type { History } from './history.ts'
import type { ModelReservation, ModelTeam } from './model-team.ts'

export function settle (team: ModelTeam, call: SettleCall, nowMs: number): SettleReply | 'rejected' {
  const { rid, bornMs, charges, record } = call
  const known = team.reservations.get(rid)
  if (known !== undefined && !answers(charges, known.entries)) return 'rejected'
  if (isBeyondMemory(bornMs, nowMs)) return { ...stateOf(team, nowMs), status: 'old' }
  if (team.finals.has(rid)) return { ...stateOf(team, nowMs), status: 'repeated' }

  team.reservations.delete(rid)
  if (known?.state === 'expired') team.history.charges = team.history.charges.filter((charged) => charged.rid !== rid || !charged.isProvisional)
  for (const [index, used] of charges.entries()) {
    const entry = known?.entries[index]
    if (used.kind === 'rate' && entry !== undefined && known?.state === 'held') giveBack(team.history, used, entry.cost, nowMs)
    if (used.kind === 'budget') {
      const windowId = entry?.kind === 'budget' ? entry.windowId : used.windowId
      charge(team.history, { rid, id: used.id, windowId, amount: used.cost, isProvisional: false, wasHeld: known?.state === 'held' })
    }
  }
  team.finals.set(rid, bornMs)
  team.ledger.delete(rid)
  if (record !== undefined) team.ledger.set(rid, record)
  changed(team, `${nowMs}-${rid}`)
  const how = known === undefined ? 'unreserved' : known.state === 'held' ? 'reserved' : 'late'
  return { ...stateOf(team, nowMs), status: 'settled', how }
}

function answers (charges: readonly Charge[], entries: readonly Entry[]): boolean {
  return charges.length === entries.length && charges.every(({ kind, id }, index) => entries[index]?.kind === kind && entries[index].id === id)
}

function giveBack ({ bucketChanges }: History, used: Charge & { readonly kind: 'rate' }, reserved: number, nowMs: number): void {
  const { id, perMinute, burst, cost } = used
  bucketChanges.push({ id, perMinute, burst, atMs: nowMs, units: (reserved - cost) * UNITS_PER_TOKEN, by: 'settle' })
}

/** @returns how many leases were ended */
export function sweep (team: ModelTeam, nowMs: number): number {
  const due = [...team.reservations].filter(([, { dueMs }]) => dueMs <= nowMs)
    .sort(([ridA, a], [ridB, b]) => a.dueMs - b.dueMs || (ridA < ridB ? -1 : 1))
    .slice(0, SWEEP_RESERVATIONS_MAX)
  for (const [rid, found] of due) {
    if (found.state === 'held') expire(team, rid, found, nowMs)
    else forget(team, rid)
    team.version += 1
  }
  return due.length
}

function expire (team: ModelTeam, rid: string, found: ModelReservation, nowMs: number): void {
  const { expiry, bornMs, entries } = found
  found.state = 'expired'
  found.dueMs = Math.max(nowMs, bornMs) + FINAL_MEMORY_MS + FINAL_GRACE_MS
  for (const entry of entries) {
    if (entry.kind !== 'budget') continue
    charge(team.history, { rid, id: entry.id, windowId: entry.windowId, amount: entry.cost, isProvisional: true, wasHeld: true })
  }
  if (expiry !== undefined) team.ledger.set(rid, expiry)
}

/** What it was charged stays for good. */
function forget (team: ModelTeam, rid: string): void {
  team.reservations.delete(rid)
  team.history.charges = team.history.charges.map((charged) => charged.rid === rid ? { ...charged, isProvisional: false } : charged)
}

export function renew (team: ModelTeam, { rids }: RenewCall, nowMs: number): RenewReply {
  const swept = sweep(team, nowMs)
  const unknown: string[] = []
  for (const rid of rids) {
    const found = team.reservations.get(rid)
    if (found?.state === 'held') found.dueMs = nowMs + LEASE_MS
    if (found === undefined && !team.finals.has(rid)) unknown.push(rid)
  }
  return { ...stateOf(team, nowMs), unknown, swept }
}

export function hold (team: ModelTeam, durationMs: number, nowMs: number): StoreState {
  const isOfAnotherTime = team.holdUntilMs > nowMs + HOLD_MS_MAX
  team.holdUntilMs = isOfAnotherTime ? nowMs + durationMs : Math.max(team.holdUntilMs, nowMs + durationMs)
  changed(team, `${nowMs}-hold`)
  return stateOf(team, nowMs)
}
