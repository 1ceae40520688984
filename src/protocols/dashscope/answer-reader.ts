import { CHOICES_MAX } from '../../core/collect.ts'
import { GatewayError } from '../../core/errors.ts'
import type { ChatEvent, FinishReason } from '../../core/event.ts'
import { arrayAt, isObject, numberAt, objectAt, stringAt } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { finishReasonFrom } from './finish-reason.ts'
import { createCallReader } from './call-reader.ts'
import type { CallReader } from './call-reader.ts'
import { usageFrom } from './usage.ts'

/** Reads one answer, from its frames or from its only document, into events. */
export interface AnswerReader {
  /** @throws GatewayError `upstream_protocol` for what no answer may say */
  read (document: JsonObject): ChatEvent[]
  /** Ends the choices that have not said why they ended, as some whole answers do not. */
  endChoices (): ChatEvent[]
  /** True once at least one choice was seen and every choice seen has ended. */
  readonly complete: boolean
}

interface ChoiceState {
  readonly calls: CallReader
  ended: boolean
}

const WENT_ON = 'The upstream went on after a choice had ended.'

const OUTPUT_KEYS: ReadonlySet<string> = new Set(['choices', 'text', 'finish_reason', 'reasoning_content'])

export function createAnswerReader (): AnswerReader {
  return new EventReader()
}

class EventReader implements AnswerReader {
  readonly #choices = new Map<number, ChoiceState>()
  #requestId: string | undefined
  #started = false

  read (document: JsonObject): ChatEvent[] {
    const output = objectAt(document, 'output')
    const usage = usageFrom(objectAt(document, 'usage'))
    const events = [...this.#start(document), ...extensionEvents(output)]
    for (const [position, wire] of choicesOf(output).entries()) {
      events.push(...this.#readChoice(wire, choiceIndex(wire, position)))
    }
    if (usage !== undefined) events.push({ type: 'usage', usage })
    return events
  }

  endChoices (): ChatEvent[] {
    if (this.#choices.size === 0) this.#stateOf(0)
    return [...this.#choices].flatMap(([choice, state]) => endEvents(choice, state, 'stop'))
  }

  get complete (): boolean {
    for (const { ended } of this.#choices.values()) if (!ended) return false
    return this.#choices.size > 0
  }

  #start (document: JsonObject): ChatEvent[] {
    if (this.#started) return []
    this.#started = true
    this.#requestId = stringAt(document, 'request_id')
    return [{ type: 'response-start', id: this.#requestId }]
  }

  #readChoice (wire: JsonObject, choice: number): ChatEvent[] {
    const state = this.#stateOf(choice)
    const calls = arrayAt(objectAt(wire, 'message'), 'tool_calls') ?? []
    const events = [...contentEvents(wire, choice), ...state.calls.read(calls)]
    if (state.ended && events.length > 0) throw new GatewayError('upstream_protocol', WENT_ON)
    const reason = finishReasonFrom(wire['finish_reason'])
    return reason === undefined ? events : [...events, ...endEvents(choice, state, reason)]
  }

  #stateOf (choice: number): ChoiceState {
    const known = this.#choices.get(choice)
    if (known !== undefined) return known
    const state = { calls: createCallReader(choice, `${this.#requestId ?? ''}:${choice}`), ended: false }
    this.#choices.set(choice, state)
    return state
  }
}

function endEvents (choice: number, state: ChoiceState, reason: FinishReason): ChatEvent[] {
  if (state.ended) return []
  state.ended = true
  // Some models end with `stop` although they call a tool; clients then would not look for the call.
  const corrected = reason === 'stop' && state.calls.count > 0 ? 'tool-calls' : reason
  return [...state.calls.end(), { type: 'choice-end', choice, reason: corrected }]
}

/** The choices of an answer in either format: text format is one choice without a message around it. */
export function choicesOf (output: JsonObject | undefined): readonly JsonObject[] {
  const choices = arrayAt(output, 'choices')
  if (choices !== undefined) return choices.filter(isObject)
  if (output === undefined || (typeof output['text'] !== 'string' && finishReasonFrom(output['finish_reason']) === undefined)) return []
  const { text, finish_reason: reason, reasoning_content: reasoning } = output
  return [{ finish_reason: reason, message: { content: text, reasoning_content: reasoning } }]
}

/** Content comes as a string from the text service and as parts from the multimodal one. */
export function contentText (content: JsonValue | undefined): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return (content as readonly JsonValue[]).map((part) => isObject(part) ? stringAt(part, 'text') ?? '' : '').join('')
}

function contentEvents (wire: JsonObject, choice: number): ChatEvent[] {
  const message = objectAt(wire, 'message')
  const events: ChatEvent[] = []
  const reasoning = stringAt(message, 'reasoning_content') ?? ''
  if (reasoning !== '') events.push({ type: 'reasoning-delta', choice, text: reasoning })
  const text = contentText(message?.['content'])
  if (text !== '') events.push({ type: 'text-delta', choice, text })
  const logprobs = wire['logprobs']
  if (isObject(logprobs)) events.push({ type: 'logprobs', choice, value: logprobs })
  return events
}

function extensionEvents (output: JsonObject | undefined): ChatEvent[] {
  const events: ChatEvent[] = []
  for (const [name, value] of Object.entries(output ?? {})) {
    if (value !== undefined && value !== null && !OUTPUT_KEYS.has(name)) events.push({ type: 'extension', name, value })
  }
  return events
}

/** @throws GatewayError `upstream_protocol` for a place no choice can have */
export function choiceIndex (wire: JsonObject, position: number): number {
  const index = numberAt(wire, 'index') ?? position
  if (!Number.isInteger(index) || index < 0 || index >= CHOICES_MAX) {
    throw new GatewayError('upstream_protocol', `The upstream sent a choice outside 0 to ${CHOICES_MAX - 1}.`)
  }
  return index
}
