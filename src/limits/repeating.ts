import type { Clock } from '../core/clock.ts'

/** An action that is done again and again, never twice at a time. */
export interface Repeating {
  /** Does it now, unless it is just being done. Resolves when it is done. */
  now (): Promise<void>
  stop (): void
}

export interface RepeatingDeps {
  readonly clock: Pick<Clock, 'setTimer'>
  /** Told of each time it fails; the next time comes all the same. */
  readonly failed: (cause: unknown) => void
}

/** @param delayMs how long after one time is over the next begins */
export function createRepeating (action: () => Promise<void>, delayMs: () => number, deps: RepeatingDeps): Repeating {
  const { clock, failed } = deps
  let isRunning = false
  let isStopped = false
  let stopTimer = later()

  function later (): () => void {
    return clock.setTimer(delayMs(), () => { void now() })
  }

  async function now (): Promise<void> {
    if (isRunning || isStopped) return
    isRunning = true
    stopTimer()
    await action().catch(failed)
    isRunning = false
    if (!isStopped) stopTimer = later()
  }

  return {
    now,
    stop () {
      isStopped = true
      stopTimer()
    }
  }
}
