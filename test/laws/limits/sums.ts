import { BACK_MS_MAX } from './scene.ts'
import { bornMsOf } from './requests.ts'
import { byText } from './dump.ts'
import { FINAL_GRACE_MS, FINAL_MEMORY_MS, SWEEP_RESERVATIONS_MAX } from '../../../src/limits/store.ts'
import { spentField } from './witness.ts'
import { usageOf } from './model-usage.ts'
import type { Charge } from '../../../src/limits/store.ts'
import type { DumpedReservation, Entry, TeamDump } from './dump.ts'
import type { Witness } from './witness.ts'

/** Amounts by counter, those that are 0 left out. Sums are exact however large they are. */
export type Sums = Record<string, bigint>

function add (sums: Sums, field: string, amount: number): void {
  const total = (sums[field] ?? 0n) + BigInt(amount)
  if (total === 0n) delete sums[field]
  else sums[field] = total
}

export function addBudgets (sums: Sums, amounts: readonly (Entry | Charge)[], sign: 1 | -1 = 1): void {
  for (const amount of amounts) if (amount.kind === 'budget') add(sums, spentField(amount.id, amount.windowId), sign * amount.cost)
}

/** The counters whose names begin so, but for those that were dropped once. */
export function countersOf ({ counters }: TeamDump, prefix: 'c' | 'bs' | 'br', { dropped }: Witness): Sums {
  const sums: Sums = {}
  for (const [field, amount] of Object.entries(counters)) if (field.startsWith(`${prefix}:`) && !dropped.has(field)) add(sums, field, amount)
  return sums
}

export function withoutDropped (sums: Sums, { dropped }: Witness): Sums {
  return Object.fromEntries(Object.entries(sums).filter(([field]) => !dropped.has(field)))
}

export function difference (after: Sums, before: Sums): Sums {
  const sums = { ...after }
  for (const [field, amount] of Object.entries(before)) {
    const total = (sums[field] ?? 0n) - amount
    if (total === 0n) delete sums[field]
    else sums[field] = total
  }
  return sums
}

/** What each request came to in the end, as far as it has come to an end. */
export function finalCharges ({ settled, expired }: Witness): Sums {
  const sums: Sums = {}
  for (const { charges } of settled.values()) addBudgets(sums, charges)
  for (const [rid, entries] of expired) if (!settled.has(rid)) addBudgets(sums, entries)
  return sums
}

export function heldBy ({ reservations }: TeamDump, prefix: 'c' | 'br'): Sums {
  const sums: Sums = {}
  for (const entry of reservations.flatMap(({ state, entries }) => state === 'held' ? entries : [])) {
    if (prefix === 'br' && entry.kind === 'budget') add(sums, `br:${entry.id}:${entry.windowId}`, entry.cost)
    if (prefix === 'c' && entry.kind === 'concurrency') add(sums, `c:${entry.id}`, 1)
  }
  return sums
}

/** What a dump looks like after the leases that have run out are ended, and nothing else has happened. */
export function swept (dump: TeamDump, nowMs: number): TeamDump {
  const due = dump.reservations.filter(({ dueMs }) => dueMs <= nowMs)
    .sort((one, other) => one.dueMs - other.dueMs || (one.rid < other.rid ? -1 : 1)).slice(0, SWEEP_RESERVATIONS_MAX)
  if (due.length === 0) return dump
  const counters = { ...dump.counters }
  const change = (field: string, amount: number): void => { counters[field] = (counters[field] ?? 0) + amount }
  const expiring = due.filter(({ state }) => state === 'held')
  for (const entry of expiring.flatMap(({ entries }) => entries)) {
    if (entry.kind === 'concurrency') change(`c:${entry.id}`, -1)
    if (entry.kind !== 'budget') continue
    change(`br:${entry.id}:${entry.windowId}`, -entry.cost)
    change(`bs:${entry.id}:${entry.windowId}`, entry.cost)
  }
  const left = dump.reservations.filter((reservation) => !due.includes(reservation))
  const expired = expiring.map((found) => {
    return { ...found, state: 'expired' as const, dueMs: Math.max(nowMs, found.bornMs) + FINAL_MEMORY_MS + FINAL_GRACE_MS }
  })
  const written = expiring.flatMap(({ rid, expiry }) => expiry === undefined ? [] : [{ rid, record: expiry }])
  const ledger = [...dump.ledger, ...written].sort(byText(({ rid }) => rid))
  return {
    ...dump,
    version: dump.version + due.length,
    counters,
    reservations: [...left, ...expired].sort(byText(({ rid }) => rid)),
    ledger,
    usage: usageOf(ledger.map(({ record }) => record))
  }
}

export function withLease (dump: TeamDump, rid: string, dueMs: number): TeamDump {
  return { ...dump, reservations: dump.reservations.map((found) => found.rid === rid ? { ...found, dueMs } : found) }
}

/** Renewals are no changes: leases die with whoever renews them. */
export function withoutLeases (dump: TeamDump): TeamDump {
  return { ...dump, reservations: dump.reservations.map((found) => found.state === 'held' ? { ...found, dueMs: 0 } : found) }
}

/** Without whom a store may have forgotten by then. */
export function remembered (dump: TeamDump, latestMs: number): TeamDump {
  return { ...dump, finals: dump.finals.filter((rid) => latestMs - bornMsOf(rid) <= FINAL_MEMORY_MS + BACK_MS_MAX) }
}

/** With the ends of the leases that a store does not show, as somebody else knows them. */
export function withLeasesOf (known: TeamDump, dump: TeamDump): TeamDump {
  const dues = new Map(known.reservations.map(({ rid, dueMs }) => [rid, dueMs]))
  const dueOf = ({ rid, state, dueMs }: DumpedReservation): number => state === 'held' ? dues.get(rid) ?? dueMs : dueMs
  return { ...dump, reservations: dump.reservations.map((found) => ({ ...found, dueMs: dueOf(found) })) }
}
