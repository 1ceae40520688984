import type { JsonObject, JsonValue } from '../../core/json.ts'

// What DashScope's native protocol says, in the order the vendor writes it. Readers of an upstream take plain JSON instead
// and trust nothing.

export interface WireToolCall {
  /** '' on a fragment that continues a call. */
  readonly id: string
  readonly index: number
  readonly type: 'function'
  /** `name` stands on the opening fragment only: clients join the names of all fragments. */
  readonly function: { readonly name?: string, readonly arguments: string }
}

/** The text service writes a string, the multimodal one a list of parts, empty where there is no text. */
export type WireContent = string | readonly { readonly text: string }[]

export interface WireMessage {
  readonly role: 'assistant'
  readonly content: WireContent
  readonly reasoning_content?: string
  readonly tool_calls?: readonly WireToolCall[]
}

export interface WireChoice {
  /** The string "null" until the choice ends. */
  readonly finish_reason: string
  readonly message: WireMessage
  readonly index?: number
  readonly logprobs?: JsonValue
}

export interface WireMessageOutput { readonly choices: readonly WireChoice[] }

export interface WireTextOutput {
  readonly text: string
  readonly finish_reason: string
  readonly reasoning_content?: string
}

export type WireOutput = WireMessageOutput | WireTextOutput

export interface WireUsage {
  readonly total_tokens: number
  readonly output_tokens: number
  readonly input_tokens: number
  readonly prompt_tokens_details?: Readonly<Record<string, number>>
  readonly input_tokens_details?: Readonly<Record<string, number>>
  readonly output_tokens_details?: Readonly<Record<string, number>>
}

/** A whole answer, and the data of each frame of a stream. */
export interface WireAnswer {
  readonly output: WireOutput
  readonly usage: WireUsage
  readonly request_id: string
}

/** All strings and nothing else: a null here breaks the Java SDK. */
export interface WireError {
  readonly code: string
  readonly message: string
  readonly request_id: string
  /** Ours: the limit that refused the request. */
  readonly limit?: JsonObject
}

export interface WireRequest {
  readonly model: string
  readonly input: { readonly messages: readonly JsonObject[] }
  readonly parameters: JsonObject
}
