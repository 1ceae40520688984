import type { Message, Part, Role, ToolCall } from '../../core/chat.ts'
import { GatewayError, invalidParameter } from '../../core/errors.ts'
import { arrayAt, isObject, objectAt, stringAt } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { MessageGrammar } from '../../core/messages.ts'
import { linkToolCalls } from '../../core/tool-calls.ts'
import { partFault, partFrom } from './parts.ts'

export const MESSAGES_PATH = 'input.messages'

export const NATIVE_GRAMMAR: MessageGrammar = {
  path: MESSAGES_PATH,
  roles: new Set(['system', 'user', 'assistant', 'tool', 'function', 'plugin']),
  partFault
}

/** Roles in canonical terms. `plugin` belongs to a retired service and stays on the byte lane. */
const ROLES: Readonly<Record<string, Role>> = { system: 'system', user: 'user', assistant: 'assistant', tool: 'tool', function: 'tool' }

const HISTORY_TURNS_MAX = 5_000

/** A tool's answer must say which call it answers, by id as the documentation has it or by name as the qwen-coder-turbo page. */
export function checkToolNames (messages: readonly JsonObject[]): void {
  for (const [index, message] of messages.entries()) {
    if (message['role'] !== 'tool') continue
    if (stringAt(message, 'name') === undefined && stringAt(message, 'tool_call_id') === undefined) {
      throw invalidParameter(`${MESSAGES_PATH}.[${index}].name`, `Input error. Field required: ${MESSAGES_PATH}.${index}.name`)
    }
  }
}

/** @throws GatewayError `invalid_request` where `input.history` is no list of `{user, bot}` */
export function checkHistory (history: JsonValue): void {
  const path = 'input.history'
  if (!Array.isArray(history)) throw invalidParameter(path, "'history' must be List")
  if (history.length > HISTORY_TURNS_MAX) throw invalidParameter(path, `'history' must have at most ${HISTORY_TURNS_MAX} entries`)
  for (const [index, turn] of (history as readonly JsonValue[]).entries()) {
    if (isObject(turn) && isHalf(turn['user']) && isHalf(turn['bot'])) continue
    throw invalidParameter(`${path}.[${index}]`, "An entry of 'history' must be an object of the strings user and bot")
  }
}

/** One half of a turn may be missing: nobody said it. */
function isHalf (text: JsonValue | undefined): boolean {
  return text === undefined || text === null || typeof text === 'string'
}

/** The conversation of a checked `input`, in either of its forms. @throws GatewayError where a tool's answer fits no call */
export function messagesFrom (input: JsonObject): Message[] {
  const messages = arrayAt(input, 'messages')
  if (messages === undefined) return [...historyFrom(input), said('user', stringAt(input, 'prompt') ?? '')]
  return linkToolCalls(messages.map((message, index) => messageFrom(message as JsonObject, index)), MESSAGES_PATH)
}

function historyFrom (input: JsonObject): Message[] {
  const messages: Message[] = []
  for (const turn of arrayAt(input, 'history') ?? []) {
    const user = stringAt(turn as JsonObject, 'user') ?? ''
    const bot = stringAt(turn as JsonObject, 'bot') ?? ''
    // An empty message is refused by the vendor's models.
    if (user !== '') messages.push(said('user', user))
    if (bot !== '') messages.push(said('assistant', bot))
  }
  return messages
}

function said (role: Role, text: string): Message {
  return { role, parts: [{ type: 'text', text }] }
}

function messageFrom (message: JsonObject, index: number): Message {
  const wireRole = stringAt(message, 'role') ?? ''
  const role = ROLES[wireRole]
  if (role === undefined) {
    throw new GatewayError('unsupported_parameter', `The role ${wireRole} is not supported for this model.`,
      { param: `${MESSAGES_PATH}.[${index}].role` })
  }
  const name = stringAt(message, 'name')
  const toolCallId = stringAt(message, 'tool_call_id')
  const reasoning = stringAt(message, 'reasoning_content')
  const calls = arrayAt(message, 'tool_calls')
  return {
    role,
    parts: partsFrom(message['content']),
    ...(name === undefined ? {} : { name }),
    ...(calls === undefined || calls.length === 0 ? {} : { toolCalls: calls.map((call) => toolCallFrom(call as JsonObject)) }),
    ...(reasoning === undefined || reasoning === '' ? {} : { reasoning }),
    ...(message['partial'] === true ? { partial: true } : {}),
    ...(toolCallId === undefined || role !== 'tool' ? {} : { toolCallId })
  }
}

function partsFrom (content: JsonValue | undefined): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  return Array.isArray(content) ? (content as readonly JsonObject[]).map(partFrom) : []
}

function toolCallFrom (call: JsonObject): ToolCall {
  const definition = objectAt(call, 'function')
  const given = definition?.['arguments']
  return {
    id: stringAt(call, 'id') ?? '',
    name: stringAt(definition, 'name') ?? '',
    arguments: typeof given === 'string' ? given : given === undefined || given === null ? '' : JSON.stringify(given)
  }
}
