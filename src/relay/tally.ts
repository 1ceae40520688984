import { Pieces, Transcripts } from '../core/transcript.ts'
import type { ChatEvent, FinishReason } from '../core/event.ts'
import type { Tally } from './meter.ts'
import type { Usage } from '../core/usage.ts'

/** Adds up events as they pass, for the meter. */
export interface EventTally extends Tally {
  add (event: ChatEvent): void
}

export function createTally (): EventTally {
  let usage: Usage | undefined
  let id: string | undefined
  const finishReasons: FinishReason[] = []
  const written = new Transcripts(() => new Pieces())
  return {
    add (event) {
      if (event.type === 'usage') usage = event.usage
      else if (event.type === 'response-start') id = event.id
      else if (event.type === 'choice-end') finishReasons[event.choice] = event.reason
      write(written, event)
    },
    usage: () => usage,
    transcripts: () => written.all(),
    outputBytes: () => written.length,
    get hasThoughts () { return written.hasThoughts },
    told: () => ({ id, model: undefined, finishReasons: Object.values(finishReasons) })
  }
}

function write (written: Transcripts<Pieces>, event: ChatEvent): void {
  switch (event.type) {
    case 'reasoning-delta': if (event.text !== '') written.thoughts(event.choice).appendText(event.text); break
    case 'text-delta': if (event.text !== '') written.text(event.choice).appendText(event.text); break
    case 'tool-call-start': written.call(event.choice, event.index, event.name); break
    case 'tool-call-delta': written.call(event.choice, event.index, '').appendText(event.arguments); break
    case 'choice-end': written.end(event.choice); break
    default: break
  }
}

export function tallyOf (events: readonly ChatEvent[]): Tally {
  const tally = createTally()
  for (const event of events) tally.add(event)
  return tally
}
