import { outputTextOf } from '../core/event.ts'
import type { ChatEvent, FinishReason } from '../core/event.ts'
import type { Tally } from './meter.ts'
import type { Usage } from '../core/usage.ts'

/** Far more than the longest answer. What is said beyond it is missing from an estimate and from nothing else. */
const TEXT_CHARACTERS_MAX = 1_048_576

/** Adds up events as they pass, for the meter. */
export interface EventTally extends Tally {
  add (event: ChatEvent): void
}

export function createTally (): EventTally {
  let usage: Usage | undefined
  let id: string | undefined
  const finishReasons: FinishReason[] = []
  const pieces: string[] = []
  let characters = 0
  let bytes = 0
  return {
    add (event) {
      if (event.type === 'usage') usage = event.usage
      else if (event.type === 'response-start') id = event.id
      else if (event.type === 'choice-end') finishReasons[event.choice] = event.reason
      const text = outputTextOf(event)
      if (text === '' || characters >= TEXT_CHARACTERS_MAX) return
      characters += text.length
      bytes += Buffer.byteLength(text)
      pieces.push(text)
    },
    usage: () => usage,
    outputText: () => pieces.join(''),
    outputBytes: () => bytes,
    told: () => ({ id, model: undefined, finishReasons: Object.values(finishReasons) })
  }
}

export function tallyOf (events: readonly ChatEvent[]): Tally {
  const tally = createTally()
  for (const event of events) tally.add(event)
  return tally
}
