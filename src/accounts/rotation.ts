import { FORMER_SECRETS_MAX } from './account.ts'
import { GatewayError } from '../core/errors.ts'
import type { ClientKey, FormerSecret } from './account.ts'

export interface Rotation {
  /** Of the new secret. */
  readonly digest: string
  /** How long the one before lives on; 0 ends all older ones at once. */
  readonly graceMs: number
}

/** A secret under another pepper. */
export interface Repeppering { readonly from: string, readonly to: string }

/**
 * While gateways are restarted one after the other, some know only the old pepper: a digest of theirs lives on for so long
 * beside the one that has taken its place.
 */
const REPEPPER_GRACE_MS = 3_600_000

/** Former secrets that let in at that time, as the store's clock has it. */
export function livingFormer ({ former }: Pick<ClientKey, 'former'>, nowMs: number): readonly FormerSecret[] {
  return former.filter(({ untilMs }) => untilMs > nowMs)
}

/** The key with another secret; everything else of it stays. @throws GatewayError `conflict` where too many older ones live */
export function rotated (key: ClientKey, { digest, graceMs }: Rotation, nowMs: number): ClientKey {
  if (graceMs === 0) return { ...key, digest, former: [] }
  const former = [{ digest: key.digest, untilMs: nowMs + graceMs }, ...livingFormer(key, nowMs)]
  if (former.length <= FORMER_SECRETS_MAX) return { ...key, digest, former }
  throw new GatewayError('conflict', `The key has ${FORMER_SECRETS_MAX} older secrets that still live. Wait until one has ended, or rotate with grace_seconds 0, which ends them all.`)
}

/** The key with one of its secrets under another pepper. undefined where it has no such secret any more. */
export function repeppered (key: ClientKey, { from, to }: Repeppering, nowMs: number): ClientKey | undefined {
  const former = livingFormer(key, nowMs)
  const untilMs = key.digest === from ? Infinity : former.find(({ digest }) => digest === from)?.untilMs
  if (untilMs === undefined) return undefined
  const moved = former.map((secret) => secret.digest === from ? { ...secret, digest: to } : secret)
  const farewell = { digest: from, untilMs: Math.min(untilMs, nowMs + REPEPPER_GRACE_MS) }
  return {
    ...key,
    digest: key.digest === from ? to : key.digest,
    former: moved.length < FORMER_SECRETS_MAX ? [...moved, farewell] : moved
  }
}
