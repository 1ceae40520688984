import { GatewayError } from '../../core/errors.ts'
import type { ChatEvent } from '../../core/event.ts'
import { isObject, numberAt, objectAt, stringAt } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { synthesizedCallId } from '../../core/tool-calls.ts'

/** Puts the fragments of one choice's tool calls together. */
export interface CallReader {
  read (fragments: readonly JsonValue[]): ChatEvent[]
  /** Opens the calls that never got a name, so that what they carried is not lost. */
  end (): ChatEvent[]
  readonly count: number
}

interface CallState {
  readonly wireIndex: number | undefined
  id: string
  started: boolean
  /** Arguments that came before the name did. */
  held: string
}

const CALLS_MAX = 128
const HELD_CHARACTERS_MAX = 1_048_576

/**
 * Fragments belong to the call of their `index`; ids cannot be trusted, for a continuation has '' or repeats the first.
 * @param scope what ids are made from where the upstream gives none
 */
export function createCallReader (choice: number, scope: string): CallReader {
  const calls: CallState[] = []

  const open = (wireIndex: number | undefined): number => {
    if (calls.length === CALLS_MAX) throw new GatewayError('upstream_protocol', `The upstream sent more than ${CALLS_MAX} tool calls.`)
    return calls.push({ wireIndex, id: '', started: false, held: '' }) - 1
  }

  const start = (index: number, name: string): ChatEvent[] => {
    const call = calls[index] as CallState
    call.started = true
    const id = call.id === '' ? synthesizedCallId(scope, index) : call.id
    const events: ChatEvent[] = [{ type: 'tool-call-start', choice, index, id, name }]
    if (call.held !== '') events.push({ type: 'tool-call-delta', choice, index, arguments: call.held })
    call.held = ''
    return events
  }

  const readFragment = (fragment: JsonObject, position: number): ChatEvent[] => {
    const index = placeOf(fragment, position, calls) ?? open(numberAt(fragment, 'index'))
    const call = calls[index] as CallState
    const definition = objectAt(fragment, 'function')
    const name = stringAt(definition, 'name') ?? ''
    const text = stringAt(definition, 'arguments') ?? ''
    if (call.id === '') call.id = stringAt(fragment, 'id') ?? ''
    if (!call.started && name === '') {
      call.held += text
      if (call.held.length > HELD_CHARACTERS_MAX) throw new GatewayError('upstream_protocol', 'The upstream sent a tool call without a name.')
      return []
    }
    const events = call.started ? [] : start(index, name)
    if (text !== '') events.push({ type: 'tool-call-delta', choice, index, arguments: text })
    return events
  }

  return {
    read: (fragments) => fragments.flatMap((fragment, position) => isObject(fragment) ? readFragment(fragment, position) : []),
    end: () => calls.flatMap((call, index) => call.started ? [] : start(index, '')),
    get count () { return calls.length }
  }
}

/** The call a fragment goes on with, or undefined where it opens one. */
function placeOf (fragment: JsonObject, position: number, calls: readonly CallState[]): number | undefined {
  const wireIndex = numberAt(fragment, 'index')
  if (wireIndex !== undefined) return found(calls.findIndex((call) => call.wireIndex === wireIndex))
  // Older models give no index. An id already seen decides; a fragment without a name goes on with the last call.
  const id = stringAt(fragment, 'id') ?? ''
  const same = id === '' ? undefined : found(calls.findIndex((call) => call.id === id))
  if (same !== undefined) return same
  const name = stringAt(objectAt(fragment, 'function'), 'name') ?? ''
  if (name === '') return found(calls.length - 1)
  return id === '' && position < calls.length ? position : undefined
}

function found (place: number): number | undefined {
  return place < 0 ? undefined : place
}
