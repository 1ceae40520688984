import type { ChatRequest, Message, ToolCall } from '../../core/chat.ts'
import { textOf } from '../../core/chat.ts'
import type { DialectTarget, Quirks } from '../../core/target.ts'
import { GatewayError } from '../../core/errors.ts'
import { ignoredNames } from '../../core/ignored-parameters.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { UpstreamCall } from '../../core/protocol.ts'
import { upstreamHeaders } from './headers.ts'
import { MESSAGES_PATH } from './messages.ts'
import { partTo } from './parts.ts'
import type { WireRequest } from './wire.ts'

/** Options of other protocols that mean nothing here and change nothing in the answer's text. */
export const DROPPED_PARAMETERS: ReadonlySet<string> = new Set([
  'user', 'metadata', 'store', 'service_tier', 'prediction', 'logit_bias', 'safety_identifier', 'prompt_cache_key',
  'prompt_cache_retention', 'prompt_cache_options', 'verbosity', 'moderation', 'audio', 'modalities', 'stream',
  'stream_options', 'web_search_options', 'extra_body', 'result_format', 'incremental_output'
])

/** Options that would change the answer and have no word here. */
const REFUSED_PARAMETERS: readonly string[] = ['functions', 'function_call']

/**
 * Always messages, and increments on a stream: both are what the decoder reads.
 * @throws GatewayError `unsupported_parameter` for what this dialect cannot express
 */
export function renderRequest (request: ChatRequest, target: DialectTarget): UpstreamCall {
  const stream = request.stream || target.quirks.streamOnly
  const body: WireRequest = {
    model: target.model,
    input: { messages: request.messages.map((message) => messageTo(message, target.quirks)) },
    parameters: parametersTo(request, { stream, quirks: target.quirks })
  }
  return {
    path: servicePath(target.quirks),
    headers: upstreamHeaders(request.vendorHeaders, { stream }),
    body: Buffer.from(JSON.stringify(body)),
    stream,
    ignoredParameters: ignoredNames(droppedFrom(request.extra))
  }
}

/** Below the base URL, which ends in `/api/v1`. */
export function servicePath (quirks: Quirks): string {
  return `/services/aigc/${quirks.nativeService}/generation`
}

function parametersTo (request: ChatRequest, how: { readonly stream: boolean, readonly quirks: Quirks }): JsonObject {
  for (const name of REFUSED_PARAMETERS) {
    if (request.extra[name] !== undefined) throw unsupported(name, `The parameter ${name} is not supported for this model; use tools.`)
  }
  const { tool_choice: choice, frequency_penalty: penalty, ...shared } = request.parameters
  const toolChoice = choice === undefined ? undefined : toolChoiceTo(choice, how.quirks)
  return {
    result_format: 'message',
    // The service refuses this key on a call that is not streamed.
    ...(how.stream ? { incremental_output: true } : {}),
    ...(request.outputTokensMax === undefined ? {} : { [capName(how.quirks)]: request.outputTokensMax }),
    ...shared,
    ...(toolChoice === undefined ? {} : { tool_choice: toolChoice }),
    // Zero is what its absence means, and the service does not document this key.
    ...(penalty === undefined || penalty === 0 ? {} : { frequency_penalty: penalty }),
    ...extensionsTo(request.extra)
  }
}

function capName (quirks: Quirks): string {
  return quirks.maxCompletionTokens ? 'max_completion_tokens' : 'max_tokens'
}

function extensionsTo (extra: JsonObject): JsonObject {
  const extensions: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(extra)) {
    if (isSaid(value) && !DROPPED_PARAMETERS.has(name)) extensions[name] = value
  }
  return extensions
}

function droppedFrom (extra: JsonObject): string[] {
  return Object.keys(extra).filter((name) => isSaid(extra[name]) && DROPPED_PARAMETERS.has(name))
}

function isSaid (value: JsonValue | undefined): value is JsonValue {
  return value !== undefined && value !== null
}

/** What to say for a tool_choice where the target may not take `required`. @throws GatewayError `unsupported_parameter` */
export function toolChoiceTo (choice: JsonValue, quirks: Quirks): JsonValue {
  if (isObject(choice) && choice['type'] !== 'function') {
    throw unsupported('tool_choice', 'The tool_choice of this model is "auto", "none" or one function.')
  }
  if (choice !== 'required' || quirks.toolChoiceRequired === 'pass') return choice
  if (quirks.toolChoiceRequired === 'auto') return 'auto'
  throw unsupported('tool_choice', 'tool_choice is one of the strings that should be ["none", "auto"]')
}

function messageTo (message: Message, quirks: Quirks): JsonObject {
  const { name, toolCalls, reasoning, partial, toolCallId } = message
  return {
    role: message.role,
    // Always there, if only empty: the service refuses an assistant message without it, tool calls or not.
    content: contentTo(message, quirks),
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
    ...(toolCalls === undefined ? {} : { tool_calls: toolCalls.map(toolCallTo) }),
    ...(partial === undefined ? {} : { partial }),
    // The qwen-coder-turbo page links an answer to its call by name, today's documentation by id; servers take either.
    ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
    ...(name === undefined ? {} : { name })
  }
}

function toolCallTo (call: ToolCall, index: number): JsonObject {
  return { id: call.id, index, type: 'function', function: { name: call.name, arguments: call.arguments } }
}

function contentTo (message: Message, quirks: Quirks): JsonValue {
  if (quirks.nativeService === 'multimodal-generation') return message.parts.map(partTo)
  const media = message.parts.find(({ type }) => type !== 'text')
  if (media !== undefined) throw unsupported(MESSAGES_PATH, `This model takes text only; it cannot read a part of type ${media.type}.`)
  return textOf(message)
}

function unsupported (param: string, message: string): GatewayError {
  return new GatewayError('unsupported_parameter', message, { param })
}
