import type { Clock } from '../core/clock.ts'
import type { Directory } from './directory.ts'

export type FollowState = { readonly reachable: true } | { readonly reachable: false, readonly cause: unknown }

export interface FollowDeps {
  readonly clock: Clock
  /** Told when the store can no longer be read, and when it can again. */
  readonly stateChanged: (state: FollowState) => void
}

/** A key revoked on another replica must be dead here within a second. */
const POLL_INTERVAL_MS = 250

/** Keeps a directory up with what other replicas write, until the function it gives is called. */
export function followAccounts (directory: Pick<Directory, 'catchUp'>, { clock, stateChanged }: FollowDeps): () => void {
  let isReachable = true
  let isStopped = false
  let stopTimer = schedule()

  function schedule (): () => void {
    return clock.setTimer(POLL_INTERVAL_MS, () => { void poll() })
  }

  function note (state: FollowState): void {
    if (state.reachable !== isReachable) stateChanged(state)
    isReachable = state.reachable
  }

  async function poll (): Promise<void> {
    try {
      await directory.catchUp()
      if (!isStopped) note({ reachable: true })
    } catch (cause) {
      if (!isStopped) note({ reachable: false, cause })
    }
    if (!isStopped) stopTimer = schedule()
  }

  return () => {
    isStopped = true
    stopTimer()
  }
}
