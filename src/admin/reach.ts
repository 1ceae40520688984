import { GatewayError } from '../core/errors.ts'
import type { Actor } from '../accounts/actor.ts'
import type { Directory } from '../accounts/directory.ts'

/** What a reader may name to see less than everything; undefined for all. */
export interface Narrowing { readonly teams?: readonly string[] | undefined, readonly keys?: readonly string[] | undefined }

/**
 * The teams whose records are to be read. A lead reads those of his own team. One that is no more can still be named, as its
 * records outlive it; it is not among all of them.
 * @throws GatewayError `not_found` for another team than a lead's own, as for one that never was
 */
export function teamsFor (actor: Actor, { teams, keys }: Narrowing, directory: Pick<Directory, 'teams' | 'key'>): readonly string[] {
  if (actor.team !== undefined || actor.role === 'team') {
    if (teams?.some((team) => team !== actor.team) === true) throw new GatewayError('not_found', 'There is no such team.', { param: 'team' })
    return actor.team === undefined ? [] : [actor.team]
  }
  if (teams !== undefined) return [...new Set(teams)]
  return ownersOf(keys, directory) ?? directory.teams().map(({ id }) => id)
}

/** Whose keys these are, if there still are all of them. */
function ownersOf (keys: readonly string[] | undefined, directory: Pick<Directory, 'key'>): readonly string[] | undefined {
  const owners = new Set<string>()
  for (const key of keys ?? []) {
    const owner = directory.key(key)?.team
    if (owner === undefined) return undefined
    owners.add(owner)
  }
  return keys === undefined ? undefined : [...owners]
}

/** What is named once or not at all, as a list. */
export function listOf<T> (value: T | undefined): readonly T[] | undefined {
  return value === undefined ? undefined : [value]
}
