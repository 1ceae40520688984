import type { AccountStore } from '../accounts/store.ts'
import type { IdempotencyStore } from '../accounts/idempotency-store.ts'
import type { Ledger, Refusals } from '../metering/ledger.ts'
import type { LimitStore } from '../limits/store.ts'
import type { OpenSpool } from './spool.ts'
import type { UsageReader } from '../metering/rollups.ts'

/** All that a gateway keeps somewhere, whichever store it keeps it in. */
export interface Backend {
  /** The same limits over two ways, so that one that hangs does not hold up the other. */
  readonly limits: { readonly main: LimitStore, readonly spare: LimitStore }
  readonly accounts: AccountStore
  readonly idempotency: IdempotencyStore
  readonly ledger: Ledger
  readonly refusals: Refusals
  readonly usage: UsageReader
  /** Keeps settlements while the store is away; undefined where the store is this process's own. */
  readonly spool: OpenSpool | undefined
  /** Teams of which something was held when the process began, as far as the store knows by itself. */
  readonly teamsHeld: readonly string[]
  /** What makes the store unfit to keep budgets, in words. @throws StoreUnavailable */
  problems (): Promise<readonly string[]>
  /** Called whenever a connection has been made anew. */
  onReconnect (listener: () => void): void
  /**
   * Forgets what is older than it is to be kept, a little at a time.
   * @param teams all there are; of one that is gone a store may find things by itself
   * @throws Error where the store fails
   */
  trim (teams: readonly string[]): Promise<void>
  close (): Promise<void>
}
