import type { GatewayError } from './errors.ts'
import type { JsonValue } from './json.ts'
import type { Usage } from './usage.ts'

export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter'

/**
 * The one output algebra. A stream is `response-start`, then any of the middle events, then exactly one of
 * `response-end` or `response-error`; a whole response is the same list, arrived at once. Text is always the new piece.
 */
export type ChatEvent =
  | { readonly type: 'response-start', readonly id: string | undefined }
  | { readonly type: 'text-delta', readonly choice: number, readonly text: string }
  | { readonly type: 'reasoning-delta', readonly choice: number, readonly text: string }
  /** Opens a call; `index` counts the calls of one choice from 0 and is what later fragments refer to. */
  | { readonly type: 'tool-call-start', readonly choice: number, readonly index: number, readonly id: string, readonly name: string }
  | { readonly type: 'tool-call-delta', readonly choice: number, readonly index: number, readonly arguments: string }
  | { readonly type: 'logprobs', readonly choice: number, readonly value: JsonValue }
  /** A part of the answer that no protocol but the sender's has a word for, such as `search_info`. */
  | { readonly type: 'extension', readonly name: string, readonly value: JsonValue }
  | { readonly type: 'choice-end', readonly choice: number, readonly reason: FinishReason }
  /** May come many times, cumulative; the last one holds. */
  | { readonly type: 'usage', readonly usage: Usage }
  | { readonly type: 'response-end' }
  | { readonly type: 'response-error', readonly error: GatewayError }

/** What an upstream says of an answer as a whole. The id and the model are its own words, and not to be trusted. */
export interface AnswerFacts {
  readonly id: string | undefined
  readonly model: string | undefined
  /** In the order of the choices. */
  readonly finishReasons: readonly FinishReason[]
}

/** The generated text in one event, as far as it counts as output tokens. */
export function outputTextOf (event: ChatEvent): string {
  switch (event.type) {
    case 'text-delta': case 'reasoning-delta': return event.text
    case 'tool-call-start': return event.name
    case 'tool-call-delta': return event.arguments
    default: return ''
  }
}
