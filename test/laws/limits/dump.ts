import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { UsageHour } from '../../../src/metering/rollups.ts'

/** One claim of a reservation, as it was granted. */
export type Entry =
  | { readonly kind: 'rate', readonly id: string, readonly cost: number }
  | { readonly kind: 'concurrency', readonly id: string, readonly cost: 1 }
  | { readonly kind: 'budget', readonly id: string, readonly cost: number, readonly windowId: string }

export interface DumpedReservation {
  readonly rid: string
  readonly state: 'held' | 'expired'
  readonly bornMs: number
  readonly expiry?: LedgerRecord | undefined
  readonly entries: readonly Entry[]
  /** When a held one expires, or an expired one is forgotten. */
  readonly dueMs: number
}

/** The one record of a reservation. */
export interface Written { readonly rid: string, readonly record: LedgerRecord }

/** All there is of one team in a store, in a form in which two stores' can be compared. */
export interface TeamDump {
  readonly version: number
  readonly epoch: string
  readonly holdUntilMs: number
  /** `rl:<id>` level and `rt:<id>` time of buckets, `c:<id>` in flight, `bs:<id>:<window>` spent, `br:<id>:<window>` held. */
  readonly counters: Readonly<Record<string, number>>
  /** The windows that each budget knows, as `<window>=<endMs>` joined by spaces. */
  readonly windows: Readonly<Record<string, string>>
  /** By rid. */
  readonly reservations: readonly DumpedReservation[]
  /** By rid. */
  readonly finals: readonly string[]
  /** By rid. */
  readonly ledger: readonly Written[]
  /** By hour, key, model and currency; hours that came to nothing in the end are left out. */
  readonly usage: readonly UsageHour[]
}

export function byText<Value> (textOf: (value: Value) => string): (one: Value, other: Value) => number {
  return (one, other) => {
    const [a, b] = [textOf(one), textOf(other)]
    return a < b ? -1 : a > b ? 1 : 0
  }
}

/** Hours in the order in which a dump has them. */
export function hoursInOrder (hours: readonly UsageHour[]): UsageHour[] {
  return [...hours].sort(byText(({ hourMs, keyId, model, currency }) => JSON.stringify([hourMs, keyId, model, currency])))
}

/** Keys in order, so that equal records print alike. */
export function ordered<Value> (record: Iterable<readonly [string, Value]>): Record<string, Value> {
  return Object.fromEntries([...record].sort(byText(([key]) => key)))
}
