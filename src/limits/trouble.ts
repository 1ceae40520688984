/** What is told of a store in trouble, for metrics, and where it says so for the log. */
export type TroubleEvent =
  /** Once for every change, never for every call. */
  | { readonly kind: 'store_state', readonly isUp: boolean, readonly code: string | undefined }
  /** A call that was sent and failed. */
  | { readonly kind: 'store_error', readonly operation: StoreOperation, readonly code: string }
  /** It cannot be known whether a reservation was made, so it was voided. */
  | { readonly kind: 'reserve_ambiguous' }
  /** The answer to an earlier try had been lost. */
  | { readonly kind: 'repeated', readonly operation: 'reserve' | 'settle' }
  /** The store has lost writes that it had acknowledged: some, or all of a team's. */
  | { readonly kind: 'store_rollback', readonly team: string, readonly loss: Loss }
  | { readonly kind: 'recovered', readonly team: string }
  /** Log: a settlement that the store will never take. A spool keeps it for people to look at. */
  | { readonly kind: 'settlement_lost', readonly team: string, readonly rid: string, readonly reason: LostReason, readonly cause: unknown }
  /** Once for every change. */
  | { readonly kind: 'spool_state', readonly isHealthy: boolean, readonly cause: unknown }
  /** Reservations that had run out were ended: nobody had renewed them. */
  | { readonly kind: 'swept', readonly count: number }
  /** Redis had lost a script, or had never had it, and was given it anew. */
  | { readonly kind: 'script_loaded' }
  /** A renewal, a sweep or a step of a recovery failed; it is repeated by itself. */
  | { readonly kind: 'upkeep_failed', readonly cause: unknown }

export type StoreOperation = 'reserve' | 'settle' | 'renew' | 'hold'
export type Loss = 'rollback' | 'total'
export type LostReason = 'old' | 'refused' | 'overflow'
export type Report = (event: TroubleEvent) => void
