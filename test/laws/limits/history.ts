import { FINAL_MEMORY_MS, LEASE_MS } from '../../../src/limits/store.ts'
import type { BudgetWindow, RateClaim } from '../../../src/limits/claim.ts'
import type { Entry } from './dump.ts'

export const UNITS_PER_TOKEN = 60_000
const KNOWN_WINDOWS = 4

/** What has happened to a team's counters, as plain data that can be copied. */
export interface History {
  bucketChanges: BucketChange[]
  charges: Charged[]
  /** Names of counters that were ever written: a store shows them also where they are 0. */
  touched: Set<string>
  /** What a counter stood at when it was dropped: of that nothing is left. */
  dropped: Map<string, number>
  knownWindows: Map<string, KnownWindow[]>
}

/** Whatever took from a bucket or gave back to it, with the rate that was set then. */
export interface BucketChange extends Pick<RateClaim, 'id' | 'perMinute' | 'burst'> {
  readonly atMs: number
  readonly units: number
  readonly by: 'reserve' | 'force' | 'settle'
}

export interface Charged {
  readonly rid: string
  readonly id: string
  readonly windowId: string
  readonly amount: number
  /** By the expiry of a lease: a settlement may still come. */
  readonly isProvisional: boolean
}

export interface KnownWindow { readonly id: string, readonly endMs: number }
export type Reservations = ReadonlyMap<string, { readonly state: 'held' | 'expired', readonly entries: readonly Entry[] }>

export function createHistory (): History {
  return { bucketChanges: [], charges: [], touched: new Set(), dropped: new Map(), knownWindows: new Map() }
}

/** Every change a bucket has seen, one after the other. */
export function bucketAfter (history: History, id: string): { readonly level: number, readonly timeMs: number } | undefined {
  let bucket: { readonly level: number, readonly timeMs: number } | undefined
  for (const change of history.bucketChanges) {
    if (change.id !== id) continue
    const full = change.burst * UNITS_PER_TOKEN
    let level = levelIn(bucket, change, change.atMs) + change.units
    if (change.by !== 'reserve' && level < -full) level = -full
    if (change.by === 'settle' && level > full) level = full
    bucket = { level, timeMs: bucket !== undefined && bucket.timeMs > change.atMs ? bucket.timeMs : change.atMs }
  }
  return bucket
}

export function levelAt (history: History, rate: Pick<RateClaim, 'id' | 'perMinute' | 'burst'>, nowMs: number): number {
  return levelIn(bucketAfter(history, rate.id), rate, nowMs)
}

type Bucket = NonNullable<ReturnType<typeof bucketAfter>>

function levelIn (bucket: Bucket | undefined, { perMinute, burst }: Pick<RateClaim, 'perMinute' | 'burst'>, nowMs: number): number {
  const full = burst * UNITS_PER_TOKEN
  if (bucket === undefined) return full
  const elapsedMs = nowMs > bucket.timeMs ? nowMs - bucket.timeMs : 0
  const level = bucket.level + elapsedMs * perMinute
  return level > full ? full : level
}

export function inFlight (reservations: Reservations, id: string): number {
  return heldEntries(reservations).filter((entry) => entry.kind === 'concurrency' && entry.id === id).length
}

export function spent (history: History, id: string, windowId: string): number {
  return spentEver(history, id, windowId) - (history.dropped.get(`bs:${id}:${windowId}`) ?? 0)
}

function spentEver ({ charges }: History, id: string, windowId: string): number {
  return sum(charges.filter((charge) => charge.id === id && charge.windowId === windowId).map(({ amount }) => amount))
}

export function held (history: History, reservations: Reservations, budget: { readonly id: string, readonly windowId: string }): number {
  return heldEver(reservations, budget.id, budget.windowId) - (history.dropped.get(`br:${budget.id}:${budget.windowId}`) ?? 0)
}

function heldEver (reservations: Reservations, id: string, windowId: string): number {
  const entries = heldEntries(reservations).filter((entry) => entry.kind === 'budget' && entry.id === id && entry.windowId === windowId)
  return sum(entries.map(({ cost }) => cost))
}

function heldEntries (reservations: Reservations): Entry[] {
  return [...reservations.values()].flatMap(({ state, entries }) => state === 'held' ? entries : [])
}

function sum (amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0)
}

/** Whatever was held before is not any more: the counters of both are written. */
export function charge (history: History, charged: Charged & { readonly wasHeld: boolean }): void {
  const { wasHeld, ...rest } = charged
  history.charges.push(rest)
  history.touched.add(`bs:${charged.id}:${charged.windowId}`)
  if (wasHeld) history.touched.add(`br:${charged.id}:${charged.windowId}`)
}

interface Use { readonly id: string, readonly window: BudgetWindow, readonly nowMs: number }

/** A budget's window is taken from: it is remembered, and one that can never be asked for again may be dropped for it. */
export function useWindow (history: History, reservations: Reservations, { id, window, nowMs }: Use): void {
  const { touched, knownWindows, dropped } = history
  const known = knownWindows.get(id) ?? []
  const isCounted = touched.has(`bs:${id}:${window.id}`) || touched.has(`br:${id}:${window.id}`)
  const isNew = !isCounted && !known.some((other) => other.id === window.id)
  touched.add(`br:${id}:${window.id}`)
  if (!isNew) return
  known.push({ id: window.id, endMs: window.endMs })
  knownWindows.set(id, known)
  while (known.length > KNOWN_WINDOWS) {
    const place = known.findIndex(({ endMs }) => endMs + FINAL_MEMORY_MS + LEASE_MS < nowMs)
    const [gone] = place < 0 ? [] : known.splice(place, 1)
    if (gone === undefined) return
    dropped.set(`bs:${id}:${gone.id}`, spentEver(history, id, gone.id))
    dropped.set(`br:${id}:${gone.id}`, heldEver(reservations, id, gone.id))
    touched.delete(`bs:${id}:${gone.id}`)
    touched.delete(`br:${id}:${gone.id}`)
  }
}
