import type { Clock, Ids } from '../../src/core/clock.ts'

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Goes on by `ms` and calls every timer that falls due, each at its own time: also those set by a timer on the way. */
  advance (ms: number): void
  /** How many timers wait. */
  readonly pending: number
}

interface Timer { readonly dueMs: number, readonly action: () => void }

const START_MS = Date.UTC(2026, 0, 1)
/** A timer that sets itself again with no delay would otherwise never let `advance` return. */
const TIMERS_PER_ADVANCE_MAX = 100_000

/** Monotonic time starts at 0, wall time at `startMs`. */
export function createManualClock (startMs = START_MS): ManualClock {
  let elapsedMs = 0
  // A set keeps the order of setting, in which timers of the same moment are called.
  const timers = new Set<Timer>()

  function nextDue (untilMs: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of timers) if (timer.dueMs <= untilMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer
    return next
  }

  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    setTimer (delayMs, action) {
      const timer = { dueMs: elapsedMs + Math.max(0, delayMs), action }
      timers.add(timer)
      return () => { timers.delete(timer) }
    },
    advance (ms) {
      if (!(ms >= 0)) throw new RangeError(`time cannot go on by ${ms} ms`)
      const untilMs = elapsedMs + ms
      for (let fired = 0, timer = nextDue(untilMs); timer !== undefined; timer = nextDue(untilMs)) {
        if (++fired > TIMERS_PER_ADVANCE_MAX) throw new Error(`more than ${TIMERS_PER_ADVANCE_MAX} timers fell due`)
        timers.delete(timer)
        elapsedMs = timer.dueMs
        timer.action()
      }
      elapsedMs = untilMs
    },
    get pending () { return timers.size }
  }
}

/** Request ids that count: UUIDs ending in 1, 2, 3 … */
export function createCountedIds (): Ids {
  let last = 0
  return { requestId: () => `00000000-0000-4000-8000-${String(++last).padStart(12, '0')}` }
}

/** Numbers in [0, 1), the same ones for the same seed: a 32-bit counter whose bits are mixed (splitmix32). */
export function createSeededRandom (seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}
