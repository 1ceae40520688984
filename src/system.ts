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

const LATE_INTERVAL_MS = 20

/** Tells again and again how late a timer was, until the returned function is called. */
export function watchEventLoop (late: (delayMs: number) => void): () => void {
  let dueMs = performance.now() + LATE_INTERVAL_MS
  const timer = setInterval(() => {
    const nowMs = performance.now()
    late(Math.max(0, nowMs - dueMs))
    dueMs = nowMs + LATE_INTERVAL_MS
  }, LATE_INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

export const systemIds: Ids = {
  requestId () {
    const timeHex = Date.now().toString(16).padStart(12, '0')
    return `${timeHex.slice(0, 8)}-${timeHex.slice(8)}-7${randomUUID().slice(15)}`
  }
}
