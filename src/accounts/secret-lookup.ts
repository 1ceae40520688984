import { isWellFormed, keyDigest } from './keys.ts'
import type { Repeppering } from './rotation.ts'

/** What digests are made with. While a previous one is set, what was made with it is found too. */
export interface Peppers { readonly current: string, readonly previous: string | undefined }

export interface SecretLookupDeps<Owner> {
  readonly peppers: Peppers
  /** Who has a secret of this digest that lives now. */
  readonly find: (digest: string) => Owner | undefined
  /** Told of a secret that was found by the previous pepper. */
  readonly outdated: (owner: Owner, repeppering: Repeppering) => void
}

const SECRET_CHARACTERS_MAX = 512
const REMEMBERED_MAX = 10_000

/**
 * Finds the owner of a secret by its HMAC digest alone, in a map. A comparison of digests may end sooner or later and tells
 * nothing by it: whoever has no pepper cannot choose what a digest begins with, so there is nothing to feel one's way along,
 * and no secret is ever compared itself.
 *
 * The digests of secrets seen before are remembered by their text, which spares a busy one its hash. The owner is asked for
 * each time all the same, so a secret that has died is dead here too, and forgotten. Only good ones are remembered: guesses
 * cannot fill the memory.
 */
export function createSecretLookup<Owner> (
  { peppers, find, outdated }: SecretLookupDeps<Owner>
): (presented: string) => Owner | undefined {
  const remembered = new Map<string, string>()

  function search (presented: string): Owner | undefined {
    const digest = keyDigest(peppers.current, presented)
    const owner = find(digest)
    if (owner === undefined) return searchPrevious(presented, digest)
    if (remembered.size >= REMEMBERED_MAX) remembered.clear()
    remembered.set(presented, digest)
    return owner
  }

  function searchPrevious (presented: string, to: string): Owner | undefined {
    if (peppers.previous === undefined) return undefined
    const from = keyDigest(peppers.previous, presented)
    const owner = find(from)
    if (owner !== undefined) outdated(owner, { from, to })
    return owner
  }

  return (presented) => {
    if (presented.length > SECRET_CHARACTERS_MAX || !isWellFormed(presented)) return undefined
    const digest = remembered.get(presented)
    const owner = digest === undefined ? undefined : find(digest)
    if (owner !== undefined) return owner
    remembered.delete(presented)
    return search(presented)
  }
}
