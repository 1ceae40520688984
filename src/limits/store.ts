import type { Claim, Standing } from './claim.ts'
import type { LedgerRecord } from '../metering/ledger.ts'

/**
 * Where limits are kept: RELIABILITY's two-phase accounting. Each method is one atomic step on one team's state, and every
 * step may be repeated: the second time changes nothing. Time is the store's own.
 *
 * A reservation is `held` from its grant until it is settled, voided or expired. An expired one has been charged in full,
 * and a settlement that comes late corrects that. What is final is remembered for `FINAL_MEMORY_MS` after its birth.
 *
 * Every method rejects with StoreUnavailable where it cannot be known whether the step was taken.
 */
export interface LimitStore {
  /** All claims or none: a refusal changes nothing. */
  reserve (call: ReserveCall): Promise<ReserveReply>
  /** Puts the actual amounts in the place of the reserved ones, and writes the ledger's record and its hour's sums, once. */
  settle (call: SettleCall): Promise<SettleReply>
  /** Extends leases, and ends up to SWEEP_RESERVATIONS_MAX that have run out. With no rids it only sweeps. */
  renew (call: RenewCall): Promise<RenewReply>
  /** Refuses budgets of the team for at most HOLD_MS_MAX, so that replicas can write again what the store has lost. */
  hold (call: { readonly team: string, readonly durationMs: number }): Promise<StoreState>
}

/** A request asks the store at most so many questions that may hold something: seven for each of its three attempts. */
export const RESERVATION_IDS_MAX = 21

/** The id of a request's nth reservation, from 1: by these the store's record of a request is found. */
export function reservationId (requestId: string, place: number): string {
  return `${requestId}#${place}`
}

/** A reservation that nobody renews for this long is taken for abandoned. */
export const LEASE_MS = 30_000
/** How long a final reservation is remembered after its birth. A call that comes later is refused as `old`. */
export const FINAL_MEMORY_MS = 2 * 3_600_000
/** What can no longer be asked for is kept so much longer, for clocks that go back. */
export const FINAL_GRACE_MS = 3_600_000
/** A first reservation older than this has been lying in some buffer; nobody waits for it any more. */
export const BIRTH_MS_MAX = 60_000
/** A birth further ahead of the store's clock than this is refused too: its memory would be kept too long. */
export const BIRTH_AHEAD_MS_MAX = 3_600_000
/** Bounds what one call has to clear away. */
export const SWEEP_RESERVATIONS_MAX = 32

/** No hold is longer: one that seems to be is left from a clock that has been put back, and holds nothing. */
export const HOLD_MS_MAX = 60_000

/** What every reply says of the team's state, so that its loss is noticed. */
export interface StoreState {
  /** Grows with every step that changes anything. A smaller one than was seen before means that writes were lost. */
  readonly version: number
  /** Names the life of the state: another one means that all of it was lost. Empty before the first write. */
  readonly epoch: string
  /** Until when budgets are on hold; 0 if they never were. A new one tells every replica that somebody has noticed a loss. */
  readonly holdUntilMs: number
  /** The store's clock. */
  readonly nowMs: number
}

export interface ReserveCall {
  readonly team: string
  /** The reservation's own id; the same in every repetition. */
  readonly rid: string
  readonly bornMs: number
  readonly claims: readonly Claim[]
  /**
   * `check` decides and changes nothing; `reserve` decides and takes; `force` takes without deciding, to put back what a
   * store has lost while its request still runs.
   */
  readonly mode: 'check' | 'reserve' | 'force'
  /**
   * What goes into the ledger should the reservation expire, of outcome `expired`; a settlement that comes late replaces it.
   * Undefined where no single request would have been charged.
   */
  readonly expiry: LedgerRecord | undefined
}

export type ReserveReply = StoreState & (
  /** `repeated`: it was held already, and its lease is new. Then the standings count it in. */
  | { readonly status: 'granted', readonly repeated: boolean, readonly standings: readonly Standing[] }
  /** At least one claim cannot be met: `judge` says which. */
  | { readonly status: 'denied', readonly standings: readonly Standing[] }
  /** It is settled or voided. */
  | { readonly status: 'final' }
  /** Its lease ran out and it was charged. */
  | { readonly status: 'expired' }
  /** It was born too long ago. */
  | { readonly status: 'old' }
  /** No window of some budget contains the store's time: make new claims for `nowMs`. */
  | { readonly status: 'stale' }
  /** Budgets are on hold until `holdUntilMs`: see `hold`. */
  | { readonly status: 'on_hold' }
)

/** What was used in the end, limit by limit, in the order of the reservation's claims. */
export type Charge =
  | { readonly kind: 'rate', readonly id: string, readonly perMinute: number, readonly burst: number, readonly cost: number }
  | { readonly kind: 'concurrency', readonly id: string }
  | { readonly kind: 'budget', readonly id: string, readonly windowId: string, readonly cost: number }

export interface SettleCall {
  readonly team: string
  readonly rid: string
  readonly bornMs: number
  /** All costs 0 gives everything back. Where the reservation is not known yet, it keeps it from ever being granted. */
  readonly charges: readonly Charge[]
  /** Goes into the ledger in the same step; undefined for the void of what was never used. */
  readonly record: LedgerRecord | undefined
}

export type SettleReply = StoreState & (
  /** `reserved`: it was held. `late`: it had expired. `unreserved`: nothing was known of it, and budgets were charged. */
  | { readonly status: 'settled', readonly how: 'reserved' | 'late' | 'unreserved' }
  /** It was final before; nothing changed. */
  | { readonly status: 'repeated' }
  /** Nothing changed: it is no longer known whether it was settled before. */
  | { readonly status: 'old' }
)

export interface RenewCall {
  readonly team: string
  /** At most RENEW_RESERVATIONS_MAX. */
  readonly rids: readonly string[]
}

export const RENEW_RESERVATIONS_MAX = 256

export interface RenewReply extends StoreState {
  /** Those of `rids` of which the store has never heard: they were lost and are to be forced. */
  readonly unknown: readonly string[]
  /** How many leases were ended. As many as SWEEP_RESERVATIONS_MAX means that there may be more. */
  readonly swept: number
}

/** The store did not answer, or not in time, or is in no state to. Whether the step was taken is not known. */
export class StoreUnavailable extends Error {
  /** What the store said, as a code for logs and metrics: `timeout`, `OOM`, `READONLY`, `ECONNREFUSED` … */
  readonly code: string

  constructor (code: string, options?: ErrorOptions) {
    super(`the store is unavailable: ${code}`, options)
    this.name = 'StoreUnavailable'
    this.code = code
  }
}
