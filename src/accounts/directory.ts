import { createAccountIndex } from './account-index.ts'
import { createCatchUp } from './catch-up.ts'
import { GatewayError } from '../core/errors.ts'
import type { AccountEntry, AccountStore } from './store.ts'
import type { AccountIndex } from './account-index.ts'
import type { ClientKey, KeySettings, Team, TeamSettings } from './account.ts'
import type { Clock } from '../core/clock.ts'

/**
 * All teams and keys. They are read from memory, which goes on answering while the store is away, and written to the store
 * first. A write is made from the document that is handed in: it is a `conflict` if somebody has replaced that meanwhile.
 * Writes reject with GatewayError `conflict` or `store_unavailable`.
 */
export interface Directory extends Pick<AccountIndex, 'findByDigest' | 'team' | 'key' | 'teams' | 'keysOf'> {
  createTeam (id: string, settings: TeamSettings): Promise<Team>
  replaceTeam (team: Team, settings: TeamSettings): Promise<Team>
  /** A `conflict` while the team has keys. */
  removeTeam (team: Team): Promise<void>
  createKey (key: NewKey): Promise<ClientKey>
  replaceKey (key: ClientKey, changes: { readonly settings?: KeySettings, readonly digest?: string }): Promise<ClientKey>
  /** From now on nobody is let in by it. */
  removeKey (key: ClientKey): Promise<void>
  /** Takes in what other processes have written. */
  catchUp (): Promise<void>
}

export type NewKey = Pick<ClientKey, 'id' | 'team' | 'digest' | 'settings'>

/** @throws GatewayError `store_unavailable`: before the first reading there is nothing to answer from */
export async function openDirectory (store: AccountStore, clock: Clock): Promise<Directory> {
  const index = createAccountIndex()
  const catchUp = await createCatchUp(store, index)

  async function write (entry: AccountEntry): Promise<void> {
    await store.put(entry)
    index.apply(entry)
  }

  async function writeTeam (document: Team): Promise<Team> {
    await write({ kind: 'team', id: document.id, revision: document.revision, removedMs: undefined, document })
    return document
  }

  async function writeKey (document: ClientKey): Promise<ClientKey> {
    await write({ kind: 'key', id: document.id, revision: document.revision, removedMs: undefined, document })
    return document
  }

  async function remove (kind: AccountEntry['kind'], { id, revision }: Team | ClientKey): Promise<void> {
    await write({ kind, id, revision: revision + 1, removedMs: clock.nowMs(), document: undefined })
  }

  function birth (kind: AccountEntry['kind'], id: string): { createdMs: number, revision: number } {
    const known = index.entry({ kind, id })
    if (known?.document !== undefined) throw new GatewayError('conflict', `There is a ${kind} "${id}" already.`)
    return { createdMs: clock.nowMs(), revision: (known?.revision ?? 0) + 1 }
  }

  return {
    findByDigest: index.findByDigest,
    team: index.team,
    key: index.key,
    teams: index.teams,
    keysOf: index.keysOf,
    createTeam: async (id, settings) => await writeTeam({ id, settings, ...birth('team', id) }),
    replaceTeam: (team, settings) => writeTeam({ ...team, settings, revision: team.revision + 1 }),
    removeTeam: (team) => remove('team', team),
    createKey: async (key) => await writeKey({ ...key, ...birth('key', key.id) }),
    replaceKey: (key, changes) => writeKey({ ...key, ...changes, revision: key.revision + 1 }),
    removeKey: (key) => remove('key', key),
    catchUp
  }
}
