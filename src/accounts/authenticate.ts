import { allowsAddress } from './addresses.ts'
import { createExpiries } from './expiry.ts'
import { createSecretLookup } from './secret-lookup.ts'
import { GatewayError } from '../core/errors.ts'
import type { Account, Principal } from './principal.ts'
import type { ClientKey } from './account.ts'
import type { Clock } from '../core/clock.ts'
import type { Directory } from './directory.ts'
import type { HeaderValues } from '../core/protocol.ts'
import type { Outdated } from './repepper.ts'
import type { Peppers } from './secret-lookup.ts'

/** @param address where the request came from, as its socket says */
export type Authenticate = (headers: HeaderValues, address: string | undefined) => Principal

/** How secrets are looked for. */
export interface SecretDeps {
  readonly peppers: Peppers
  /** The store's time. */
  readonly clock: Pick<Clock, 'nowMs'>
  readonly outdated: Outdated
}

/**
 * Tells who calls.
 * @throws GatewayError `unauthenticated`, the same for a key that is unknown, revoked or expired, or a former secret whose grace
 * has ended, and `permission_denied` for an address that the key or its team does not allow
 */
export function createAuthenticate (directory: Pick<Directory, 'findByDigest'>, { peppers, clock, outdated }: SecretDeps): Authenticate {
  const isExpired = createExpiries<ClientKey>((key) => key.settings.expires_at)
  const lookup = createSecretLookup<Account>({
    peppers,
    find (digest) {
      const account = directory.findByDigest(digest)
      return account === undefined || isExpired(account.key, clock.nowMs()) ? undefined : account
    },
    outdated: ({ key }, repeppering) => outdated({ kind: 'key', id: key.id }, repeppering)
  })
  return (headers, address) => {
    const presented = presentedKey(headers)
    if (presented === undefined) throw unauthenticated('No API key was provided. Send it as "Authorization: Bearer <key>".')
    const account = lookup(presented)
    if (account === undefined) throw unauthenticated()
    const { team, key } = account
    if (!allowsAddress(team.settings.allowed_ips, address) || !allowsAddress(key.settings.allowed_ips, address)) {
      throw new GatewayError('permission_denied', 'This API key may not be used from this address.')
    }
    return { team: team.id, keyId: key.id, account }
  }
}

/** The key under any of the names clients send it by. */
export function presentedKey (headers: HeaderValues): string | undefined {
  const authorization = headers['authorization']
  if (authorization !== undefined) return /^bearer +(\S+)\s*$/i.exec(authorization)?.[1]
  return headers['x-api-key'] ?? headers['api-key']
}

function unauthenticated (message = 'Incorrect API key provided.'): GatewayError {
  return new GatewayError('unauthenticated', message)
}
