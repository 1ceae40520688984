import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { canonicalJson } from '../accounts/canonical-json.ts'
import { KEPT_CHARACTERS_MAX } from '../accounts/idempotency-store.ts'
import { GatewayError } from '../core/errors.ts'
import type { IdempotencyStore } from '../accounts/idempotency-store.ts'

/** What a write came to. */
export interface Result { readonly status: number, readonly body: object | undefined }

export interface IdempotentWrite {
  /** The id of who writes: his keys are his own. */
  readonly actor: string
  /** The header as it was sent. */
  readonly key: string
  /** All that makes it this write and no other. */
  readonly request: object
}

/**
 * Does a write once for each Idempotency-Key of an actor, and gives its result to whoever asks for the same again. What was
 * refused or failed did nothing and is not kept: it may be tried again under the same key.
 */
export interface Idempotency {
  /** @throws GatewayError `invalid_request`, `conflict`, `overloaded`, `store_unavailable`, and what the write throws */
  once (write: IdempotentWrite, perform: () => Promise<Result>): Promise<Result & { readonly isReplayed: boolean }>
}

export interface IdempotencyDeps {
  readonly store: IdempotencyStore
  /** Results hold new secrets: they are kept encrypted under it and the Idempotency-Key, of which neither is in the store. */
  readonly secret: string
  /** Told of what could not be kept or given back. */
  readonly failed: (cause: unknown) => void
  readonly random?: (bytes: number) => Buffer
}

const KEY = /^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/
/** No write takes so long; a gateway that has died in one frees the key after it. */
const UNDER_WAY_MS = 60_000
const KEPT_MS = 24 * 3_600_000

const ALGORITHM = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

interface Kept {
  /** A keyed hash of the request. */
  readonly print: string
  /** Of this very try, while it is under way. */
  readonly owner?: string
  /** The result, encrypted; '' where it was too long to be kept. */
  readonly result?: string
}

export function createIdempotency ({ store, secret, failed, random = randomBytes }: IdempotencyDeps): Idempotency {
  return {
    async once ({ actor, key, request }, perform) {
      if (!KEY.test(key)) throw refused('invalid_request', 'An Idempotency-Key has 1 to 255 printable ASCII characters.')
      const keys = keysFor(secret, actor, key)
      const print = createHmac('sha256', keys.print).update(canonicalJson(request)).digest('base64url')
      const underWay = JSON.stringify({ print, owner: random(NONCE_BYTES).toString('base64url') } satisfies Kept)
      const taking = await store.take(keys.name, underWay, UNDER_WAY_MS)
      if (taking.status === 'full') {
        throw new GatewayError('overloaded', 'Too many Idempotency-Keys are remembered. Try again later, or without one.', { retryAfterMs: UNDER_WAY_MS })
      }
      if (taking.status === 'known') return { ...keptResult(JSON.parse(taking.text) as Kept, print, keys.seal), isReplayed: true }
      const result = await perform().catch(async (caught: unknown) => {
        await store.release(keys.name, underWay).catch(failed)
        throw caught
      })
      const sealed = seal(result, keys.seal, random(NONCE_BYTES))
      const kept = { print, result: sealed.length > KEPT_CHARACTERS_MAX ? '' : sealed } satisfies Kept
      // It is done, whether or not that can be noted.
      await store.replace(keys.name, { from: underWay, to: JSON.stringify(kept), lifeMs: KEPT_MS }).catch(failed)
      return { ...result, isReplayed: false }
    }
  }
}

/** @throws GatewayError `conflict` */
function keptResult (kept: Kept, print: string, key: Buffer): Result {
  if (kept.print !== print) throw refused('conflict', 'This Idempotency-Key was used for another request. Use a new one.')
  if (kept.result === undefined) {
    throw refused('conflict', 'A request with this Idempotency-Key is under way. Try again shortly.', 1_000)
  }
  if (kept.result === '') throw refused('conflict', 'This was done before, and its answer was too long to be kept. Read what it changed.')
  return open(kept.result, key)
}

function refused (kind: 'conflict' | 'invalid_request', message: string, retryAfterMs?: number): GatewayError {
  return new GatewayError(kind, message, { param: 'Idempotency-Key', retryAfterMs })
}

interface Keys { readonly name: string, readonly print: Buffer, readonly seal: Buffer }

/** Nobody who has the store and guesses at keys can see by a name or a hash whether he is right. */
function keysFor (secret: string, actor: string, key: string): Keys {
  const bytes = Buffer.from(hkdfSync('sha256', secret, key, `dashgate idempotency of ${actor}`, 3 * KEY_BYTES))
  return {
    name: bytes.subarray(0, KEY_BYTES).toString('hex'),
    print: bytes.subarray(KEY_BYTES, 2 * KEY_BYTES),
    seal: bytes.subarray(2 * KEY_BYTES)
  }
}

function seal (result: Result, key: Buffer, nonce: Buffer): string {
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
  return Buffer.concat([nonce, cipher.update(JSON.stringify(result), 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64')
}

function open (sealed: string, key: Buffer): Result {
  const bytes = Buffer.from(sealed, 'base64')
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8')
  return JSON.parse(text) as Result
}
