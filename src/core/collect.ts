import { isObject } from './json.ts'
import type { ChatEvent, FinishReason } from './event.ts'
import type { JsonValue } from './json.ts'
import type { Usage } from './usage.ts'

export interface CollectedCall { readonly id: string, readonly name: string, arguments: string }

export interface CollectedChoice {
  text: string
  reasoning: string
  /** By the call's index; events open calls in order. */
  readonly calls: CollectedCall[]
  reason: FinishReason | undefined
  logprobs: JsonValue | undefined
}

/** What the events so far add up to. `choices` are by index, without gaps. */
export interface Collected {
  readonly choices: CollectedChoice[]
  usage: Usage | undefined
  readonly extensions: Record<string, JsonValue>
}

export function createCollected (): Collected {
  return { choices: [], usage: undefined, extensions: {} }
}

export function collect (events: readonly ChatEvent[]): Collected {
  const collected = createCollected()
  for (const event of events) addEvent(collected, event)
  return collected
}

/** Most candidates a response may have; an index beyond it is a protocol error and not a reason to allocate. */
export const CHOICES_MAX = 128

export function addEvent (collected: Collected, event: ChatEvent): void {
  switch (event.type) {
    case 'text-delta': choiceAt(collected, event.choice).text += event.text; break
    case 'reasoning-delta': choiceAt(collected, event.choice).reasoning += event.text; break
    case 'tool-call-start':
      choiceAt(collected, event.choice).calls[event.index] = { id: event.id, name: event.name, arguments: '' }
      break
    case 'tool-call-delta': {
      const call = choiceAt(collected, event.choice).calls[event.index]
      if (call !== undefined) call.arguments += event.arguments
      break
    }
    case 'logprobs': {
      const choice = choiceAt(collected, event.choice)
      choice.logprobs = joinedLogprobs(choice.logprobs, event.value)
      break
    }
    case 'choice-end': choiceAt(collected, event.choice).reason = event.reason; break
    case 'usage': collected.usage = event.usage; break
    case 'extension': collected.extensions[event.name] = event.value; break
    case 'response-start': case 'response-end': case 'response-error': break
  }
}

/** A stream gives each piece's tokens their own lists, `content` and `refusal`; together they are one list. */
function joinedLogprobs (before: JsonValue | undefined, piece: JsonValue): JsonValue {
  if (!isObject(before) || !isObject(piece)) return piece
  const joined: Record<string, JsonValue | undefined> = { ...before }
  for (const [name, value] of Object.entries(piece)) {
    const list = before[name]
    joined[name] = Array.isArray(list) && Array.isArray(value) ? [...list, ...value] : value ?? list
  }
  return joined
}

function choiceAt (collected: Collected, index: number): CollectedChoice {
  while (collected.choices.length <= index) {
    collected.choices.push({ text: '', reasoning: '', calls: [], reason: undefined, logprobs: undefined })
  }
  return collected.choices[index] as CollectedChoice
}
