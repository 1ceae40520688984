import { choicesOf, documentOf, finishes, mapChoices, mapDocuments, messageOf, withMessage } from './fault.ts'
import type { Fault } from './fault.ts'
import type { Action, Reply } from '../reply.ts'
import { arrayAt, isObject, objectAt } from '../wire-json.ts'
import type { JsonObject } from '../wire-json.ts'

/** Faults in what the documents say: usage, tool calls, the shape of the finish. */
export const documentFaults: Readonly<Record<string, Fault>> = {
  /** `usage=HOW`: `none`, `null`, `empty`, `zero`, `negative`, `huge`, `fraction`, `string` or `no-total`. */
  usage: (reply, { values }) => {
    const how = values[0] ?? 'none'
    const change = USAGES[how]
    if (change === undefined) throw new RangeError(`simulator: no usage is ${how}`)
    return mapDocuments(reply, document => withUsage(document, change))
  },
  /** The last event that has usage comes twice. */
  'usage-twice': reply => {
    const place = reply.actions.findLastIndex(action => isObject(documentOf(action)?.usage))
    return { ...reply, actions: reply.actions.flatMap((action, index) => index === place ? [action, action] : [action]) }
  },
  /** The finish comes with an empty object for a message. */
  'empty-finish': reply => ({ ...reply, actions: reply.actions.map(action => finishes(action) ? emptied(action) : action) }),
  /** The last piece of the arguments comes with the finish. */
  'arguments-in-finish': argumentsInFinish,
  /** Calls as they were in 2024: neither id nor index. */
  'ids-missing': reply => mapCalls(reply, ({ id: _id, index: _index, ...call }) => call),
  /** Every piece of a call repeats the id of its opening. */
  'ids-repeated': idsRepeated,
  /** An empty name in every piece but the opening one. */
  'names-empty': reply => mapCalls(reply, call => call.id === '' ? withFunction(call, { name: '' }) : call),
  'names-null': reply => mapCalls(reply, call => call.id === '' ? withFunction(call, { name: null }) : call),
  /** Null for arguments where there are none. */
  'arguments-null': reply => mapCalls(reply, call => objectAt(call, 'function').arguments === '' ? withFunction(call, { arguments: null }) : call),
  /** `cumulative`: content repeats everything said so far, whatever was asked for. */
  cumulative
}

const USAGES: Readonly<Record<string, (usage: JsonObject) => unknown>> = {
  none: () => undefined,
  null: () => null,
  empty: () => ({}),
  zero: usage => eachNumber(usage, () => 0),
  negative: usage => eachNumber(usage, tokens => -tokens - 1),
  huge: usage => eachNumber(usage, () => Number.MAX_SAFE_INTEGER * 1024),
  fraction: usage => eachNumber(usage, tokens => tokens + 0.5),
  string: usage => eachNumber(usage, String),
  'no-total': ({ total_tokens: _total, ...usage }) => usage
}

function eachNumber (usage: JsonObject, change: (tokens: number) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(usage).map(([key, value]) => [key, typeof value === 'number' ? change(value) : value]))
}

/** JSON leaves out what is undefined. */
function withUsage (document: JsonObject, change: (usage: JsonObject) => unknown): JsonObject {
  return isObject(document.usage) ? { ...document, usage: change(document.usage) } : document
}

function emptied (action: Action): Action {
  const document = documentOf(action)
  if (action.type !== 'frame' || document === undefined) return action
  return { ...action, frame: { ...action.frame, data: mapChoices(document, choice => withMessage(choice, {})) } }
}

function mapCalls (reply: Reply, change: (call: JsonObject) => JsonObject): Reply {
  return mapDocuments(reply, document => mapChoices(document, choice => {
    const message = messageOf(choice)
    if (message.tool_calls === undefined) return choice
    return withMessage(choice, { ...message, tool_calls: callsOf(choice).map(change) })
  }))
}

function callsOf (choice: JsonObject): readonly JsonObject[] {
  return arrayAt(messageOf(choice), 'tool_calls').filter(isObject)
}

function withFunction (call: JsonObject, members: JsonObject): JsonObject {
  return { ...call, function: { ...objectAt(call, 'function'), ...members } }
}

function idsRepeated (reply: Reply): Reply {
  const ids = new Map<unknown, unknown>()
  return mapCalls(reply, call => {
    if (call.id !== '') ids.set(call.index, call.id)
    return { ...call, id: ids.get(call.index) }
  })
}

function argumentsInFinish (reply: Reply): Reply {
  const finish = reply.actions.findIndex(finishes)
  const last = reply.actions.findLastIndex((action, index) => index < finish && hasArguments(action))
  const calls = choicesOf(documentOf(reply.actions[last]) ?? {}).flatMap(callsOf)
  if (calls.length === 0) return reply
  const actions = reply.actions.map((action, index): Action => {
    const document = documentOf(action)
    if (index !== finish || action.type !== 'frame' || document === undefined) return action
    const data = mapChoices(document, choice => withMessage(choice, { ...messageOf(choice), tool_calls: calls }))
    return { ...action, frame: { ...action.frame, data } }
  })
  return { ...reply, actions: actions.filter((_action, index) => index !== last) }
}

function hasArguments (action: Action): boolean {
  return choicesOf(documentOf(action) ?? {}).flatMap(callsOf).some(call => objectAt(call, 'function').arguments !== '')
}

function cumulative (reply: Reply): Reply {
  const said = new Map<unknown, JsonObject>()
  return mapDocuments(reply, document => mapChoices(document, choice => {
    const before = said.get(choice.index ?? 0) ?? {}
    const message = messageOf(choice)
    const content = textAt(before, 'content') + textAt(message, 'content')
    const now: JsonObject = { ...message, content }
    if ('reasoning_content' in message) now.reasoning_content = textAt(before, 'reasoning_content') + textAt(message, 'reasoning_content')
    said.set(choice.index ?? 0, { ...before, ...now })
    return withMessage(choice, now)
  }))
}

function textAt (message: JsonObject, key: string): string {
  const text = message[key]
  return typeof text === 'string' ? text : ''
}
