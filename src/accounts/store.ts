import type { AdminToken, ClientKey, Team, UpstreamDocument } from './account.ts'
import type { AuditDraft, AuditEntry, AuditQuery } from './audit.ts'

/**
 * Where teams, keys, admin tokens and what is set of upstreams are kept, with the log of who wrote them. Stores know them as
 * documents that are only ever replaced by one of the next revision, a removal being a revision too: what a store has lost
 * and a replica still knows can then be put back in any order.
 */
export interface AccountStore {
  load (): Promise<LoadedAccounts>
  /** What was written since a cursor of this store, oldest first, and each entry as it is now. */
  changesSince (cursor: string): Promise<AccountChanges>
  /**
   * Writes the next revision of one entry, and in the same step its entry in the audit log; of an entry that the store knows
   * nothing of, or has forgotten, it may be any revision.
   * @throws GatewayError `conflict` where the store has another revision than the one before it, where a document's team is
   * not there, and where a team that is to be removed still has keys or tokens
   */
  put (entry: AccountEntry, draft: AuditDraft): Promise<void>
  /** Writes those of which the store knows nothing as new. */
  restore (entries: readonly AccountEntry[]): Promise<void>
  /** Adds an entry to the audit log. */
  append (draft: AuditDraft): Promise<AuditEntry>
  /** Entries of the audit log, newest first. */
  audit (query: AuditQuery): Promise<readonly AuditEntry[]>
}

/** What is kept, by its kind. One with a `team` belongs to that team. */
export interface Documents {
  readonly team: Team
  readonly key: ClientKey
  readonly token: AdminToken
  readonly upstream: UpstreamDocument
}

export type Kind = keyof Documents

export const KINDS = ['team', 'key', 'token', 'upstream'] as const satisfies readonly Kind[]

export type AccountEntry = { readonly [K in Kind]: EntryOf<K> }[Kind]

export interface EntryOf<K extends Kind> {
  readonly kind: K
  readonly id: string
  /** Counts from 1 and goes on over a removal. */
  readonly revision: number
  /** When it was removed; then there is no document. */
  readonly removedMs: number | undefined
  readonly document: Documents[K] | undefined
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

/** The name of an entry among all of every kind. */
export function entryName ({ kind, id }: Pick<AccountEntry, 'kind' | 'id'>): string {
  return `${kind}:${id}`
}

/** The team that must be there for an entry to be written. */
export function teamNeeded ({ document }: AccountEntry): string | undefined {
  return document !== undefined && 'team' in document ? document.team : undefined
}

/** An entry as a store has it. Keys were kept without former secrets once. */
export function storedEntry (entry: AccountEntry): AccountEntry {
  if (entry.kind !== 'key' || entry.document === undefined) return entry
  return { ...entry, document: { ...entry.document, former: entry.document.former ?? [] } }
}
