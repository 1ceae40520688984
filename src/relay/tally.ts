import { outputTextOf } from '../core/event.ts'
import type { ChatEvent } from '../core/event.ts'
import type { Tally } from './meter.ts'
import type { Usage } from '../core/usage.ts'

/** Adds up events as they pass, for the meter. */
export interface EventTally extends Tally {
  add (event: ChatEvent): void
}

export function createTally (): EventTally {
  let usage: Usage | undefined
  const pieces: string[] = []
  return {
    add (event) {
      if (event.type === 'usage') usage = event.usage
      const text = outputTextOf(event)
      if (text !== '') pieces.push(text)
    },
    usage: () => usage,
    outputText: () => pieces.join('')
  }
}

export function tallyOf (events: readonly ChatEvent[]): Tally {
  const tally = createTally()
  for (const event of events) tally.add(event)
  return tally
}
