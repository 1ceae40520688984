import type { ClientKey, Team } from './account.ts'

/**
 * Where teams and keys are kept. Stores know them as documents that are only ever replaced by one of the next revision, a
 * removal being a revision too: what a store has lost and a replica still knows can then be put back in any order.
 */
export interface AccountStore {
  load (): Promise<LoadedAccounts>
  /** What was written since a cursor of this store, oldest first, and each entry as it is now. */
  changesSince (cursor: string): Promise<AccountChanges>
  /**
   * Writes the next revision of one entry; of one that the store knows nothing of, or has forgotten, it may be any.
   * @throws GatewayError `conflict` where the store has another revision than the one before it, where a key's team is not
   * there, and where a team that is to be removed still has keys
   */
  put (entry: AccountEntry): Promise<void>
  /** Writes those of which the store knows nothing as new. */
  restore (entries: readonly AccountEntry[]): Promise<void>
}

export type AccountEntry = TeamEntry | KeyEntry

export interface TeamEntry extends Revision {
  readonly kind: 'team'
  readonly document: Team | undefined
}

export interface KeyEntry extends Revision {
  readonly kind: 'key'
  readonly document: ClientKey | undefined
}

interface Revision {
  readonly id: string
  /** Counts from 1 and goes on over a removal. */
  readonly revision: number
  /** When it was removed; then there is no document. */
  readonly removedMs: number | undefined
}

export interface LoadedAccounts {
  readonly entries: readonly AccountEntry[]
  readonly cursor: string
}

export type AccountChanges =
  | { readonly status: 'changes', readonly entries: readonly AccountEntry[], readonly cursor: string }
  /** The cursor is too old to go on from: load again. */
  | { readonly status: 'gap' }
  /** The store has lost what it had at the cursor: what is known of it is to be put back. */
  | { readonly status: 'lost' }

/** A removal is remembered for so long, so that nobody puts back what is gone. */
export const REMOVAL_MEMORY_MS = 30 * 24 * 3_600_000

/** Most entries that one call may restore. */
export const RESTORED_ENTRIES_MAX = 256

/** The name of an entry among all of both kinds. */
export function entryName ({ kind, id }: Pick<AccountEntry, 'kind' | 'id'>): string {
  return `${kind}:${id}`
}
