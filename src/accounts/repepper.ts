import { GatewayError } from '../core/errors.ts'
import type { Clock } from '../core/clock.ts'
import type { Directory, SecretOwner } from './directory.ts'
import type { Repeppering } from './rotation.ts'

/** Told of a secret that is still known by the digest of the previous pepper. */
export type Outdated = (owner: SecretOwner, repeppering: Repeppering) => void

export interface RepepperDeps {
  readonly clock: Clock
  /** Told of what is neither another gateway's being first nor the store's absence. */
  readonly failed: (cause: unknown) => void
}

const MOVING_MAX = 16
/** After a failure: the next use of the secret tries again, but not each. */
const RETRY_DELAY_MS = 1_000

/**
 * Moves secrets to the current pepper as they are used, for only then is their text at hand. Nobody waits for it: the secret
 * is good under either.
 */
export function createRepepper (directory: Pick<Directory, 'repepper'>, { clock, failed }: RepepperDeps): Outdated {
  const moving = new Set<string>()

  async function move (owner: SecretOwner, repeppering: Repeppering): Promise<void> {
    const name = `${owner.kind}:${owner.id}`
    if (moving.has(name) || moving.size >= MOVING_MAX) return
    moving.add(name)
    try {
      await directory.repepper(owner, repeppering)
      moving.delete(name)
    } catch (caught) {
      if (!isForeseen(caught)) failed(caught)
      clock.setTimer(RETRY_DELAY_MS, () => { moving.delete(name) })
    }
  }

  return (owner, repeppering) => { void move(owner, repeppering) }
}

/** A conflict is another gateway that was first: its write is seen here in a moment. */
function isForeseen (caught: unknown): boolean {
  return caught instanceof GatewayError && (caught.kind === 'conflict' || caught.kind === 'store_unavailable')
}
