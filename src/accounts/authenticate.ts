import { allowsAddress } from './addresses.ts'
import { GatewayError } from '../core/errors.ts'
import { instantMs } from './times.ts'
import { isWellFormed, keyDigest } from './keys.ts'
import type { ClientKey } from './account.ts'
import type { Clock } from '../core/clock.ts'
import type { Directory } from './directory.ts'
import type { HeaderValues } from '../core/protocol.ts'
import type { Principal } from './principal.ts'

/** @param address where the request came from, as its socket says */
export type Authenticate = (headers: HeaderValues, address: string | undefined) => Principal

const KEY_CHARACTERS_MAX = 512
const REMEMBERED_KEYS_MAX = 10_000

/**
 * Tells who calls. A key is found by its digest alone, so no comparison depends on a secret's characters. Keys seen before
 * are remembered by their text, which spares a busy key its hash; only good keys are, so guesses cannot fill the memory.
 * @throws GatewayError `unauthenticated`, the same for a key that is unknown, revoked or expired, and `permission_denied`
 * for an address that the key or its team does not allow
 */
export function createAuthenticate (directory: Pick<Directory, 'findByDigest'>, pepper: string, clock: Pick<Clock, 'nowMs'>): Authenticate {
  const remembered = new Map<string, string>()
  const expiryOf = createExpiries()
  return (headers, address) => {
    const presented = presentedKey(headers)
    if (presented === undefined) throw unauthenticated('No API key was provided. Send it as "Authorization: Bearer <key>".')
    if (presented.length > KEY_CHARACTERS_MAX || !isWellFormed(presented)) throw unauthenticated()
    const digest = remembered.get(presented) ?? keyDigest(pepper, presented)
    const account = directory.findByDigest(digest)
    if (account === undefined || clock.nowMs() >= expiryOf(account.key)) throw unauthenticated()
    if (remembered.size >= REMEMBERED_KEYS_MAX) remembered.clear()
    remembered.set(presented, digest)
    const { team, key } = account
    if (!allowsAddress(team.settings.allowed_ips, address) || !allowsAddress(key.settings.allowed_ips, address)) {
      throw new GatewayError('permission_denied', 'This API key may not be used from this address.')
    }
    return { team: team.id, keyId: key.id, account }
  }
}

/** The key under any of the names clients send it by. */
function presentedKey (headers: HeaderValues): string | undefined {
  const authorization = headers['authorization']
  if (authorization !== undefined) return /^bearer +(\S+)\s*$/i.exec(authorization)?.[1]
  return headers['x-api-key'] ?? headers['api-key']
}

/** When keys die, read once for each revision of a key. */
function createExpiries (): (key: ClientKey) => number {
  const known = new WeakMap<ClientKey, number>()
  return (key) => {
    if (key.settings.expires_at === undefined) return Infinity
    let expiryMs = known.get(key)
    // A time that cannot be read is refused when it is set; should one get here, the key is dead rather than immortal.
    if (expiryMs === undefined) known.set(key, expiryMs = instantMs(key.settings.expires_at) ?? 0)
    return expiryMs
  }
}

function unauthenticated (message = 'Incorrect API key provided.'): GatewayError {
  return new GatewayError('unauthenticated', message)
}
