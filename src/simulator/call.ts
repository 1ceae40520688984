import type { ModelCard } from './models.ts'
import type { JsonObject } from './wire-json.ts'

export type Dialect = 'native' | 'compatible'

/** A request as it arrived, read but not yet judged. */
export interface Envelope {
  readonly dialect: Dialect
  /** Native dialect: which of the two services was called. */
  readonly service: 'text' | 'multimodal'
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: JsonObject
  /** Where sampling options and tools stand: the body itself, or its `parameters`. */
  readonly parameters: JsonObject
  readonly messages: readonly unknown[]
  /** What `messages` is called in the service's complaints. */
  readonly messagesPath: string
  readonly stream: boolean
}

export interface Turn {
  readonly role: string
  readonly content: string
  readonly toolCalls: readonly { readonly name: string, readonly arguments: string }[]
  /** An assistant's half sentence the model is to finish. */
  readonly partial: boolean
}

/** A request that passed every rule, in the words both dialects share. */
export interface Call {
  readonly dialect: Dialect
  readonly service: 'text' | 'multimodal'
  readonly model: ModelCard
  readonly messages: readonly Turn[]
  readonly tools: readonly Tool[]
  /** The one function the caller insists on. */
  readonly forcedTool: string | undefined
  readonly toolChoice: 'auto' | 'none' | 'required'
  readonly parallelToolCalls: boolean
  readonly stream: boolean
  readonly resultFormat: 'text' | 'message'
  readonly incrementalOutput: boolean
  readonly includeUsage: boolean
  readonly thinking: boolean
  readonly outputTokensMax: number
  readonly stop: readonly string[]
  readonly choices: number
  /** As text, for it may be wider than a double. */
  readonly seed: string | undefined
}

export interface Tool {
  readonly name: string
  readonly parameters: JsonObject
  /** As sent: the service counts its tokens. */
  readonly source: unknown
}
