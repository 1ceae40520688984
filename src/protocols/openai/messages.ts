import { textOf } from '../../core/chat.ts'
import type { Message, Role, ToolCall } from '../../core/chat.ts'
import type { Quirks } from '../../core/target.ts'
import { GatewayError } from '../../core/errors.ts'
import { arrayAt, isObject, objectAt, stringAt } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { linkToolCalls } from '../../core/tool-calls.ts'
import { parsePart, renderPart } from './parts.ts'
import type { WireToolCall } from './wire.ts'

const ROLES: ReadonlyMap<string, Role> = new Map<string, Role>([
  ['system', 'system'], ['developer', 'system'], ['user', 'user'], ['assistant', 'assistant'], ['tool', 'tool'], ['function', 'tool']
])

export const MESSAGE_ROLES: ReadonlySet<string> = new Set(ROLES.keys())

/** Messages that `checkMessages` has passed, in canonical form, every tool result tied to its call. */
export function parseMessages (messages: readonly JsonValue[]): Message[] {
  return linkToolCalls(messages.map((message) => parseMessage(message as JsonObject)), 'messages')
}

export function renderMessages (messages: readonly Message[], quirks: Quirks): JsonObject[] {
  return messages.map((message) => renderMessage(message, quirks))
}

function parseMessage (wire: JsonObject): Message {
  const role = ROLES.get(stringAt(wire, 'role') ?? '') ?? 'user'
  const name = stringAt(wire, 'name')
  const toolCallId = stringAt(wire, 'tool_call_id')
  const reasoning = stringAt(wire, 'reasoning_content')
  const toolCalls = parseToolCalls(wire)
  return {
    role,
    parts: parseContent(wire['content']),
    ...(name === undefined ? {} : { name }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
    ...(reasoning === undefined || reasoning === '' ? {} : { reasoning }),
    ...(wire['partial'] === true ? { partial: true as const } : {}),
    ...(role !== 'tool' || toolCallId === undefined ? {} : { toolCallId })
  }
}

function parseContent (content: JsonValue | undefined): Message['parts'] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return Array.isArray(content) ? (content as readonly JsonObject[]).map(parsePart) : []
}

/** Calls without an id get one where they are tied to their results. */
function parseToolCalls (wire: JsonObject): ToolCall[] {
  const calls = (arrayAt(wire, 'tool_calls') ?? []).filter(isObject).map((call) => parseFunction(call['id'], objectAt(call, 'function')))
  const legacy = objectAt(wire, 'function_call')
  return legacy === undefined ? calls : [...calls, parseFunction('', legacy)]
}

function parseFunction (id: JsonValue | undefined, definition: JsonObject | undefined): ToolCall {
  return { id: typeof id === 'string' ? id : '', name: stringAt(definition, 'name') ?? '', arguments: argumentsText(definition?.['arguments']) }
}

/** Arguments are JSON text; a sender that writes them as JSON itself means the same. */
export function argumentsText (value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

function renderMessage (message: Message, quirks: Quirks): JsonObject {
  if (message.role === 'tool') {
    return { role: 'tool', content: textOf(message), ...(message.toolCallId === undefined ? {} : { tool_call_id: message.toolCallId }) }
  }
  if (message.partial === true && !quirks.extensions) {
    throw new GatewayError('unsupported_parameter', 'This model cannot continue a partial message.', { param: 'partial' })
  }
  return {
    role: message.role,
    content: renderContent(message, quirks),
    ...(message.name === undefined ? {} : { name: message.name }),
    ...(message.reasoning === undefined || !quirks.extensions ? {} : { reasoning_content: message.reasoning }),
    ...(message.toolCalls === undefined ? {} : { tool_calls: message.toolCalls.map(renderToolCall) }),
    ...(message.partial === true ? { partial: true } : {})
  }
}

function renderContent (message: Message, quirks: Quirks): JsonValue {
  const needsParts = message.parts.some((part) => part.type !== 'text' || (quirks.extensions && part.attributes !== undefined))
  if (needsParts) return message.parts.map((part) => renderPart(part, quirks))
  const text = textOf(message)
  // OpenAI documents null beside tool calls; DashScope demands the field and is safe with an empty string alone.
  return text === '' && message.toolCalls !== undefined && !quirks.extensions ? null : text
}

export function renderToolCall (call: ToolCall): WireToolCall {
  return { id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } }
}
