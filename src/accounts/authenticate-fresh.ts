import { GatewayError } from '../core/errors.ts'
import { isClientKeyForm, isWellFormed } from './keys.ts'
import { presentedKey } from './authenticate.ts'
import type { Authenticate } from './authenticate.ts'
import type { Clock } from '../core/clock.ts'
import type { Directory } from './directory.ts'
import type { HeaderValues } from '../core/protocol.ts'
import type { Principal } from './principal.ts'

/** @param address where the request came from, as its socket says */
export type AuthenticateFresh = (headers: HeaderValues, address: string | undefined) => Promise<Principal>

/** Whoever guesses keys must not keep the store busy: more are refused from memory. */
const LOOKS_PER_SECOND_MAX = 20

/**
 * Tells who calls as `authenticate` does. A key that is unknown here may have been made on another gateway a moment ago, and
 * its owner uses it at once: so the store is looked at before it is refused. A store that is away changes nothing.
 */
export function createAuthenticateFresh (
  authenticate: Authenticate, directory: Pick<Directory, 'catchUp'>, clock: Pick<Clock, 'monotonicMs'>
): AuthenticateFresh {
  let second = { startMs: -Infinity, looks: 0 }

  function mayLook (): boolean {
    const nowMs = clock.monotonicMs()
    if (nowMs - second.startMs >= 1_000) second = { startMs: nowMs, looks: 0 }
    return second.looks++ < LOOKS_PER_SECOND_MAX
  }

  return async (headers, address) => {
    try {
      return authenticate(headers, address)
    } catch (caught) {
      if (!(caught instanceof GatewayError) || caught.kind !== 'unauthenticated') throw caught
      const presented = presentedKey(headers) ?? ''
      if (!isClientKeyForm(presented) || !isWellFormed(presented) || !mayLook()) throw caught
      await directory.catchUp().catch(() => { throw caught })
      return authenticate(headers, address)
    }
  }
}
