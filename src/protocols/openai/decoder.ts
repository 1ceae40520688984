import { GatewayError, truncatedStream } from '../../core/errors.ts'
import type { ChatEvent } from '../../core/event.ts'
import { arrayAt, isObject, parseJsonObject, stringAt } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Decoder } from '../../core/protocol.ts'
import type { SseEvent } from '../../core/sse-event.ts'
import { ChoiceReader } from './choices.ts'
import { faultOf } from './fault.ts'
import { parseUsage } from './usage.ts'
import { DONE, EXTENSION_KEYS } from './wire.ts'

export function createDecoder (): Decoder {
  return new ChunkDecoder()
}

class ChunkDecoder implements Decoder {
  readonly #choices = new ChoiceReader()
  #state: 'waiting' | 'started' | 'done' | 'failed' = 'waiting'
  /** The upstream said that no more of the answer follows: `[DONE]`, or the usage that comes after all choices. */
  #isWhole = false

  decode (event: SseEvent): ChatEvent[] {
    return this.#state === 'failed' || this.#state === 'done' ? [] : this.#guarded(() => this.#read(event))
  }

  end (): ChatEvent[] {
    return this.#state === 'failed' ? [] : this.#guarded(() => this.#close())
  }

  #read (event: SseEvent): ChatEvent[] {
    const text = event.data?.trim() ?? ''
    if (text === DONE) return this.#finish()
    // An event without data says nothing, unless its name or its status is that of an error.
    const chunk = text === '' ? {} : parseJsonObject(text)
    if (chunk === undefined) throw new GatewayError('upstream_protocol', 'The upstream sent an event that is no JSON object.')
    const fault = faultOf(chunk, event)
    if (fault !== undefined) throw fault
    if (text === '') return []
    const events: ChatEvent[] = []
    if (this.#state === 'waiting') events.push({ type: 'response-start', id: stringAt(chunk, 'id') })
    this.#state = 'started'
    if (readBody(chunk, this.#choices, events) === 'usage-only') this.#isWhole = true
    return events
  }

  #finish (): ChatEvent[] {
    if (!this.#choices.seen) throw new GatewayError('upstream_failed', 'The upstream ended its stream without an answer.')
    this.#state = 'done'
    this.#isWhole = true
    return this.#choices.end()
  }

  #close (): ChatEvent[] {
    if (!this.#choices.seen || (!this.#choices.complete && !this.#isWhole)) throw truncatedStream()
    return [...this.#choices.end(), { type: 'response-end' }]
  }

  #guarded (action: () => ChatEvent[]): ChatEvent[] {
    try {
      return action()
    } catch (caught) {
      this.#state = 'failed'
      return [{ type: 'response-error', error: GatewayError.from(caught) }]
    }
  }
}

/**
 * Appends what a chunk or a whole body says to `events`, its usage last.
 * @returns `usage-only` for the chunk that follows all choices
 */
export function readBody (body: JsonObject, choices: ChoiceReader, events: ChatEvent[]): 'usage-only' | 'choices' {
  for (const name of EXTENSION_KEYS) {
    const value = body[name]
    if (value !== undefined && value !== null) events.push({ type: 'extension', name, value })
  }
  choices.responseId ||= stringAt(body, 'id') ?? ''
  const entries = arrayAt(body, 'choices') ?? []
  for (const [position, entry] of entries.entries()) if (isObject(entry)) choices.read(entry, position, events)
  const usage = parseUsage(body['usage'])
  if (usage === undefined) return 'choices'
  events.push({ type: 'usage', usage })
  return entries.length === 0 ? 'usage-only' : 'choices'
}
