import type { Clock } from '../core/clock.ts'

/** Counts how calls to a service end, and says when it is no longer worth asking. */
export interface Breaker {
  succeeded (): void
  /** @returns whether it is time to stop */
  failed (): boolean
  /** Begins anew. */
  reset (): void
}

const FAILURES_IN_A_ROW_MAX = 5
const CALLS_MIN = 20
/** Of the calls of the last second. */
const FAILED_SHARE_MAX = 0.5
/** The last second is counted in slices: what is older goes a slice at a time. */
const SLICE_MS = 100
const SLICES = 10

interface Slice { readonly number: number, calls: number, failures: number }

/** A breaker that reads the monotonic clock: a wall clock that is put back an hour must not keep it open for so long. */
export function createBreaker (clock: Pick<Clock, 'monotonicMs'>): Breaker {
  let failuresInARow = 0
  let slices: Slice[] = []

  function count (failures: 0 | 1): void {
    const number = Math.floor(clock.monotonicMs() / SLICE_MS)
    slices = slices.filter((slice) => slice.number > number - SLICES)
    let slice = slices.at(-1)
    if (slice?.number !== number) slices.push(slice = { number, calls: 0, failures: 0 })
    slice.calls++
    slice.failures += failures
  }

  function isFailingMostly (): boolean {
    let calls = 0
    let failures = 0
    for (const slice of slices) {
      calls += slice.calls
      failures += slice.failures
    }
    return calls >= CALLS_MIN && failures > calls * FAILED_SHARE_MAX
  }

  return {
    succeeded () {
      failuresInARow = 0
      count(0)
    },
    failed () {
      count(1)
      return ++failuresInARow >= FAILURES_IN_A_ROW_MAX || isFailingMostly()
    },
    reset () {
      failuresInARow = 0
      slices = []
    }
  }
}
