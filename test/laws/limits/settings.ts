import fc from 'fast-check'
import { NO_END } from '../../../src/limits/claim.ts'
import type { BudgetWindow, Claim } from '../../../src/limits/claim.ts'

/** What is set of a team: names that stay, numbers that may change between any two calls. */
export type Limit = RateLimit | PlacesLimit | BudgetLimit
export interface RateLimit { readonly kind: 'rate', readonly id: string, readonly perMinute: number, readonly burst: number }
export interface PlacesLimit { readonly kind: 'concurrency', readonly id: string, readonly limit: number }

export interface BudgetLimit {
  readonly kind: 'budget'
  readonly id: string
  /** Never ends where it is undefined. */
  readonly periodMs: number | undefined
  readonly expiresAtMs: number | undefined
  readonly amount: number
}

export const HOUR_MS = 3_600_000
/** Shorter than people can set: windows come and go, and some may still be charged when they are many. */
export const SHORTEST_MS = 10 * 60_000
export const SHORTEST_MASK = 0b1000000
const DAY_MS = 24 * HOUR_MS

/** Shortly before a midnight. It is ahead of every real clock, so that no store forgets what only a real clock finds old. */
export const START_MS = Date.UTC(2040, 2, 31) - 5_000

/** Objects as our code makes them. */
export function plain<Members> (members: { [Name in keyof Members]: fc.Arbitrary<Members[Name]> }): fc.Arbitrary<Members> {
  return fc.record(members, { noNullPrototype: true }) as fc.Arbitrary<Members>
}

const rate = (id: string): fc.Arbitrary<Limit> => plain({
  kind: fc.constant('rate'),
  id: fc.constant(id),
  perMinute: fc.constantFrom(1, 7, 60, 600, 1_000_000_000),
  burst: fc.constantFrom(1, 3, 10, 25, 1_000_000_000)
})

const places: fc.Arbitrary<Limit> = plain({ kind: fc.constant('concurrency'), id: fc.constant('t.conc'), limit: fc.constantFrom(0, 1, 2, 5, 40) })

/** Small ones are exhausted exactly, and often; of large ones a number format that is not exact loses the last digits. */
const amount = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 60 }) },
  { weight: 3, arbitrary: fc.integer({ min: 2 ** 51, max: 2 ** 52 }) }
)

const budget = (id: string, period: Pick<BudgetLimit, 'periodMs' | 'expiresAtMs'>): fc.Arbitrary<Limit> =>
  amount.map((amount) => ({ kind: 'budget', id, amount, ...period }))

/** All limits of one team; a request asks for some of them. */
export const limitsArbitrary: fc.Arbitrary<readonly Limit[]> = fc.tuple(
  rate('t.rpm'),
  budget('t.b.hourly', { periodMs: HOUR_MS, expiresAtMs: undefined }),
  places,
  budget('k.a1.b.daily', { periodMs: DAY_MS, expiresAtMs: undefined }),
  rate('k.a1.tpm'),
  budget('t.b.total', { periodMs: undefined, expiresAtMs: undefined }),
  budget('k.a1.b.short', { periodMs: SHORTEST_MS, expiresAtMs: undefined }),
  budget('t.b.trial', { periodMs: undefined, expiresAtMs: START_MS + 2 * HOUR_MS })
)

/** The window that a time is in. */
export function windowAt ({ periodMs, expiresAtMs, amount }: BudgetLimit, timeMs: number): BudgetWindow {
  if (periodMs !== undefined) {
    const startMs = Math.floor(timeMs / periodMs) * periodMs
    return { id: String(startMs), startMs, endMs: startMs + periodMs, amount }
  }
  if (expiresAtMs !== undefined && timeMs >= expiresAtMs) return { id: 'expired', startMs: expiresAtMs, endMs: NO_END, amount: 0 }
  return { id: 'total', startMs: 0, endMs: expiresAtMs ?? NO_END, amount }
}

/** The windows around what a gateway takes for the time, oldest first. */
function windowsAround (budget: BudgetLimit, timeMs: number): BudgetWindow[] {
  const current = windowAt(budget, timeMs)
  const previous = current.startMs > 0 ? [windowAt(budget, current.startMs - 1)] : []
  const next = current.endMs < NO_END ? [windowAt(budget, current.endMs)] : []
  return [...previous, current, ...next]
}

export function claimOf (limit: Limit, cost: number, gatewayMs: number): Claim {
  switch (limit.kind) {
    case 'rate': return { ...limit, cost }
    case 'concurrency': return { ...limit }
    case 'budget': return { kind: 'budget', id: limit.id, cost, windows: windowsAround(limit, gatewayMs) }
  }
}
