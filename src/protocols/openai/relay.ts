import { memberPath } from '../../core/body.ts'
import type { DialectTarget } from '../../core/target.ts'
import type { Message } from '../../core/chat.ts'
import { GatewayError } from '../../core/errors.ts'
import { ignoredNames } from '../../core/ignored-parameters.ts'
import { arrayAt, isObject, objectAt, withoutKeys } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { applyChanges } from '../../core/patch.ts'
import type { Changes } from '../../core/patch.ts'
import type { Adjustments, ClientCall, Envelope, OpenedCall, UpstreamCall } from '../../core/protocol.ts'
import { callHeaders, isDisabledTopK, isTuningKey, refuseDecisiveExtensions, toolChoiceFor, unmarkedTools, vendorHeadersOf } from './extensions.ts'

export const CHAT_PATH = '/chat/completions'

/** The client's own bytes with the few members changed that this target needs otherwise; the same Buffer where it needs none. */
export function relayRequest (
  call: ClientCall, opened: OpenedCall, target: DialectTarget, adjustments: Adjustments
): UpstreamCall | undefined {
  const { envelope } = opened
  if (target.quirks.streamOnly && !envelope.stream) return undefined
  const { document } = call.body
  const changes: Changes = new Map()
  if (target.model !== envelope.model) changes.set('model', JSON.stringify(target.model))
  if (envelope.stream) askForUsage(document, changes)
  normalizeNumbers(document, changes)
  const ignoredParameters = target.quirks.extensions ? [] : removeExtensions(document, changes)
  const toolChoice = toolChoiceFor(document['tool_choice'], target)
  if (toolChoice !== undefined) changes.set('tool_choice', JSON.stringify(toolChoice))
  setOutputCap({ document, envelope, target, adjustments }, changes)
  const messages = rewrittenMessages(arrayAt(document, 'messages') as readonly JsonObject[], opened, target)
  if (messages !== undefined) changes.set('messages', JSON.stringify(messages))
  return {
    path: CHAT_PATH,
    headers: callHeaders({ stream: envelope.stream, vendorHeaders: vendorHeadersOf(call.headers) }, target),
    body: applyChanges(call.body, changes),
    stream: envelope.stream,
    ignoredParameters
  }
}

/** Every stream is asked for its usage, which the gateway charges; the observer withholds it from a client that did not ask. */
function askForUsage (document: JsonObject, changes: Changes): void {
  if (document['stream'] !== true) changes.set('stream', 'true')
  if (objectAt(document, 'stream_options')?.['include_usage'] !== true) changes.set('stream_options.include_usage', 'true')
}

/** Some servers read `-0` as text of a negative number and refuse it where 0 is in range. */
function normalizeNumbers (document: JsonObject, changes: Changes): void {
  for (const [key, value] of Object.entries(document)) if (Object.is(value, -0)) changes.set(memberPath(key), '0')
}

/** @returns the parameters that go with the extensions */
function removeExtensions (document: JsonObject, changes: Changes): string[] {
  refuseDecisiveExtensions(document)
  const removed = Object.keys(document).filter(isTuningKey)
  for (const key of removed) changes.set(key, undefined)
  const tools = unmarkedTools(document)
  if (tools !== undefined) changes.set('tools', JSON.stringify(tools))
  return ignoredNames(removed.filter((key) => document[key] !== null && !isDisabledTopK(key, document[key])))
}

interface CapContext {
  readonly document: JsonObject
  readonly envelope: Envelope
  readonly target: DialectTarget
  readonly adjustments: Adjustments
}

/** One cap goes up under one name: with two, the gateway could reserve for the one and be charged for the other. */
function setOutputCap (context: CapContext, changes: Changes): void {
  const { document, envelope, target } = context
  const outputTokensMax = context.adjustments.outputTokensMax ?? envelope.outputTokensMax
  if (outputTokensMax === undefined) return
  const name = target.quirks.maxCompletionTokens ? 'max_completion_tokens' : envelope.outputCapPath
  const other = name === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens'
  if (document[name] !== outputTokensMax) changes.set(name, JSON.stringify(outputTokensMax))
  if (document[other] !== undefined) changes.set(other, undefined)
}

/** The messages as this target takes them, or undefined where it takes them as they are. */
function rewrittenMessages (
  messages: readonly JsonObject[], opened: OpenedCall, target: DialectTarget
): JsonObject[] | undefined {
  // A result may name the function it comes from where this protocol wants the id of the call.
  const linked = messages.some(lacksId) ? opened.parseRequest().messages : []
  let changed = false
  const rewritten = messages.map((message, index) => {
    const result = rewrittenMessage(withIds(message, linked[index]), target)
    if (result !== message) changed = true
    return result
  })
  return changed ? rewritten : undefined
}

function lacksId (message: JsonObject): boolean {
  if (message['role'] === 'tool') return isBlank(message['tool_call_id'])
  return arrayAt(message, 'tool_calls')?.some((call) => isBlank((call as JsonObject)['id'])) ?? false
}

function isBlank (id: JsonValue | undefined): boolean {
  return typeof id !== 'string' || id === ''
}

function withIds (message: JsonObject, linked: Message | undefined): JsonObject {
  const { toolCallId, toolCalls } = linked ?? {}
  if (message['role'] === 'tool' && toolCallId !== undefined) return { ...message, tool_call_id: toolCallId }
  if (!lacksId(message)) return message
  const calls = arrayAt(message, 'tool_calls') ?? []
  return { ...message, tool_calls: calls.map((call, index) => ({ ...call as JsonObject, id: toolCalls?.[index]?.id })) }
}

function rewrittenMessage (original: JsonObject, target: DialectTarget): JsonObject {
  const { quirks } = target
  let message = original
  if (message['role'] === 'developer' && !quirks.developerRole) message = { ...message, role: 'system' }
  if (quirks.extensions) {
    const content = message['content']
    // DashScope refuses an assistant message whose content is missing, even beside tool calls.
    const isEmpty = message['role'] === 'assistant' && (content === undefined || content === null)
    return isEmpty ? { ...message, content: '' } : message
  }
  if (message['partial'] === true) {
    throw new GatewayError('unsupported_parameter', 'This model cannot continue a partial message.', { param: 'partial' })
  }
  return withoutMarks(message)
}

const MESSAGE_MARKS: ReadonlySet<string> = new Set(['reasoning_content', 'partial', 'cache_control'])
const PART_MARKS: ReadonlySet<string> = new Set(['cache_control'])

/** Without what DashScope adds to messages and their parts, which OpenAI's own service refuses as unknown. */
function withoutMarks (message: JsonObject): JsonObject {
  const content = arrayAt(message, 'content')
  const marked = content?.some((part) => isObject(part) && hasAny(part, PART_MARKS)) ?? false
  if (!marked) return hasAny(message, MESSAGE_MARKS) ? withoutKeys(message, MESSAGE_MARKS) : message
  const parts = (content ?? []).map((part) => isObject(part) ? withoutKeys(part, PART_MARKS) : part)
  return { ...withoutKeys(message, MESSAGE_MARKS), content: parts }
}

function hasAny (object: JsonObject, keys: ReadonlySet<string>): boolean {
  for (const key of keys) if (object[key] !== undefined) return true
  return false
}
