import { entryName } from './store.ts'
import type { Account } from './principal.ts'
import type { AccountEntry } from './store.ts'
import type { ClientKey, Team } from './account.ts'

/** Teams and keys in memory, by the names they are asked for under. */
export interface AccountIndex {
  findByDigest (digest: string): Account | undefined
  team (id: string): Team | undefined
  key (id: string): ClientKey | undefined
  teams (): readonly Team[]
  keysOf (team: string): readonly ClientKey[]
  /** What is known of an entry, removed or not. */
  entry (named: Pick<AccountEntry, 'kind' | 'id'>): AccountEntry | undefined
  entries (): readonly AccountEntry[]
  /** Takes an entry in unless the same or a later revision of it is known. */
  apply (entry: AccountEntry): void
  /** Forgets everything else. */
  replaceAll (entries: readonly AccountEntry[]): void
}

export function createAccountIndex (): AccountIndex {
  const entries = new Map<string, AccountEntry>()
  const teams = new Map<string, Team>()
  const keys = new Map<string, ClientKey>()
  const byDigest = new Map<string, ClientKey>()

  function forgetDigest (key: ClientKey | undefined): void {
    if (key !== undefined && byDigest.get(key.digest)?.id === key.id) byDigest.delete(key.digest)
  }

  function apply (entry: AccountEntry): void {
    const name = entryName(entry)
    const known = entries.get(name)
    if (known !== undefined && known.revision >= entry.revision) return
    entries.set(name, entry)
    if (entry.kind === 'team') {
      put(teams, entry.id, entry.document)
      return
    }
    forgetDigest(keys.get(entry.id))
    put(keys, entry.id, entry.document)
    if (entry.document !== undefined) byDigest.set(entry.document.digest, entry.document)
  }

  return {
    findByDigest (digest) {
      const key = byDigest.get(digest)
      const team = key === undefined ? undefined : teams.get(key.team)
      return key === undefined || team === undefined ? undefined : { team, key }
    },
    team: (id) => teams.get(id),
    key: (id) => keys.get(id),
    teams: () => [...teams.values()].sort(byId),
    keysOf: (team) => [...keys.values()].filter((key) => key.team === team).sort(byId),
    entry: (named) => entries.get(entryName(named)),
    entries: () => [...entries.values()],
    apply,
    replaceAll (all) {
      for (const map of [entries, teams, keys, byDigest]) map.clear()
      for (const entry of all) apply(entry)
    }
  }
}

function put<T> (map: Map<string, T>, id: string, document: T | undefined): void {
  if (document === undefined) map.delete(id)
  else map.set(id, document)
}

function byId (a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1
}
