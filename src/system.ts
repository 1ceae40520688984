import { randomUUID } from 'node:crypto'
import type { Clock, Ids } from './core/clock.ts'

/** The real clock. Timers do not keep the process alive: what waits on them also holds a socket. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer (delayMs, action) {
    const timer = setTimeout(action, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  }
}

export const systemIds: Ids = {
  requestId () {
    const timeHex = Date.now().toString(16).padStart(12, '0')
    return `${timeHex.slice(0, 8)}-${timeHex.slice(8)}-7${randomUUID().slice(15)}`
  }
}
