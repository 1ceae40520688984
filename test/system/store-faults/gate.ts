import { SYSTEM_CLOCK } from '../../../src/simulator/clock.ts'
import type { SimulatorClock } from '../../../src/simulator/clock.ts'

/** The upstream's time: its pauses end at once, but for those of streams that are held up. */
export interface Gate extends SimulatorClock {
  /** When so many more pieces have been sent, so many streams stop until `open`. */
  stop (streams: number, afterPieces: number): void
  open (): void
  readonly waiting: number
}

export function createGate (): Gate {
  let [pieces, streams] = [0, 0]
  const waiting = new Set<() => void>()
  return {
    nowMs: SYSTEM_CLOCK.nowMs,
    get waiting () { return waiting.size },
    setTimer (_delayMs, action) {
      if (pieces-- > 0 || streams === 0) return SYSTEM_CLOCK.setTimer(0, action)
      streams--
      waiting.add(action)
      return () => { waiting.delete(action) }
    },
    stop (streamsMax, afterPieces) { [streams, pieces] = [streamsMax, afterPieces] },
    open () {
      streams = 0
      for (const action of waiting) action()
      waiting.clear()
    }
  }
}
