import { EventEmitter } from 'node:events'
import { createManualClock } from './fixed.ts'
import type { ManualClock } from './fixed.ts'

/** A clock that stands still until it is told to go on, and tells of every timer that is set. */
export interface WatchedClock extends ManualClock {
  /** Emits the delay in milliseconds, as a string, one turn of the event loop after a timer of that delay is set. */
  readonly armings: EventEmitter
}

export function createWatchedClock (): WatchedClock {
  const clock = createManualClock()
  const armings = new EventEmitter()
  return {
    nowMs: clock.nowMs,
    monotonicMs: clock.monotonicMs,
    advance: clock.advance,
    get pending () { return clock.pending },
    armings,
    setTimer (delayMs, action) {
      setImmediate(() => armings.emit(String(delayMs)))
      return clock.setTimer(delayMs, action)
    }
  }
}

/** A clock that stands still but for waits of one length: those are over a turn of the event loop later. */
export function createSkippingClock (delayMs: number): WatchedClock {
  const clock = createWatchedClock()
  clock.armings.on(String(delayMs), () => clock.advance(delayMs))
  return clock
}
