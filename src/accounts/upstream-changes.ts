import { GatewayError } from '../core/errors.ts'
import { isDeepStrictEqual } from 'node:util'
import type { StoredKey, UpstreamDocument } from './account.ts'
import type { UpstreamDraft } from './directory.ts'

// What can be set of an upstream. Each gives a draft to be put in the place of the document it was made from.

const STORED_KEYS_MAX = 64
const DRAINED_KEYS_MAX = 128

/** An upstream of which nothing is set yet. */
export function untouched (name: string): UpstreamDraft {
  return { id: name, isDrained: false, drainedKeys: [], keys: [] }
}

export function withDrain (upstream: UpstreamDraft, isDrained: boolean): UpstreamDraft {
  return { ...upstream, isDrained }
}

/** @throws GatewayError `conflict` where too many are drained */
export function withKeyDrain (upstream: UpstreamDraft, keyId: string, isDrained: boolean): UpstreamDraft {
  const others = upstream.drainedKeys.filter((id) => id !== keyId)
  if (!isDrained) return { ...upstream, drainedKeys: others }
  if (others.length >= DRAINED_KEYS_MAX) throw new GatewayError('conflict', `The upstream has ${DRAINED_KEYS_MAX} drained keys already.`)
  return { ...upstream, drainedKeys: [...others, keyId] }
}

/** @throws GatewayError `conflict` where the key is stored already, or there are too many */
export function withKey (upstream: UpstreamDraft, key: StoredKey): UpstreamDraft {
  if (upstream.keys.some(({ id }) => id === key.id)) throw new GatewayError('conflict', `The upstream has the key ${key.id} already.`)
  if (upstream.keys.length >= STORED_KEYS_MAX) throw new GatewayError('conflict', `The upstream has ${STORED_KEYS_MAX} stored keys already.`)
  return { ...upstream, keys: [...upstream.keys, key] }
}

/** @throws GatewayError `not_found` where no such key is stored */
export function withoutKey (upstream: UpstreamDraft, keyId: string): UpstreamDraft {
  const keys = upstream.keys.filter(({ id }) => id !== keyId)
  if (keys.length === upstream.keys.length) throw new GatewayError('not_found', 'The upstream has no such stored key.', { param: 'key' })
  return { ...withKeyDrain(upstream, keyId, false), keys }
}

/** What the audit log calls a change. */
export function upstreamAction (before: UpstreamDraft, after: UpstreamDraft): string {
  const ids = ({ keys }: UpstreamDraft): string[] => keys.map(({ id }) => id)
  if (after.isDrained !== before.isDrained) return after.isDrained ? 'upstream.drain' : 'upstream.resume'
  if (after.keys.length > before.keys.length) return 'upstream.add_key'
  if (after.keys.length < before.keys.length) return 'upstream.remove_key'
  if (after.drainedKeys.length > before.drainedKeys.length) return 'upstream.drain_key'
  if (after.drainedKeys.length < before.drainedKeys.length) return 'upstream.resume_key'
  return isDeepStrictEqual(ids(before), ids(after)) && !isDeepStrictEqual(before.keys, after.keys) ? 'upstream.reencrypt' : 'upstream.update'
}

/** The upstream with keys in other ciphers. undefined where all stay as they are. */
export function recoded (upstream: UpstreamDocument, recode: (key: StoredKey) => string | undefined): UpstreamDraft | undefined {
  const keys = upstream.keys.map((key) => ({ ...key, cipher: recode(key) ?? key.cipher }))
  return isDeepStrictEqual(keys, upstream.keys) ? undefined : { ...upstream, keys }
}
