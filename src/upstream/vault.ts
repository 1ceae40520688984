import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { upstreamKeyId } from '../core/upstream-key.ts'
import type { Peppers } from '../accounts/secret-lookup.ts'

/** An upstream's key as the store may have it. */
export interface SealedKey { readonly id: string, readonly cipher: string }

export type OpenedKey =
  | { readonly key: string, readonly sealedWith: 'current' | 'previous' }
  /** What is wrong with it, as the rest of a sentence. */
  | { readonly key: undefined, readonly why: string }

/**
 * Encrypts upstream keys for the store: with AES-256-GCM under a key that is derived from the gateway's secret, which is not in
 * the store, and bound to the upstream and the key's own id, so that a cipher is of no use in another's place.
 */
export interface Vault {
  seal (upstream: string, key: string): SealedKey
  open (upstream: string, sealed: SealedKey): OpenedKey
}

const ALGORITHM = 'aes-256-gcm'
const VERSION = 'v1.'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const PURPOSE = 'dashgate upstream keys'

/** @param nonce that many random bytes, never the same twice */
export function createVault (secrets: Peppers, nonce: (bytes: number) => Buffer = randomBytes): Vault {
  const current = keyFrom(secrets.current)
  const previous = secrets.previous === undefined ? undefined : keyFrom(secrets.previous)
  return {
    seal (upstream, key) {
      const id = upstreamKeyId(key)
      const iv = nonce(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, current, iv, { authTagLength: TAG_BYTES }).setAAD(boundTo(upstream, id))
      const sealed = [iv, cipher.update(key, 'utf8'), cipher.final(), cipher.getAuthTag()]
      return { id, cipher: VERSION + Buffer.concat(sealed).toString('base64url') }
    },
    open (upstream, { id, cipher }) {
      if (!cipher.startsWith(VERSION)) return { key: undefined, why: 'is in a form that this gateway does not know' }
      const sealed = Buffer.from(cipher.slice(VERSION.length), 'base64url')
      const key = decrypted(sealed, current, boundTo(upstream, id))
      if (key !== undefined) return { key, sealedWith: 'current' }
      const older = previous === undefined ? undefined : decrypted(sealed, previous, boundTo(upstream, id))
      if (older !== undefined) return { key: older, sealedWith: 'previous' }
      return { key: undefined, why: 'cannot be decrypted: it was changed in the store, or stored with another DASHGATE_SECRET' }
    }
  }
}

function keyFrom (secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, KEY_BYTES))
}

/** Names of upstreams have no spaces. */
function boundTo (upstream: string, id: string): Buffer {
  return Buffer.from(`${upstream} ${id}`)
}

/** undefined for what was not sealed with that key, for that purpose, or is not as it was. */
function decrypted (sealed: Buffer, key: Buffer, purpose: Buffer): string | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(purpose)
    .setAuthTag(sealed.subarray(-TAG_BYTES))
  const text = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES))
  try {
    return Buffer.concat([text, decipher.final()]).toString('utf8')
  } catch {
    // Node says no more than that it could not be authenticated.
    return undefined
  }
}
