import { CHOICES_MAX } from '../../core/collect.ts'
import { GatewayError } from '../../core/errors.ts'
import type { ChatEvent, FinishReason } from '../../core/event.ts'
import { arrayAt, isObject, objectAt, stringAt } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { synthesizedCallId } from '../../core/tool-calls.ts'
import { argumentsText } from './messages.ts'
import { contentText, finishReasonOf, reasoningText } from './wire.ts'

const CALLS_MAX = 1_024

interface Call {
  readonly wireIndex: number | undefined
  id: string
  /** Its index among the calls that were opened, from its first name on. */
  place: number | undefined
  /** Arguments that came before the name did. */
  pending: string
}

interface Choice {
  readonly calls: Call[]
  opened: number
  ended: boolean
}

/**
 * Reads the entries of `choices`, of a stream or of a whole answer, which is a stream that arrived at once. Calls are
 * merged by index, never by id: vendors send continuations with `id: ""`, the same id again, or `name: null`.
 */
export class ChoiceReader {
  readonly #choices = new Map<number, Choice>()
  /** Keeps the ids made for nameless calls apart between the answers of one conversation. */
  responseId = ''

  get seen (): boolean {
    return this.#choices.size > 0
  }

  get complete (): boolean {
    for (const choice of this.#choices.values()) if (!choice.ended) return false
    return this.seen
  }

  /** Appends what one entry says to `events`. @throws GatewayError `upstream_protocol` */
  read (entry: JsonObject, position: number, events: ChatEvent[]): void {
    const index = boundedIndex(entry['index'] ?? position, CHOICES_MAX, 'choice')
    const choice = this.#choiceAt(index)
    const before = events.length
    const { logprobs } = entry
    if (logprobs !== undefined && logprobs !== null) events.push({ type: 'logprobs', choice: index, value: logprobs })
    const message = objectAt(entry, 'delta') ?? objectAt(entry, 'message')
    if (message !== undefined) readMessage(message, { choice, index, events, responseId: this.responseId })
    if (choice.ended) {
      if (events.length > before) throw broken('The upstream went on with an answer it had ended.')
      return
    }

    const reason = finishReasonOf(entry['finish_reason'])
    if (reason !== undefined) events.push(endOf(choice, index, reason))
  }

  /** The ends an upstream left unsaid though it said that the answer is whole. */
  end (): ChatEvent[] {
    const events: ChatEvent[] = []
    for (const [index, choice] of this.#choices) {
      if (!choice.ended) events.push(endOf(choice, index, 'stop'))
    }
    return events
  }

  #choiceAt (index: number): Choice {
    const known = this.#choices.get(index)
    if (known !== undefined) return known
    const choice = { calls: [], opened: 0, ended: false }
    this.#choices.set(index, choice)
    return choice
  }
}

/** Some vendors end an answer that calls tools with the reason "stop". */
function endOf (choice: Choice, index: number, reason: FinishReason): ChatEvent {
  if (choice.calls.some((call) => call.place === undefined && call.pending !== '')) {
    throw broken('The upstream made a tool call without a name.')
  }
  choice.ended = true
  return { type: 'choice-end', choice: index, reason: reason === 'stop' && choice.opened > 0 ? 'tool-calls' : reason }
}

interface Place {
  readonly choice: Choice
  readonly index: number
  readonly events: ChatEvent[]
  readonly responseId: string
}

function readMessage (message: JsonObject, place: Place): void {
  const reasoning = reasoningText(message)
  if (reasoning !== '') place.events.push({ type: 'reasoning-delta', choice: place.index, text: reasoning })
  const text = contentText(message['content']) + contentText(message['refusal'])
  if (text !== '') place.events.push({ type: 'text-delta', choice: place.index, text })
  for (const [position, fragment] of (arrayAt(message, 'tool_calls') ?? []).entries()) {
    if (isObject(fragment)) readCall(fragment, position, place)
  }
}

function readCall (fragment: JsonObject, position: number, place: Place): void {
  const definition = objectAt(fragment, 'function')
  const name = stringAt(definition, 'name') ?? ''
  const call = callFor(fragment, position, { calls: place.choice.calls, name })
  if (call.id === '') call.id = stringAt(fragment, 'id') ?? ''
  const text = call.pending + argumentsText(definition?.['arguments'])
  if (call.place === undefined) {
    call.pending = text
    if (name === '') return
    call.place = place.choice.opened++
    if (call.id === '') call.id = synthesizedCallId(`${place.responseId}:${place.index}`, call.place)
    place.events.push({ type: 'tool-call-start', choice: place.index, index: call.place, id: call.id, name })
    call.pending = ''
  }
  if (text !== '') place.events.push({ type: 'tool-call-delta', choice: place.index, index: call.place, arguments: text })
}

/**
 * The call a fragment belongs to. Without an index, a fragment whose id or name is new opens a call, and one that names
 * nothing goes on with the last.
 */
function callFor (fragment: JsonObject, position: number, context: { calls: Call[], name: string }): Call {
  const { calls, name } = context
  const id = stringAt(fragment, 'id') ?? ''
  const wireIndex = typeof fragment['index'] === 'number' ? boundedIndex(fragment['index'], CALLS_MAX, 'tool call') : undefined
  let call: Call | undefined
  if (wireIndex !== undefined) call = calls.find((known) => known.wireIndex === wireIndex)
  else if (id !== '') call = calls.find((known) => known.id === id)
  else if (name === '') call = calls.at(-1)
  if (call !== undefined) return call

  if (calls.length === CALLS_MAX) throw broken(`The upstream made more than ${CALLS_MAX} tool calls.`)
  if (wireIndex === undefined && id === '' && name === '') throw broken(`The upstream continued tool call ${position} before it began one.`)
  const opened: Call = { wireIndex, id: '', place: undefined, pending: '' }
  calls.push(opened)
  return opened
}

function boundedIndex (value: JsonValue, indexMax: number, what: string): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < indexMax) return value as number
  throw broken(`The upstream sent an impossible index of a ${what}.`)
}

function broken (message: string): GatewayError {
  return new GatewayError('upstream_protocol', message)
}
