import { entryName, KINDS } from './store.ts'
import type { Account } from './principal.ts'
import type { AccountEntry, Documents, Kind } from './store.ts'
import type { AdminToken, ClientKey } from './account.ts'

/** All documents in memory, by the names they are asked for under. */
export interface AccountIndex {
  /** A key by any of its secrets that lives at that time, as the store's clock has it. */
  findByDigest (digest: string, nowMs: number): Account | undefined
  findTokenByDigest (digest: string): AdminToken | undefined
  get<K extends Kind> (kind: K, id: string): Documents[K] | undefined
  /** All of a kind by id. */
  all<K extends Kind> (kind: K): Documents[K][]
  /** What is known of an entry, removed or not. */
  entry (named: Pick<AccountEntry, 'kind' | 'id'>): AccountEntry | undefined
  entries (): readonly AccountEntry[]
  /** Takes an entry in unless the same or a later revision of it is known. */
  apply (entry: AccountEntry): void
  /** Forgets everything else. */
  replaceAll (entries: readonly AccountEntry[]): void
}

/** A secret of a key or a token, by its digest. */
interface Secret<Owner> { readonly owner: Owner, readonly untilMs: number }

export function createAccountIndex (): AccountIndex {
  const entries = new Map<string, AccountEntry>()
  const documents = mapsByKind()
  const keySecrets = createSecrets<ClientKey>((key) => [{ digest: key.digest, untilMs: Infinity }, ...key.former])
  const tokenSecrets = createSecrets<AdminToken>((token) => [{ digest: token.digest, untilMs: Infinity }])

  function apply (entry: AccountEntry): void {
    const name = entryName(entry)
    const known = entries.get(name)
    if (known !== undefined && known.revision >= entry.revision) return
    entries.set(name, entry)
    if (entry.kind === 'key') keySecrets.replace(documents.key.get(entry.id), entry.document)
    if (entry.kind === 'token') tokenSecrets.replace(documents.token.get(entry.id), entry.document)
    const map = documents[entry.kind] as Map<string, Documents[Kind]>
    if (entry.document === undefined) map.delete(entry.id)
    else map.set(entry.id, entry.document)
  }

  return {
    findByDigest (digest, nowMs) {
      const found = keySecrets.find(digest)
      if (found === undefined || nowMs >= found.untilMs) return undefined
      const team = documents.team.get(found.owner.team)
      return team === undefined ? undefined : { team, key: found.owner }
    },
    findTokenByDigest: (digest) => tokenSecrets.find(digest)?.owner,
    get: (kind, id) => documents[kind].get(id),
    all: (kind) => [...documents[kind].values()].sort((a, b) => a.id < b.id ? -1 : 1),
    entry: (named) => entries.get(entryName(named)),
    entries: () => [...entries.values()],
    apply,
    replaceAll (all) {
      entries.clear()
      for (const kind of KINDS) documents[kind].clear()
      for (const secrets of [keySecrets, tokenSecrets]) secrets.clear()
      for (const entry of all) apply(entry)
    }
  }
}

function mapsByKind (): { readonly [K in Kind]: Map<string, Documents[K]> } {
  return { team: new Map(), key: new Map(), token: new Map(), upstream: new Map() }
}

interface Secrets<Owner> {
  find (digest: string): Secret<Owner> | undefined
  replace (before: Owner | undefined, after: Owner | undefined): void
  clear (): void
}

/** The owners of digests. @param secretsOf every secret of an owner, with the time at which it dies */
function createSecrets<Owner extends { readonly id: string }> (
  secretsOf: (owner: Owner) => readonly { readonly digest: string, readonly untilMs: number }[]
): Secrets<Owner> {
  const byDigest = new Map<string, Secret<Owner>>()
  return {
    find: (digest) => byDigest.get(digest),
    replace (before, after) {
      for (const { digest } of before === undefined ? [] : secretsOf(before)) {
        // A digest may have gone to another owner since.
        if (byDigest.get(digest)?.owner.id === before?.id) byDigest.delete(digest)
      }
      // The latest last: should a secret be there twice, the one that lives longer counts.
      for (const { digest, untilMs } of after === undefined ? [] : secretsOf(after).toReversed()) {
        if (after !== undefined) byDigest.set(digest, { owner: after, untilMs })
      }
    },
    clear: () => byDigest.clear()
  }
}
