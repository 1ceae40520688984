/** How long a store keeps what it only shows. */
export interface Retention {
  /** Ledger records, and refusals where a store has no shorter end for them. */
  readonly ledgerMs: number
  /** Hourly sums. */
  readonly usageMs: number
}

export const DAY_MS = 86_400_000
