import type { FinishReason } from '../../core/event.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { SHARED_PARAMETERS } from '../../core/parameters.ts'

/** What this protocol calls itself in errors and in the configuration. */
export const PROTOCOL = 'openai'

/** `data:` of the event that ends a stream. */
export const DONE = '[DONE]'

/** DashScope's compatible mode ends a failed choice with this reason, the error's text standing where the answer's should. */
export const ERROR_FINISH = 'error_finish'

/** Keys of a request that have a place of their own in the canonical one; only what is left is an extension. */
export const PLACED_KEYS: ReadonlySet<string> = new Set([
  ...SHARED_PARAMETERS, 'model', 'messages', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens'
])

/** A tool call of a whole message. In a stream it also has an `index`, and continuations have nothing but that and arguments. */
export type WireToolCall = {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string, readonly arguments: string }
}

export interface WireError {
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
  /** Ours: the limit that refused the request. */
  readonly limit?: JsonObject
}

export interface WireUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details: Readonly<Record<string, number>>
  readonly completion_tokens_details: Readonly<Record<string, number>>
}

/** Top-level keys of an answer that hold more of it than OpenAI's protocol has words for. */
export const EXTENSION_KEYS: readonly string[] = ['search_info']

const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'], ['length', 'length'], ['tool_calls', 'tool-calls'], ['function_call', 'tool-calls'], ['content_filter', 'content-filter']
])

export const WIRE_REASONS = {
  stop: 'stop', length: 'length', 'tool-calls': 'tool_calls', 'content-filter': 'content_filter'
} as const satisfies Record<FinishReason, string>

/** Undefined while the choice goes on. A reason we do not know ends it like any other. */
export function finishReasonOf (wire: JsonValue | undefined): FinishReason | undefined {
  if (typeof wire !== 'string' || wire === '' || wire === 'null') return undefined
  return REASONS.get(wire) ?? 'stop'
}

/** Message content as text: a string, or the text of its parts. Null and absent are no text. */
export function contentText (content: JsonValue | undefined): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  let text = ''
  for (const part of content as readonly JsonValue[]) text += partText(part)
  return text
}

/** Servers name it either way. */
export function reasoningText (message: JsonObject): string {
  return contentText(message['reasoning_content'] ?? message['reasoning'])
}

function partText (part: JsonValue): string {
  const text = typeof part === 'object' && part !== null ? (part as JsonObject)['text'] : undefined
  return typeof text === 'string' ? text : ''
}
