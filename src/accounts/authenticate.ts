import { GatewayError } from '../core/errors.ts'
import { isWellFormed, keyDigest } from './keys.ts'
import type { HeaderValues } from '../core/protocol.ts'
import type { Principal } from './principal.ts'

/** Where keys are looked up. A key is found by its digest alone, so no comparison depends on a secret's characters. */
export interface KeyStore {
  findByDigest (digest: string): Principal | undefined
}

export type Authenticate = (headers: HeaderValues) => Principal

const KEY_CHARACTERS_MAX = 512
const REMEMBERED_KEYS_MAX = 10_000

/**
 * Tells who calls. Keys seen before are remembered by their text, which spares a busy key its hash; only good keys are,
 * so guesses cannot fill the memory.
 * @throws GatewayError `unauthenticated`, the same for every reason
 */
export function createAuthenticate (store: KeyStore, pepper: string): Authenticate {
  const remembered = new Map<string, string>()
  return (headers) => {
    const presented = presentedKey(headers)
    if (presented === undefined) throw unauthenticated('No API key was provided. Send it as "Authorization: Bearer <key>".')
    if (presented.length > KEY_CHARACTERS_MAX || !isWellFormed(presented)) throw unauthenticated()
    const digest = remembered.get(presented) ?? keyDigest(pepper, presented)
    const principal = store.findByDigest(digest)
    if (principal === undefined) throw unauthenticated()
    if (remembered.size >= REMEMBERED_KEYS_MAX) remembered.clear()
    remembered.set(presented, digest)
    return principal
  }
}

/** The key under any of the names clients send it by. */
function presentedKey (headers: HeaderValues): string | undefined {
  const authorization = headers['authorization']
  if (authorization !== undefined) return /^bearer +(\S+)\s*$/i.exec(authorization)?.[1]
  return headers['x-api-key'] ?? headers['api-key']
}

function unauthenticated (message = 'Incorrect API key provided.'): GatewayError {
  return new GatewayError('unauthenticated', message)
}
