/** Time, as tests replace it. */
export interface SimulatorClock {
  /** Wall time in milliseconds since 1970. */
  nowMs (): number
  /** Calls `action` once after `delayMs` unless the returned function is called before. */
  setTimer (delayMs: number, action: () => void): () => void
}

/** Resolves after `delayMs`, or at once when the signal fires. */
export function waitFor (delayMs: number, clock: SimulatorClock, signal: AbortSignal): Promise<void> {
  if (delayMs <= 0 || signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const cancel = clock.setTimer(delayMs, done)
    signal.addEventListener('abort', done, { once: true })
    function done (): void {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}

export const SYSTEM_CLOCK: SimulatorClock = {
  nowMs: () => Date.now(),
  setTimer: (delayMs, action) => {
    const timer = setTimeout(action, delayMs)
    return () => clearTimeout(timer)
  }
}
