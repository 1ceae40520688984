import { createHash, timingSafeEqual } from 'node:crypto'
import { createExpiries } from './expiry.ts'
import { createSecretLookup } from './secret-lookup.ts'
import { isAdminTokenForm } from './keys.ts'
import { weaknessOf } from '../core/secret-strength.ts'
import type { Actor } from './actor.ts'
import type { AdminToken } from './account.ts'
import type { Directory } from './directory.ts'
import type { SecretDeps } from './authenticate.ts'

/** Where the root token is kept in the data folder if none is configured. */
export const ADMIN_TOKEN_FILE = 'admin-token'

/** The one that is configured, or made at the first start. It cannot be revoked through the API that it opens. */
const ROOT: AdminIdentity = { id: 'root', role: 'admin', team: undefined }

/** Who has an admin token. */
export type AdminIdentity = Pick<Actor, 'id' | 'role' | 'team'>

/**
 * Tells who presents an admin token: undefined for one that is unknown, revoked or expired.
 * @throws Error for a root token that could be guessed
 */
export function createIdentifyAdmin (
  rootToken: string, directory: Pick<Directory, 'findTokenByDigest'>, { peppers, clock, outdated }: SecretDeps
): (presented: string) => AdminIdentity | undefined {
  const isRoot = createTokenCheck(rootToken)
  const isExpired = createExpiries<AdminToken>((token) => token.expiresAt)
  const lookup = createSecretLookup<AdminToken>({
    peppers,
    find (digest) {
      const token = directory.findTokenByDigest(digest)
      return token === undefined || isExpired(token, clock.nowMs()) ? undefined : token
    },
    outdated: ({ id }, repeppering) => outdated({ kind: 'token', id }, repeppering)
  })
  return (presented) => {
    if (isRoot(presented)) return ROOT
    const token = isAdminTokenForm(presented) ? lookup(presented) : undefined
    return token === undefined ? undefined : { id: token.id, role: token.role, team: token.team }
  }
}

/**
 * Tells whether a presented token is the root token. Digests are compared, which are of one length, in a time that says nothing.
 * @throws Error for a token that could be guessed
 */
export function createTokenCheck (token: string): (presented: string) => boolean {
  const weakness = weaknessOf(token)
  if (weakness !== undefined) throw new Error(`The admin token ${weakness}.`)
  const expected = digestOf(token)
  return (presented) => timingSafeEqual(digestOf(presented), expected)
}

function digestOf (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
